"""Asynchronous averaged SGD: asynchronous SGD, and the mean of all that the server's parameters were is the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.parallel.asynchronous.strategy import Asynchronous, moved
from houseblend.parallel.strategies.tail import TailOptions
from houseblend.parallel.strategy import Shared

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class AveragedAsgd(TailOptions, Asynchronous):
    """You & Xu 2014; the average as in Xu 2011: with n pushes since its start,

    c += p - taken;  n += 1;  bar += (c - bar) / n.

    Meant for --schedule=xu with --rate-power=0.667. Tensors are flat, [n].
    """

    paper = "You & Xu 2014; Xu 2011, arXiv 1107.2490"
    mathematics = "c += p - taken; n += 1; bar += (c - bar) / n; bar is the model, and stays at the server"
    state = "c, bar, n"

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_tail()

    def begin(self, params: Tensor) -> Shared:
        """No mean yet."""
        return {"c": params.clone(), "bar": params.clone(), "n": params.new_zeros(1)}

    def push(self, shared: Shared, sent: Tensor, taken: Tensor, staleness: int) -> tuple[Shared, Tensor]:
        """The change is added; the running mean takes its part of the new parameters, and before its start is they."""
        c = moved(shared["c"], sent, taken)
        if self.moment.seen < self.tail_start:
            return {"c": c, "bar": c, "n": shared["n"] * 0}, c
        n = shared["n"] + 1
        return {"c": c, "bar": shared["bar"] + (c - shared["bar"]) / n, "n": n}, c

    def show(self, shared: Shared) -> Tensor:
        """The running mean."""
        return shared["bar"]
