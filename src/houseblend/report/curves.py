"""Objective curves of experiments, from their ledgers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.parallel.ledger import read_ledger
from houseblend.parallel.records import RoundRecord


def read_rounds(experiment: Path) -> list[RoundRecord]:
    """The ledger's finished rounds.

    Raises:
        InputError: there is no ledger, or no round in it.
    """
    path = experiment / "ledger.jsonl"
    if not path.is_file():
        raise InputError("no ledger", file=path, do="name an experiment directory of train_dnn")
    rounds = [entry for entry in read_ledger(path)[0] if isinstance(entry, RoundRecord)]
    if not rounds:
        raise InputError("no finished round", file=path, do="wait for the first, or see hb why")
    return rounds


def plot_experiments(experiments: Sequence[Path], target: Path) -> None:
    """Draw objective (training subset and held-out), learning rate and distance of the workers, over frames seen.

    Of RBMs the objective is minus the squared reconstruction error of a visible unit, and a fourth panel shows by how much the
    free energy of held-out frames lies above that of training (over-fitting: Hinton 2010, 15.1).

    Args:
        experiments: experiment directories; one of pretrain_dbn stands for its RBMs.
        target: picture to write; its suffix names the format (png, svg, pdf).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = {name: read_rounds(place) for experiment in experiments for name, place in _trainings(experiment).items()}
    of_rbms = any(rounds[0].measured.free_energy_gap is not None for rounds in runs.values())
    labels = ["objective of a frame (nats; RBM: -error)", "learning rate", "distance to the mean"]
    labels += ["free energy gap"] * of_rbms
    figure, axes = pyplot.subplots(
        len(labels), 1, figsize=(8, 10), sharex=True, height_ratios=[3, *[1] * (len(labels) - 1)]
    )
    for number, (name, rounds) in enumerate(runs.items()):
        _draw(axes, rounds, name, f"C{number}")
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel("frames seen (millions)")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(target, dpi=120)
    pyplot.close(figure)


def _trainings(experiment: Path) -> dict[str, Path]:
    """The directory itself, or those of the RBMs below it, in their order, with the names that the picture has for them."""
    below = sorted(experiment.glob("rbm*"), key=lambda path: (len(path.name), path.name))
    rbms = {f"{experiment.name}/{path.name}": path for path in below if (path / "ledger.jsonl").exists()}
    return rbms or {experiment.name: experiment}


def _draw(axes: Any, rounds: Sequence[RoundRecord], name: str, color: str) -> None:
    """The curves of one training."""
    seen = [one.plan.position / 1e6 for one in rounds]
    measured = [one.measured for one in rounds]
    axes[0].plot(seen, [one.heldout_objective for one in measured], "-o", color=color, label=f"{name}, held out")
    axes[0].plot(seen, [one.train_objective for one in measured], "--", color=color, label=f"{name}, training")
    for one, x in zip(rounds, seen, strict=True):
        if one.dropped:
            axes[0].annotate(f"dropped {len(one.dropped)}", (x, one.measured.heldout_objective), fontsize=7)
    axes[1].plot(seen, [one.plan.learning_rate for one in rounds], "-o", color=color)
    distance = [sum(one.distance_to_mean.values()) / max(len(one.distance_to_mean), 1) for one in rounds]
    axes[2].plot(seen, distance, "-o", color=color)
    if measured[0].free_energy_gap is not None:
        axes[3].plot(seen, [one.free_energy_gap for one in measured], "-o", color=color)
