"""Asynchronous SGD: the server adds every worker's change to its parameters as it comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.asynchronous.strategy import Asynchronous, moved
from houseblend.parallel.strategy import Shared, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Asgd(Asynchronous):
    """Zhang et al. 2013 (a push a minibatch); Dean et al. 2012, DOWNPOUR (a push every few): with d = p - taken,

    c += d - (lambda / lr) d d (c - taken)

    For one minibatch of plain SGD, d = -lr g, and the second term is that of Zheng et al. 2017: what the gradient at c
    would have been, with lambda g g for the curvature; 0 leaves it out. Tensors are flat, [n].
    """

    paper = "Zhang et al. 2013; Dean et al. 2012; Zheng et al. 2017"
    state = "c"
    mathematics = "c += d - (lambda/lr) d d (c - taken), d = p - taken"

    delay_compensation: float = declared(0.0, "asgd: lambda, how much of the delay is compensated for")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.delay_compensation, float("inf"), "delay_compensation")

    def push(self, shared: Shared, sent: Tensor, taken: Tensor, staleness: int) -> tuple[Shared, Tensor]:
        """The change is added."""
        before = shared["c"]
        c = moved(before, sent, taken)
        if self.delay_compensation and staleness:
            change = sent - taken
            c -= self.delay_compensation / self.moment.learning_rate * change * change * (before - taken)
        return {**shared, "c": c}, c
