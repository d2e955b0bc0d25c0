"""What a schedule is: a pure function of the rounds that are done. Data, workers and layers by Povey et al. 2014.

A schedule knows no strategy and no exchange; what it decided can be read again from the ledger alone.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import RoundRecord
from houseblend.train.options import MINIBATCH_SIZE


@dataclass(frozen=True)
class Schedule:
    """A constant learning rate, and what all schedules share: rounds, workers, layers.

    The effective rate times the number of workers whose models are averaged is the workers' rate (dnn2 documentation: the
    sum of their steps is averaged); where their changes are added up, it is their rate. Options are fields made by `declared`.

    Args:
        frames_per_epoch: frames of the training subset.
        adds: workers' changes are added up, not averaged.

    Attributes:
        source, mathematics: what `hb strategies` says.

    Raises:
        UsageError: values that make no sense.
    """

    source: ClassVar[str]
    mathematics: ClassVar[str]

    frames_per_epoch: int = 0
    adds: bool = field(default=False, kw_only=True)
    num_epochs: float = declared(8.0, "Passes over the training frames; the most, where a schedule ends by itself")
    initial_workers: int = declared(1, "Workers in the first round")
    final_workers: int = declared(4, "Workers in the last round; their number grows linearly")
    initial_effective_lrate: float = declared(0.0015, "Learning rate at the start, over the workers' number")
    frames_per_round: int = declared(
        100_000, "Frames of one worker in a round, about: a checkpoint and the gate follow"
    )
    minibatch_size: int = declared(MINIBATCH_SIZE, "Frames of a minibatch")
    max_param_change: float = declared(2.0, "Largest norm of a minibatch's change; 0: no limit")
    hidden_layers: int = declared(3, "Hidden layers in the end")
    add_layers_period: int = declared(0, "Rounds between added layers; 0: all from the start")

    def __post_init__(self) -> None:
        for name in ("num_epochs", "initial_workers", "frames_per_round", "initial_effective_lrate", "hidden_layers"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected="a positive number")
        for name, least in (
            ("final_workers", self.initial_workers),
            ("minibatch_size", 2),
            ("add_layers_period", 0),
            ("max_param_change", 0),
        ):
            if not least <= getattr(self, name) < math.inf:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected=f"{least} or more")

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """The learning rate of the next round, over the workers' number."""
        return self.initial_effective_lrate

    def is_over(self, past: Sequence[RoundRecord]) -> bool:
        """Whether training has ended."""
        return len(past) >= self.num_rounds

    def stands(self, past: Sequence[RoundRecord]) -> tuple[int, ...]:
        """Numbers of the models that a later round may begin with; the first is the next one's, and in the end the result."""
        return (len(past),)

    def next(self, past: Sequence[RoundRecord]) -> RoundPlan | None:
        """The round after those that are done; None when training is over.

        In round 0 and after a layer was added: half the minibatch, the limit on the change over sqrt(2). The data of workers that
        were late goes to as many more workers.
        """
        if self.is_over(past):
            return None
        number = len(past)
        begin, end = self.bounds[number : number + 2]
        count = self.workers(number)
        cuts = [begin + (end - begin) * worker // count for worker in range(count + 1)]
        intervals = [*zip(cuts[:-1], cuts[1:], strict=True), *(past[-1].unseen if past else [])]
        fresh = self.changes_topology(number)
        return RoundPlan(
            number,
            intervals,
            (1 if self.adds else len(intervals)) * self.effective_rate(past),
            self.minibatch_size // 2 if fresh else self.minibatch_size,
            self.max_param_change / math.sqrt(2) if fresh else self.max_param_change,
            self.layers(number),
            begin / self.total_frames,
            fresh,
            self.stands(past)[0],
        )

    @property
    def total_frames(self) -> int:
        """Frames of the whole training."""
        return round(self.num_epochs * self.frames_per_epoch)

    @property
    def num_rounds(self) -> int:
        """Rounds, so that a worker's interval is about frames_per_round; enough for all layers."""
        wanted = math.ceil(self.total_frames / (self.mean_workers * self.frames_per_round))
        return max(wanted, (self.hidden_layers - 1) * self.add_layers_period + 1)

    @property
    def mean_workers(self) -> float:
        """Workers of a round, over all of them."""
        return (self.initial_workers + self.final_workers) / 2

    def workers(self, number: int) -> int:
        """Workers of a round: floor(1/2 + initial + (final - initial) * round / rounds)."""
        share = number / self.num_rounds
        return int(0.5 + self.initial_workers + (self.final_workers - self.initial_workers) * share)

    def layers(self, number: int) -> int:
        """Hidden layers in a round."""
        if self.add_layers_period == 0:
            return self.hidden_layers
        return min(self.hidden_layers, 1 + number // self.add_layers_period)

    def changes_topology(self, number: int) -> bool:
        """Whether the model of a round is new or has a new layer: averaging would hurt."""
        return number == 0 or self.layers(number) != self.layers(number - 1)

    @functools.cached_property
    def bounds(self) -> list[int]:
        """Positions where rounds begin, and the end: in proportion to the rounds' workers."""
        counts = [self.workers(number) for number in range(self.num_rounds)]
        total, seen, bounds = sum(counts), 0, [0]
        for count in counts:
            seen += count
            bounds.append(self.total_frames * seen // total)
        return bounds
