"""validate-ali: check an alignment directory."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="validate-ali exp/mono_ali")
@argument("directory", type=Path, help="directory to check")
def main(directory: Path) -> None:
    """Check the model and every alignment of an alignment directory."""
    from houseblend.base.log import log
    from houseblend.io.directories import validate

    validate("ali", directory)
    log(f"{directory} is valid")
