"""plot-training: objective curves, learning rates and distances of experiments."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="plot-training exp/dnn curves.png")
@argument("experiments", nargs=-1, type=Path, help="experiment directories")
@argument("picture", type=Path, help="picture to write (png, svg or pdf)")
def main(experiments: tuple[Path, ...], picture: Path) -> None:
    """Draw the curves of one or several experiments from their ledgers."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.report.curves import plot_experiments

    if picture.suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{picture}", expected="a name that ends in .png, .svg or .pdf")
    plot_experiments(experiments, picture)
    log(f"wrote {picture}")
