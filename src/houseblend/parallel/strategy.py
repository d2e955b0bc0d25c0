"""What a round-based strategy is: a small pure object that never touches a file.

The round machine asks it for a plan, shows it the reports of the workers that passed the gate, gives it the mean, and
starts the next round from what it answers. Strategies for events (asynchronous ones) are another protocol.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

State = dict[str, Any]
"""What a strategy remembers between rounds: JSON, and tensors where it needs them."""


@dataclass(frozen=True)
class RoundPlan:
    """What one round is to do.

    Args:
        round: its number, from 0.
        intervals: of the order of data, one a worker.
        learning_rate: of every worker.
        minibatch_size: frames.
        max_param_change: largest norm of a minibatch's change.
        num_layers: hidden layers that the network has in this round.
        averages: how many models the result is made of: all that pass the gate, or the best one only.
    """

    round: int
    intervals: list[tuple[int, int]]
    learning_rate: float
    minibatch_size: int
    max_param_change: float
    num_layers: int
    averages: bool = True

    @property
    def frames(self) -> int:
        """Frames of all workers."""
        return sum(end - begin for begin, end in self.intervals)


@dataclass(frozen=True)
class Report:
    """What the strategy sees of an admitted worker."""

    worker: int
    frames: float
    objective: float
    heldout_objective: float
    extra: dict[str, Any] = field(default_factory=dict)


class Strategy(Protocol):
    """The protocol of round-based strategies."""

    def init(self, params: torch.Tensor) -> State:
        """The state before the first round, from the initial parameters, flat [n]."""
        ...

    def plan(self, state: State) -> RoundPlan | None:
        """The next round; None when training is over."""
        ...

    def weigh(self, state: State, reports: list[Report]) -> list[float]:
        """Weight of every admitted worker in the mean; not negative, with a positive sum."""
        ...

    def update(self, state: State, mean: torch.Tensor, own: list[torch.Tensor]) -> tuple[State, torch.Tensor]:
        """The state after the round, and what the next one starts from, flat [n].

        Args:
            state: before the round.
            mean: weighted mean of the admitted workers, flat [n].
            own: each admitted worker's parameters, flat [n].
        """
        ...
