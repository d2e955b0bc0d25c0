"""DiLoCo: the mean change of many local steps is a gradient for an outer optimizer, Nesterov's momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class OuterStep:
    """An outer step with Nesterov momentum."""

    outer_learning_rate: float = declared(0.7, "diloco, streaming, delayed-nesterov: rate of the outer step")
    outer_momentum: float = declared(
        0.9, "diloco, streaming, delayed-nesterov: mu, Nesterov momentum of the outer step"
    )

    def check_outer_step(self) -> None:
        """UsageError: an option out of its range."""
        within(0.0, self.outer_learning_rate, 10.0, "outer_learning_rate")
        within(0.0, self.outer_momentum, 1.0, "outer_momentum")


@dataclass(frozen=True)
class DiLoCo(OuterStep, Strategy):
    """Douillard et al. 2023, algorithm 1, with SGD and Nesterov momentum mu outside:

    g = c - m;  b = mu b + g;  c -= rate (g + mu b).

    Tensors are flat, [n].
    """

    paper = "Douillard et al. 2023"
    mathematics = "g = c - m; b = mu b + g; c -= rate (g + mu b)"
    state = "c, b"

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_outer_step()

    def begin(self, params: Tensor) -> Shared:
        """c at the start, no momentum."""
        return {"c": params.clone(), "b": params.new_zeros(params.shape)}

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """One outer step."""
        g, mu = shared["c"] - mean, self.outer_momentum
        b = mu * shared["b"] + g
        return {"c": shared["c"] - self.outer_learning_rate * (g + mu * b), "b": b}
