"""fix-data-dir: sort a data directory and drop incomplete utterances."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="fix-data-dir data/train")
@argument("data_dir", type=Path, help="data directory, changed in place; old files are kept in its .backup")
def main(data_dir: Path) -> None:
    """Sort all files and keep the utterances that obey the rules of validate-data-dir; list those dropped."""
    from houseblend.base.log import log, warn
    from houseblend.io.data_dir import BACKUP, DROPPED, fix_data_dir

    fixed = fix_data_dir(data_dir)
    for utterance, reason in fixed.dropped:
        warn(f"dropped [{utterance}]: {reason}")
    if fixed.changed:
        log(f"written: {', '.join(fixed.changed)}; old files and the list {DROPPED} are in {data_dir / BACKUP}")
    log(f"kept {fixed.kept} utterances, dropped {len(fixed.dropped)}")
