"""validate-lang: check a lang directory: symbols, phone lists, topology."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="validate-lang data/lang")
@argument("directory", type=Path, help="directory to check")
def main(directory: Path) -> None:
    """Check that the files of a lang directory are there and agree."""
    from houseblend.base.log import log
    from houseblend.io.directories import validate

    validate("lang", directory)
    log(f"{directory} is valid")
