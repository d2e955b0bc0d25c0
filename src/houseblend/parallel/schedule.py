"""The outer loop of Povey et al. 2014 and Kaldi's nnet2/nnet3 scripts: rounds, workers, learning rates, layers."""

import functools
import math
from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.parallel.strategy import RoundPlan


@dataclass(frozen=True)
class Schedule:
    """Everything that the plan of all rounds follows from.

    Args:
        frames_per_epoch: frames of the training subset.
        num_epochs: passes over them.
        initial_workers, final_workers: their number grows linearly.
        initial_effective_lrate, final_effective_lrate: exponential decay by data seen; times the number of workers
            whose models are averaged it is the workers' rate (dnn2 documentation: the sum of their steps is averaged).
        frames_per_round: of one worker.
        minibatch_size: frames.
        max_param_change: largest norm of a minibatch's change.
        num_layers: hidden layers in the end.
        add_layers_period: rounds between two added layers; 0 begins with all.

    Raises:
        UsageError: values that make no sense.
    """

    frames_per_epoch: int
    num_epochs: float = 8.0
    initial_workers: int = 1
    final_workers: int = 4
    initial_effective_lrate: float = 0.0015
    final_effective_lrate: float = 0.00015
    frames_per_round: int = 400_000
    minibatch_size: int = 512
    max_param_change: float = 2.0
    num_layers: int = 3
    add_layers_period: int = 2

    def __post_init__(self) -> None:
        positive = {
            "--num-epochs": self.num_epochs, "--initial-workers": self.initial_workers, "--frames-per-round": self.frames_per_round,
            "--initial-effective-lrate": self.initial_effective_lrate, "--final-effective-lrate": self.final_effective_lrate,
            "--hidden-layers": self.num_layers, "training frames": self.frames_per_epoch,
        }  # fmt: skip
        for name, value in positive.items():
            if not value > 0:
                raise UsageError(f"{name}={value}", expected="a positive number")
        if self.final_workers < self.initial_workers or self.minibatch_size < 2:
            raise UsageError(
                "bad schedule", expected="--final-workers at least --initial-workers, --minibatch-size at least 2"
            )

    @property
    def total_frames(self) -> int:
        """Frames of the whole training."""
        return round(self.num_epochs * self.frames_per_epoch)

    @property
    def num_rounds(self) -> int:
        """Rounds, so that a worker's interval is about frames_per_round; enough for all layers."""
        average = (self.initial_workers + self.final_workers) / 2
        wanted = math.ceil(self.total_frames / (average * self.frames_per_round))
        return max(wanted, (self.num_layers - 1) * self.add_layers_period + 1)

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
            return self.num_layers
        return min(self.num_layers, 1 + number // self.add_layers_period)

    def changes_topology(self, number: int) -> bool:
        """Whether the model of a round is new or has a new layer: averaging would hurt."""
        return number == 0 or self.layers(number) != self.layers(number - 1)

    def plan(self, number: int, attempt_scale: float = 1.0) -> RoundPlan | None:
        """One round; None behind the last.

        In round 0 and after a layer was added: half the minibatch, the limit on the change over sqrt(2), the best worker.
        """
        if number >= self.num_rounds:
            return None
        bounds = self._bounds
        begin, end = bounds[number], bounds[number + 1]
        count = self.workers(number)
        cuts = [begin + (end - begin) * worker // count for worker in range(count + 1)]
        fresh = self.changes_topology(number)
        return RoundPlan(
            number,
            list(zip(cuts[:-1], cuts[1:], strict=True)),
            self.learning_rate(number) * attempt_scale,
            self.minibatch_size // 2 if fresh else self.minibatch_size,
            self.max_param_change / math.sqrt(2) if fresh else self.max_param_change,
            self.layers(number),
            averages=not fresh,
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
