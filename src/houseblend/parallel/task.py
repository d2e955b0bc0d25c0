"""One round as every rank, process or job gets it: plain values, which are one JSON file for a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError, UsageError
from houseblend.base.options import check_choices, declared, declared_fields
from houseblend.io.json_files import read_json
from houseblend.parallel.gate import Gate
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import from_json
from houseblend.parallel.strategies import METHODS
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategy import Moment, Strategy, WorkerSide
from houseblend.train.rbm_options import RbmRule
from houseblend.train.update.rule import UpdateRule

_AGAIN = "start the round again"
POLICIES = ("reset", "keep", "average")
RULES: dict[str, type] = {"network": UpdateRule, "rbm": RbmRule}
"""How a worker updates, by the kind of its model."""


@dataclass(frozen=True)
class MemoryPolicy:
    """What becomes of momentum and natural-gradient factors: forgotten, each worker's own, or the mean of all."""

    optimizer_memory: str = declared(
        "keep", "Momentum and natural-gradient factors at a blend inside a round", POLICIES
    )
    optimizer_memory_at_round_end: str = declared("reset", "The same at the end of a round", POLICIES)

    def __post_init__(self) -> None:
        """UsageError: another word."""
        check_choices(self)


@dataclass(frozen=True)
class RoundTask:
    """What a round starts from and how its workers train.

    Args:
        folder: where its files go: `blend`, `state.npz`, `state.W.npz`, logs.
        model: that before the round; see `kind`.
        state, own_states: files of arrays that last from the round before: shared, and by worker.
        frames: the frame store.
        plan: of the round.
        rule: how a worker updates; see `RULES`.
        strategy: how workers blend.
        memory: what becomes of the optimizer's memory.
        gate: conditions of admission.
        previous_loss: held-out loss before the round; None if it is not known.
        seed: of the run.
        attempt: at this round.
        device: cpu or cuda.
        threads: of the matrix products.
        kind: of the model; see `models`.
    """

    folder: str
    model: str
    frames: str
    plan: RoundPlan
    rule: Any
    strategy: WorkerSide = Average()
    memory: MemoryPolicy = MemoryPolicy()
    gate: Gate = Gate()
    state: str | None = None
    own_states: dict[int, str] = field(default_factory=dict)
    previous_loss: float | None = None
    seed: int = 0
    attempt: int = 0
    device: str = "cpu"
    threads: int = 1
    kind: str = "network"

    def examples(self, subset: str) -> str:
        """The specifier of a subset of the frame store."""
        return f"frames:{self.frames}:{subset}"

    def method_now(self) -> WorkerSide:
        """The method in this round."""
        return self.strategy.at(
            Moment(self.plan.workers, self.plan.learning_rate, self.plan.seen, self.plan.minibatch_size)
        )

    def strategy_now(self) -> Strategy:
        """The same, of a method that blends."""
        strategy = self.method_now()
        assert isinstance(strategy, Strategy)
        return strategy

    def write(self, path: Path) -> None:
        """Write the task as JSON."""
        name = next(name for name, kind in METHODS.items() if type(self.strategy) is kind)
        options = {one.name: getattr(self.strategy, one.name) for one in declared_fields(self.strategy)}
        write_json(path, {**asdict(self), "strategy": {"name": name, **options}})

    @classmethod
    def read(cls, path: Path) -> RoundTask:
        """Read what `write` wrote.

        Raises:
            InputError: the file is missing or no task.
        """
        value: dict[str, Any] = read_json(path, {"strategy": dict, "rule": dict}, _AGAIN)
        options = value.pop("strategy")
        try:
            rule = from_json(RULES[str(value.get("kind", cls.kind))], value.pop("rule"))
            strategy = from_json(METHODS[str(options.pop("name", "average"))], options)
            return replace(from_json(cls, {**value, "rule": rule}), strategy=strategy)
        except (KeyError, ValueError, UsageError) as failure:
            raise InputError(f"no task of a round: {failure}", file=path, do=_AGAIN) from None
