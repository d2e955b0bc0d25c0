"""validate-frames: read a frame store whole and check it."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="validate-frames exp/frames")
@argument("folder", type=Path, help="frame store")
def main(folder: Path) -> None:
    """Check sizes, the table of utterances, that features are finite and pdfs in range."""
    from houseblend.base.log import log
    from houseblend.frames.store import validate_store

    validate_store(folder)
    log(f"{folder} is whole")
