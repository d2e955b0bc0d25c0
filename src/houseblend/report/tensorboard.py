"""The curves of trainings as TensorBoard reads them: scalars over frames seen, a run for each training."""

from collections.abc import Iterator
from pathlib import Path

from houseblend.base.errors import HouseBlendError
from houseblend.base.fingerprint import LEDGER
from houseblend.parallel.records import RoundRecord
from houseblend.report.curves import frames_seen, read_rounds, trainings
from houseblend.report.page import steps_of


def write_scalars(place: Path, target: Path) -> None:
    """Write all trainings that a report on `place` is about, each to a directory of its own below `target`.

    Raises:
        HouseBlendError: the package tensorboard is not installed.
        InputError: no step has written at `place`, or a ledger cannot be read.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise HouseBlendError("Python has no tensorboard", do="pip install 'houseblend[tensorboard]'") from None
    folders, base = steps_of(place)
    for folder in folders:
        for training in trainings(folder).values():
            if not (training / LEDGER).exists():
                continue
            with SummaryWriter(str(target / training.resolve().relative_to(base))) as writer:
                for one in read_rounds(training):
                    for tag, value in scalars(one):
                        writer.add_scalar(tag, value, frames_seen(one))


def scalars(one: RoundRecord) -> Iterator[tuple[str, float]]:
    """What a round is told by, with its name: measures of the model and of each worker's own, rate, distances, seconds, blends."""
    measured = {
        "objective/held_out": one.measured.heldout_objective,
        "objective/training": one.measured.train_objective,
        "accuracy/held_out": one.measured.heldout_accuracy,
        "accuracy/training": one.measured.train_accuracy,
        "free_energy_gap": one.measured.free_energy_gap,
        "learning_rate": one.plan.learning_rate,
        "blend/workers_kept_out": float(len(one.dropped)),
        "blend/left_out_inside": float(len(one.left_out)),
        "seconds/round": one.seconds,
    }
    for number, report in one.workers.items():
        measured[f"workers/{number}/held_out"] = report.heldout_objective
        measured |= {f"seconds/{kind}/{number}": spent for kind, spent in report.seconds.items()}
    measured |= {f"distance/{name}": distance for name, distance in one.distance_to_mean.items()}
    yield from ((tag, value) for tag, value in measured.items() if value is not None)
