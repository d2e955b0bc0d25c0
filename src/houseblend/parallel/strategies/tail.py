"""Tail averaging: everybody goes on from the mean; the mean of all means since some moment is the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Own, Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TailOptions:
    """Where a running mean of parameters begins."""

    tail_start: float = declared(0.5, "tail, averaged-asgd: share of the data after which the running mean begins")

    def check_tail(self) -> None:
        """UsageError: an option out of its range."""
        within(0.0, self.tail_start, 1.0, "tail_start", closed=True)


@dataclass(frozen=True)
class Tail(TailOptions, Strategy):
    """Ruppert 1988; Polyak & Juditsky 1992; Jain et al. 2018 for the tail: with n means since then,

    c = m;  n += 1;  bar += (m - bar) / n.

    Tensors are flat, [n].
    """

    paper = "Polyak & Juditsky 1992; Jain et al. 2018"
    mathematics = "c = m; n += 1; bar += (m - bar) / n; bar is the model, and never broadcast"
    state = "bar, n"

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_tail()

    def begin(self, params: Tensor) -> Shared:
        """No mean yet."""
        return {"c": params.clone(), "bar": params.clone(), "n": params.new_zeros(1)}

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """The running mean takes its part of the new one; before the tail it is the new one."""
        if self.moment.seen < self.tail_start:
            return {"c": mean.clone(), "bar": mean.clone(), "n": shared["n"] * 0}
        n = shared["n"] + 1
        return {"c": mean.clone(), "bar": shared["bar"] + (mean - shared["bar"]) / n, "n": n}

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """The running mean."""
        return shared["bar"]
