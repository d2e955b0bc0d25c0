"""Curves of trainings, from their ledgers: objective, accuracy, learning rate, distance of the workers to their mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import LEDGER
from houseblend.parallel.ledger import finished, read_ledger
from houseblend.parallel.records import Measured, RoundRecord
from houseblend.report.chart import Chart, Line
from houseblend.report.style import PALETTE
from houseblend.report.units import unit_of

Rounds = Sequence[RoundRecord]


def read_rounds(experiment: Path) -> list[RoundRecord]:
    """The ledger's finished rounds.

    Raises:
        InputError: there is no ledger, or no round in it.
    """
    path = experiment / LEDGER
    if not path.is_file():
        raise InputError("no ledger", file=path, do="name an experiment directory of train_dnn")
    rounds = finished(read_ledger(path)[0])
    if not rounds:
        raise InputError("no finished round", file=path, do="wait for the first, or see hb why")
    return rounds


def trainings(experiment: Path) -> dict[str, Path]:
    """The directory itself, or those of the RBMs below it, in their order, with the names that pictures have for them."""
    below = sorted(experiment.glob("rbm*"), key=lambda path: (len(path.name), path.name))
    rbms = {f"{experiment.name}/{path.name}": path for path in below if (path / LEDGER).exists()}
    return rbms or {experiment.name: experiment}


def training_charts(runs: Mapping[str, Rounds]) -> list[Chart]:
    """Objective (solid held out, dashed the training subset), accuracy, learning rate and distance to the mean, over frames seen.

    Of RBMs the objective is minus the squared reconstruction error of a visible unit, and one more chart shows by how much the
    free energy of held-out frames lies above that of training (over-fitting: Hinton 2010, 15.1). Of a single training the
    workers' own models before the last blend of a round are shown too, and the distance by component.

    Args:
        runs: rounds by the training's name.
    """
    return [
        *(_objectives(runs),),
        *_measures("accuracy", runs, lambda found: found.heldout_accuracy, lambda found: found.train_accuracy),
        *_measures("free energy, held out less training", runs, lambda found: found.free_energy_gap),
        _chart("learning rate", _lines(runs, lambda one: one.plan.learning_rate), holds=(0.0,)),
        _distances(runs),
    ]


def frames_seen(one: RoundRecord) -> int:
    """How many frames all workers had learnt when the round was over."""
    return one.plan.position


def _objectives(runs: Mapping[str, Rounds]) -> Chart:
    lines: list[Line] = []
    for number, (name, rounds) in enumerate(runs.items()):
        notes = {place: f"{len(one.dropped)} dropped" for place, one in enumerate(rounds) if one.dropped}
        names = ("held out", "training subset") if len(runs) == 1 else (name, "")
        lines += [
            Line(names[0], _points(rounds, lambda one: one.measured.heldout_objective), number, marks=True, notes=notes),
            Line(names[1], _points(rounds, lambda one: one.measured.train_objective), number, "dashed"),
        ]  # fmt: skip
    if len(runs) == 1:
        lines += _workers(next(iter(runs.values())))
    return _chart(
        "objective per frame, nats (RBM: \u2212error)" if _of_rbms(runs) else "objective per frame, nats", lines
    )


def _workers(rounds: Rounds) -> list[Line]:
    """The held-out objective of each worker's own model; one that was dropped may lie anywhere."""
    numbers = sorted({number for one in rounds for number in one.workers}) if len(rounds[0].workers) > 1 else []
    lines = []
    for number in numbers:
        reports = [(one, one.workers.get(number)) for one in rounds]
        points = [(frames_seen(one), report.heldout_objective if report else None) for one, report in reports]
        lines.append(Line("" if lines else "each worker alone", points, None, "faint", fits=False))
    return lines


def _measures(title: str, runs: Mapping[str, Rounds], *values: Callable[[Measured], float | None]) -> list[Chart]:
    """A chart, if there is such a measure; the first value solid, the next dashed."""
    lines = []
    for style, value in zip(("solid", "dashed"), values, strict=False):
        for number, (name, rounds) in enumerate(runs.items()):
            points = _points(rounds, lambda one, value=value: value(one.measured))
            alone = {"solid": "held out", "dashed": "training subset"}[style] if len(values) > 1 else ""
            title_of = alone if len(runs) == 1 else name * (style == "solid")
            lines.append(Line(title_of, points, number, style, marks=style == "solid"))
    return [_chart(title, lines)] if any(y is not None for line in lines for _, y in line.points) else []


def _distances(runs: Mapping[str, Rounds]) -> Chart:
    """By component where there is one training with few of them, else the mean over components."""
    rounds = next(iter(runs.values()))
    components = list(dict.fromkeys(name for one in rounds for name in one.distance_to_mean))
    if len(runs) == 1 and len(components) <= len(PALETTE):
        lines = [
            Line(name, _points(rounds, lambda one, name=name: one.distance_to_mean.get(name)), number, marks=True)
            for number, name in enumerate(components)
        ]
    else:
        lines = _lines(runs, lambda one: sum(one.distance_to_mean.values()) / max(len(one.distance_to_mean), 1))
    return _chart("distance of the workers to their mean, RMS", lines, holds=(0.0,))


def _lines(runs: Mapping[str, Rounds], value: Callable[[RoundRecord], float]) -> list[Line]:
    return [
        Line(name * (len(runs) > 1), _points(rounds, value), number, marks=True)
        for number, (name, rounds) in enumerate(runs.items())
    ]


def _points(rounds: Rounds, value: Callable[[RoundRecord], float | None]) -> list[tuple[float, float | None]]:
    return [(frames_seen(one), value(one)) for one in rounds]


def _chart(title: str, lines: Sequence[Line], holds: Sequence[float] = ()) -> Chart:
    unit, size = unit_of(max(x for line in lines for x, _ in line.points))
    scaled = [replace(line, points=[(x / size, y) for x, y in line.points]) for line in lines]
    return Chart(title, f"frames seen, {unit}" if unit else "frames seen", scaled, holds=holds)


def _of_rbms(runs: Mapping[str, Rounds]) -> bool:
    return any(rounds[0].measured.free_energy_gap is not None for rounds in runs.values())
