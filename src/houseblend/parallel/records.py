"""What workers report and what the ledger keeps of a round, as types; JSON on disk."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from houseblend.parallel.plan import RoundPlan

Record = TypeVar("Record")


@dataclass(frozen=True)
class WorkerReport:
    """What became of one worker in one round.

    Args:
        worker: from 1.
        frames, minibatches: trained on.
        objective: nats per frame over them, each before it was learnt.
        heldout_objective, heldout_accuracy: of the worker's own model at the end, before the last blend.
        seconds: start, training, reading (waiting for data), evaluating, and of its rank: blending and waiting for others.
        max_change: minibatches whose change was limited, in all and by component.
        failure: class and message of what ended its training; empty for none.
        tries: how often its job was run.
    """

    worker: int
    frames: float = 0.0
    minibatches: int = 0
    objective: float | None = None
    heldout_objective: float | None = None
    heldout_accuracy: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    max_change: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    tries: int = 1


@dataclass(frozen=True)
class LeftOut:
    """A worker that was left out of one blend inside a round, and went on from the mean of the others."""

    blend: int
    worker: int
    reason: str


@dataclass(frozen=True)
class Measured:
    """Objective and accuracy of the blended model, nats and share per frame."""

    heldout_objective: float
    heldout_accuracy: float
    train_objective: float
    train_accuracy: float


@dataclass(frozen=True)
class Refusal:
    """An attempt at a round that gave no model; reasons by worker, 0 for the blended model."""

    kind: ClassVar[str] = "refused"

    round: int
    attempt: int
    plan: RoundPlan
    workers: dict[int, WorkerReport]
    reason: dict[int, str]
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class RoundRecord:
    """A finished round.

    Args:
        round, attempt, plan: which, and what it was to do.
        workers: their reports.
        dropped: why workers were kept out of the last blend.
        weights: of the others in it.
        left_out: who was left out of blends inside the round.
        blends: how many there were, the last one counted.
        measured: the blended model.
        distance_to_mean: root mean square over workers and numbers, by component, before the last blend.
        model_hash: of the blended model's numbers.
        state: SHA-256 of the round's state files by name.
        bytes: that ranks exchanged.
        exchange, torch, cpu: what it was computed with.
        seconds: by the clock.
    """

    kind: ClassVar[str] = "round"

    round: int
    attempt: int
    plan: RoundPlan
    workers: dict[int, WorkerReport]
    dropped: dict[int, str]
    weights: dict[int, float]
    left_out: list[LeftOut]
    blends: int
    measured: Measured
    distance_to_mean: dict[str, float]
    model_hash: str
    state: dict[str, str]
    bytes: int
    exchange: str
    torch: str
    cpu: str
    seconds: float = 0.0

    @property
    def frames_discarded(self) -> float:
        """Frames of the dropped workers."""
        return sum(self.workers[worker].frames for worker in self.dropped)


def to_json(record: Any) -> dict[str, Any]:
    """A record as a JSON object."""
    value = asdict(record)
    return {"kind": record.kind, **value} if hasattr(record, "kind") else value


def from_json(kind: type[Record], value: Mapping[str, Any]) -> Record:
    """A record out of the JSON object that `to_json` made.

    Raises:
        KeyError, TypeError, ValueError: it is another object.
    """
    return kind(**{one.name: _read(one.name, value[one.name]) for one in fields(kind) if one.name in value})  # type: ignore[arg-type]


def _read(name: str, value: Any) -> Any:
    if name == "plan":
        plan = from_json(RoundPlan, value)
        return plan
    if name == "measured":
        return from_json(Measured, value)
    if name == "intervals":
        return [(int(begin), int(end)) for begin, end in value]
    if name == "left_out":
        return [from_json(LeftOut, one) for one in value]
    if name == "workers":
        return {int(worker): from_json(WorkerReport, report) for worker, report in value.items()}
    if name in ("dropped", "weights", "reason"):
        return {int(worker): one for worker, one in value.items()}
    return value
