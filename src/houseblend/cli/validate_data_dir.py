"""validate-data-dir: check a data directory."""

from pathlib import Path

from houseblend.cli.program import argument, option, program

SHOWN = 20


@program(example="validate-data-dir --no-feats data/train")
@argument("data_dir", type=Path, help="data directory")
@option("--no-feats", type=bool, default=False, help="feats.scp need not be there")
@option("--no-text", type=bool, default=False, help="text need not be there")
@option("--no-wav", type=bool, default=False, help="wav.scp need not be there")
@option("--no-spk-sort", type=bool, default=False, help="Utterances need not be in the order of their speakers")
def main(data_dir: Path, no_feats: bool, no_text: bool, no_wav: bool, no_spk_sort: bool) -> None:
    """Check the form of every file and that all hold the same utterances, speakers and recordings."""
    from houseblend.base.errors import InputError
    from houseblend.base.log import error, log, warn
    from houseblend.io.data_dir import doubts, problems
    from houseblend.io.data_files import FIX

    required = [
        name for name, absent in (("text", no_text), ("wav.scp", no_wav), ("feats.scp", no_feats)) if not absent
    ]
    found = list(problems(data_dir, required, not no_spk_sort))
    for problem in found[:SHOWN]:
        error(str(problem))
    for doubt in doubts(data_dir):
        warn(doubt)
    if found:
        more = f", the first {SHOWN} above" if len(found) > SHOWN else ""
        fixing = f", or {FIX}" if any(FIX in (problem.do or "") for problem in found) else ""
        raise InputError(f"problems: {len(found)}{more}", file=data_dir, do=f"mend them{fixing}")
    log(f"{data_dir} is valid")
