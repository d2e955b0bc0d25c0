"""split-data: a data directory in parts of about the same size."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="split-data data/train 4")
@argument("data_dir", type=Path, help="data directory")
@argument("num_parts", type=int, help="number of parts")
@option("--per-utt", type=bool, default=False, help="Parts may share a speaker")
def main(data_dir: Path, num_parts: int, per_utt: bool) -> None:
    """Write DATA_DIR/split4/1 to 4 (with --per-utt split4utt); without it, a speaker is in one part."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.io.data_subsets import open_data_dir, split_by_speaker, split_evenly, write_subset

    if num_parts < 1:
        raise UsageError(f"{num_parts} parts", expected="at least 1")
    data = open_data_dir(data_dir)
    utt2spk = data.files["utt2spk"]
    parts = split_evenly(list(utt2spk), num_parts) if per_utt else split_by_speaker(utt2spk.values(), num_parts)
    folder = data_dir / f"split{num_parts}{'utt' if per_utt else ''}"
    for number, part in enumerate(parts, start=1):
        write_subset(data, part, folder / str(number))
    log(f"{folder}: {', '.join(str(len(part)) for part in parts)} utterances")
