"""What one round is to do: as the schedule makes it, and as every worker gets it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RoundPlan:
    """One round.

    Args:
        round: its number, from 0.
        intervals: of the order of data, one a worker; unequal ones are allowed. The last may be
            those of workers that were late in the round before.
        learning_rate: of every worker.
        minibatch_size: frames.
        max_param_change: largest norm of a minibatch's change.
        num_layers: hidden layers that the network has in this round.
        seen: share of the training's data that was seen before.
        is_fresh: the topology is new: what workers learn apart for a whole round cannot be averaged.
        start: number of the model that it begins with; None is that of the round before.
    """

    round: int
    intervals: list[tuple[int, int]]
    learning_rate: float
    minibatch_size: int
    max_param_change: float
    num_layers: int
    seen: float = 0.0
    is_fresh: bool = False
    start: int | None = None

    @property
    def model(self) -> int:
        """Number of the model that it begins with."""
        return self.round if self.start is None else self.start

    @property
    def workers(self) -> int:
        """How many there are."""
        return len(self.intervals)

    @property
    def frames(self) -> int:
        """Frames of all workers."""
        return sum(end - begin for begin, end in self.intervals)

    @property
    def position(self) -> int:
        """Where it ends in the order of data."""
        return max(end for _, end in self.intervals)

    @property
    def steps(self) -> int:
        """Minibatches of the worker that has most of them; all workers count so far."""
        return max(math.ceil((end - begin) / self.minibatch_size) for begin, end in self.intervals)

    def inner_blends(self, every: int) -> int:
        """Blends before the one that ends the round, at one every so many minibatches; 0 is none."""
        return (self.steps - 1) // every if every else 0
