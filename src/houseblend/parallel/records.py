"""What workers report and what the ledger keeps of a round, as types; JSON on disk."""

import contextlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

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
        is_late: its job was not waited for, and what it may still do does not count; its data is planned again.
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
    is_late: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A worker that was left out of one blend inside a round (one push was refused), and went on from the others' parameters."""

    blend: int
    worker: int
    reason: str


@dataclass(frozen=True)
class Measured:
    """The blended model, per frame: objective, and where there are any, accuracy and free energy (see `Measures`)."""

    heldout_objective: float
    heldout_accuracy: float | None
    train_objective: float
    train_accuracy: float | None
    heldout_free_energy: float | None = None
    train_free_energy: float | None = None

    @property
    def free_energy_gap(self) -> float | None:
        """Free energy held out less that in training: it grows as an RBM over-fits (Hinton 2010, 15.1)."""
        if self.heldout_free_energy is None or self.train_free_energy is None:
            return None
        return self.heldout_free_energy - self.train_free_energy


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
        left_out: who was left out of blends inside the round, or refused by the server.
        blends: how many there were, the last one counted; pushes, where workers push.
        measured: the blended model.
        distance_to_mean: root mean square over workers and numbers, by component, before the last blend.
        model_hash: of the blended model's numbers.
        state: SHA-256 of the round's state files by name.
        bytes: that ranks exchanged.
        exchange, torch, cpu: what it was computed with.
        seconds: by the clock.
        previous_loss: held-out loss of the model that it began with.
        staleness: number of pushes by how many of others had come since their worker took.
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
    previous_loss: float | None = None
    staleness: dict[int, int] = field(default_factory=dict)

    @property
    def frames_discarded(self) -> float:
        """Frames of the dropped workers."""
        return sum(self.workers[worker].frames for worker in self.dropped)

    @property
    def frames_unseen(self) -> int:
        """Frames of the workers that were late."""
        return sum(end - begin for begin, end in self.unseen)

    @property
    def unseen(self) -> list[tuple[int, int]]:
        """The data of the workers that were late, in intervals as the plan has them."""
        return [self.plan.intervals[number - 1] for number, report in self.workers.items() if report.is_late]


def to_json(record: Any) -> dict[str, Any]:
    """A record as a JSON object."""
    value = asdict(record)
    return {"kind": record.kind, **value} if hasattr(record, "kind") else value


def from_json(kind: type[Record], value: Any) -> Record:
    """A dataclass out of the JSON object that `asdict` made of it; fields that have a default may be missing.

    Raises:
        ValueError: a field is missing, or of another type; the message names it.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{str(value)[:60]!r} is no object")
    hints = get_type_hints(kind)
    found = {}
    for one in fields(kind):  # type: ignore[arg-type]
        if one.name not in value and one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"{one.name}: the field is missing")
        if one.name in value:
            try:
                found[one.name] = _typed(hints[one.name], value[one.name])
            except ValueError as failure:
                raise ValueError(f"{one.name}: {failure}") from None
    return kind(**found)


def _typed(hint: Any, value: Any) -> Any:
    """A value of JSON as the type that a field is declared with."""
    origin, parts = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return from_json(hint, value)  # type: ignore[arg-type]
    if origin is UnionType:
        return None if value is None and NoneType in parts else _typed(parts[0], value)
    if origin is dict and isinstance(value, Mapping):
        key = int if parts[0] is int else str
        return {key(name): _typed(parts[1], one) for name, one in value.items()}
    if origin is list and isinstance(value, list):
        return [_typed(parts[0], one) for one in value]
    if origin is tuple and isinstance(value, list) and len(value) == len(parts):
        return tuple(_typed(part, one) for part, one in zip(parts, value, strict=True))
    if hint is Any or (isinstance(value, hint if origin is None else ()) and (hint is bool) == isinstance(value, bool)):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return float(value)
    raise ValueError(f"found {str(value)[:60]!r}")
