"""Objective curves of experiments, from their ledgers."""

from collections.abc import Sequence
from pathlib import Path

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

    Args:
        experiments: experiment directories.
        target: picture to write; its suffix names the format (png, svg, pdf).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(3, 1, figsize=(8, 10), sharex=True, height_ratios=[3, 1, 1])
    for number, experiment in enumerate(experiments):
        rounds = read_rounds(experiment)
        seen = [line.plan.intervals[-1][1] / 1e6 for line in rounds]
        color = f"C{number}"
        axes[0].plot(
            seen,
            [line.measured.heldout_objective for line in rounds],
            "-o",
            color=color,
            label=f"{experiment.name}, held out",
        )
        axes[0].plot(
            seen,
            [line.measured.train_objective for line in rounds],
            "--",
            color=color,
            label=f"{experiment.name}, training",
        )
        for line, x in zip(rounds, seen, strict=True):
            if line.dropped:
                axes[0].annotate(f"dropped {len(line.dropped)}", (x, line.measured.heldout_objective), fontsize=7)
        axes[1].plot(seen, [line.plan.learning_rate for line in rounds], "-o", color=color)
        distance = [sum(line.distance_to_mean.values()) / max(len(line.distance_to_mean), 1) for line in rounds]
        axes[2].plot(seen, distance, "-o", color=color)
    axes[0].set_ylabel("log-probability per frame (nats)")
    axes[0].legend(fontsize=8)
    axes[1].set_ylabel("learning rate")
    axes[2].set_ylabel("distance to the mean")
    axes[2].set_xlabel("frames seen (millions)")
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
