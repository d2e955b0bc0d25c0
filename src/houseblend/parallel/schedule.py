"""The outer loop of Povey et al. 2014 and Kaldi's nnet2/nnet3 scripts: rounds, workers, learning rates, layers."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import RoundRecord
from houseblend.train.options import MINIBATCH_SIZE


@dataclass(frozen=True)
class Schedule:
    """Everything that the plan of all rounds follows from: a pure function of the rounds that are done.

    The effective rate decays exponentially by data seen; times the number of workers whose models are averaged it is the
    workers' rate (dnn2 documentation: the sum of their steps is averaged).

    Args:
        frames_per_epoch: frames of the training subset.

    Raises:
        UsageError: values that make no sense.
    """

    frames_per_epoch: int = 0
    num_epochs: float = declared(8.0, "Passes over the training frames")
    initial_workers: int = declared(1, "Workers in the first round")
    final_workers: int = declared(4, "Workers in the last round; their number grows linearly")
    initial_effective_lrate: float = declared(0.0015, "Learning rate at the start, over the workers' number")
    final_effective_lrate: float = declared(0.00015, "The same at the end")
    frames_per_round: int = declared(
        100_000, "Frames of one worker in a round, about: a checkpoint and the gate follow"
    )
    minibatch_size: int = declared(MINIBATCH_SIZE, "Frames of a minibatch")
    max_param_change: float = declared(2.0, "Largest norm of a minibatch's change; 0: no limit")
    hidden_layers: int = declared(3, "Hidden layers in the end")
    add_layers_period: int = declared(0, "Rounds between added layers; 0: all from the start")

    def __post_init__(self) -> None:
        for name in (
            "num_epochs", "initial_workers", "frames_per_round", "initial_effective_lrate", "final_effective_lrate", "hidden_layers",
        ):  # fmt: skip
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

    @property
    def total_frames(self) -> int:
        """Frames of the whole training."""
        return round(self.num_epochs * self.frames_per_epoch)

    @property
    def num_rounds(self) -> int:
        """Rounds, so that a worker's interval is about frames_per_round; enough for all layers."""
        average = (self.initial_workers + self.final_workers) / 2
        wanted = math.ceil(self.total_frames / (average * self.frames_per_round))
        return max(wanted, (self.hidden_layers - 1) * self.add_layers_period + 1)

    def workers(self, number: int) -> int:
        """Workers of a round: floor(1/2 + initial + (final - initial) * round / rounds)."""
        share = number / self.num_rounds
        return int(0.5 + self.initial_workers + (self.final_workers - self.initial_workers) * share)

    def learning_rate(self, number: int) -> float:
        """Workers times the effective rate at the data seen: i * exp(x * ln(f / i)), x in [0, 1]; f in the last round."""
        seen = self._bounds[number] / self.total_frames
        if number == self.num_rounds - 1:
            seen = 1.0
        ratio = math.log(self.final_effective_lrate / self.initial_effective_lrate)
        return self.workers(number) * self.initial_effective_lrate * math.exp(seen * ratio)

    def layers(self, number: int) -> int:
        """Hidden layers in a round."""
        if self.add_layers_period == 0:
            return self.hidden_layers
        return min(self.hidden_layers, 1 + number // self.add_layers_period)

    def changes_topology(self, number: int) -> bool:
        """Whether the model of a round is new or has a new layer: averaging would hurt."""
        return number == 0 or self.layers(number) != self.layers(number - 1)

    def next(self, past: Sequence[RoundRecord]) -> RoundPlan | None:
        """The round after those that are done; None when training is over.

        In round 0 and after a layer was added: half the minibatch, the limit on the change over sqrt(2).
        """
        number = len(past)
        if number >= self.num_rounds:
            return None
        begin, end = self._bounds[number : number + 2]
        count = self.workers(number)
        cuts = [begin + (end - begin) * worker // count for worker in range(count + 1)]
        fresh = self.changes_topology(number)
        return RoundPlan(
            number,
            list(zip(cuts[:-1], cuts[1:], strict=True)),
            self.learning_rate(number),
            self.minibatch_size // 2 if fresh else self.minibatch_size,
            self.max_param_change / math.sqrt(2) if fresh else self.max_param_change,
            self.layers(number),
            begin / self.total_frames,
            fresh,
        )

    @functools.cached_property
    def _bounds(self) -> list[int]:
        """Positions where rounds begin, and the end: in proportion to the rounds' workers."""
        counts = [self.workers(number) for number in range(self.num_rounds)]
        total, seen, bounds = sum(counts), 0, [0]
        for count in counts:
            seen += count
            bounds.append(self.total_frames * seen // total)
        return bounds
