"""validate-exp: check a model or experiment directory."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="validate-exp exp/dnn")
@argument("directory", type=Path, help="directory to check")
def main(directory: Path) -> None:
    """Check the model, the record of its features and the ledger of an experiment."""
    from houseblend.base.log import log
    from houseblend.io.directories import validate

    validate("exp", directory)
    log(f"{directory} is valid")
