"""SlowMo: momentum over the rounds of local steps, counted in units of the learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SlowMo(Strategy):
    """Wang, Tantia, Ballas, Rabbat 2020, algorithm 1, with gamma the workers' learning rate of the moment:

    u = beta u + (c - m) / gamma;  c -= alpha gamma u.  The momentum keeps its scale when the rate falls.

    Tensors are flat, [n].
    """

    paper = "Wang, Tantia, Ballas, Rabbat 2020"
    mathematics = "u = beta u + (c - m) / gamma; c -= alpha gamma u"
    state = "c, u"

    slow_momentum: float = declared(0.5, "slowmo: beta, momentum of the blended model; more workers bear more")
    slow_learning_rate: float = declared(1.0, "slowmo: alpha, factor on the blended model's step")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.slow_momentum, 1.0, "slow_momentum")
        within(0.0, self.slow_learning_rate, 10.0, "slow_learning_rate")

    def begin(self, params: Tensor) -> Shared:
        """c at the start, no momentum."""
        return {"c": params.clone(), "u": params.new_zeros(params.shape)}

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """One slow step."""
        gamma = self.moment.learning_rate
        u = self.slow_momentum * shared["u"] + (shared["c"] - mean) / gamma
        return {"c": shared["c"] - self.slow_learning_rate * gamma * u, "u": u}
