"""plot-training: objective curves, learning rates and distances of experiments."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="plot-training exp/dnn curves.svg")
@argument("experiments", nargs=-1, type=Path, help="experiment directories")
@argument("picture", type=Path, help="picture to write (svg)")
def main(experiments: tuple[Path, ...], picture: Path) -> None:
    """Draw the curves of one or several experiments from their ledgers."""
    from houseblend.base.atomic import write_text
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.report.chart import picture as drawn
    from houseblend.report.curves import read_rounds, training_charts, trainings

    if picture.suffix != ".svg":
        raise UsageError(f"{picture}", expected="a name that ends in .svg")
    runs = {name: read_rounds(place) for experiment in experiments for name, place in trainings(experiment).items()}
    write_text(picture, drawn(training_charts(runs), columns=2))
    log(f"wrote {picture}")
