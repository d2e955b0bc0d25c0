"""Asynchronous local SGD with an outer momentum that waits until as many pushes have come as there are workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from houseblend.base.options import declared
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.strategies.diloco import OuterStep
from houseblend.parallel.strategy import Shared

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DelayedNesterov(OuterStep, Asynchronous):
    """Liu et al. 2024, algorithm 3 with c = 0: with g = taken - p, N workers, and s the sum of g since the last N-th push,

    s += g;  c -= eps g / N;  and at every N-th push:  v = beta v + s / N;  c -= eps beta v;  s = 0.

    Tensors are flat, [n].
    """

    paper = "Liu et al. 2024, arXiv 2401.09135"
    mathematics = "s += g; c -= eps g/N; every N-th push: v = beta v + s/N; c -= eps beta v; s = 0"
    state = "c, v, s, t"
    adds: ClassVar[bool] = False

    average_period: int = declared(50, "Minibatches from one push to the next")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_outer_step()

    def begin(self, params: Tensor) -> Shared:
        """No momentum yet; t counts pushes."""
        zeros = params.new_zeros(params.shape)
        return {"c": params.clone(), "v": zeros, "s": zeros, "t": params.new_zeros(1)}

    def push(self, shared: Shared, sent: Tensor, taken: Tensor, staleness: int) -> tuple[Shared, Tensor]:
        """A step without momentum; and the momentum's share where it is due."""
        n, eps, beta = self.moment.workers, self.outer_learning_rate, self.outer_momentum
        g = taken - sent
        c, s, t = shared["c"] - eps / n * g, shared["s"] + g, (shared["t"] + 1) % n
        if t:
            return {"c": c, "v": shared["v"], "s": s, "t": t}, c
        v = beta * shared["v"] + s / n
        c = c - eps * beta * v
        return {"c": c, "v": v, "s": s.new_zeros(s.shape), "t": t}, c
