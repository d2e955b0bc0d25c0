"""Blockwise model-update filtering: momentum on the change that a block of minibatches makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Own, Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Bmuf(Strategy):
    """Chen and Huo 2016. With beta the block momentum and zeta the block learning rate, b what was broadcast last:

    classical:  v = beta v + zeta (m - b);  c += v;  b = c
    Nesterov:   the same, but b = c + beta v is broadcast, and the change is counted from it; c is the model.

    Tensors are flat, [n].
    """

    paper = "Chen, Huo 2016"
    mathematics = "v = beta v + zeta (m - b); c += v; b = c (Nesterov: c + beta v)"
    state = "c, v"

    block_momentum: float = declared(0.75, "bmuf: momentum of blocks; 1 - 1 / workers is a rule of thumb")
    block_learning_rate: float = declared(1.0, "bmuf: factor on a block's change")
    block_nesterov: bool = declared(False, "bmuf: broadcast the model that momentum alone would lead to")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.block_momentum, 1.0, "block_momentum")
        within(0.0, self.block_learning_rate, 10.0, "block_learning_rate")

    def begin(self, params: Tensor) -> Shared:
        """c at the start, no momentum."""
        return {"c": params.clone(), "v": params.new_zeros(params.shape)}

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """The filtered change moves the centre."""
        c, v = shared["c"], shared["v"]
        v = self.block_momentum * v + self.block_learning_rate * (mean - self._broadcast(c, v))
        return {"c": c + v, "v": v}

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """What is broadcast."""
        return own, self._broadcast(shared["c"], shared["v"])

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """The centre, with Nesterov's form too."""
        return shared["c"]

    def _broadcast(self, c: Tensor, v: Tensor) -> Tensor:
        return c + self.block_momentum * v if self.block_nesterov else c
