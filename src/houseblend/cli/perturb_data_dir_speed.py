"""perturb-data-dir-speed: a copy of a data directory, faster or slower, for training."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="perturb-data-dir-speed 0.9 data/train data/train_sp0.9")
@argument("factor", help="of the speed, 0.9 or 1.1 usually; it stands in the prefix sp0.9- of all ids")
@argument("source", type=Path, help="data directory with wav.scp")
@argument("target", type=Path, help="data directory to write")
def main(factor: str, source: Path, target: Path) -> None:
    """Write wav.scp with commands of sox, scaled segments and durations, and what each utterance is a copy of.

    Without utt2dur and segments all recordings are read once, for their lengths.
    """
    from houseblend.base.log import log
    from houseblend.io.data_speed import perturb_speed

    count = perturb_speed(factor, source, target)
    log(f"{target}: {count} utterances at {factor} times the speed; make their features next")
