"""What an asynchronous method is: a worker's side as in rounds, and a server that takes one push after another.

With c the server's parameters, p a worker's, and `taken` what that worker had from the server last, a push is

    own, sent     = give({"c": taken}, own, p)                  the worker
    shared, reply = push(shared, sent, taken, staleness)        the server, in the order of arrival
    own, p        = take({"c": reply}, own, p)                  the worker goes on from here

`staleness` counts the pushes of others since that worker took. The model of a round is the server's `show`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.strategy import Own, Shared, WorkerSide

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Asynchronous(WorkerSide):
    """What all asynchronous methods share; what is not overridden adds up changes. Tensors are flat, [n].

    `sent` may be the worker's own parameters, and is not to be kept. A reply is never changed in place.
    """

    adds: ClassVar[bool] = True

    average_period: int = declared(1, "Minibatches from one push to the next")

    def __post_init__(self) -> None:
        """UsageError: an option that makes no sense."""
        if self.average_period < 1:
            raise UsageError(
                f"--average-period={self.average_period}", expected="1 or more minibatches from push to push"
            )

    def begin(self, params: Tensor) -> Shared:
        """The server begins where everybody does."""
        return {"c": params.clone()}

    def push(self, shared: Shared, sent: Tensor, taken: Tensor, staleness: int) -> tuple[Shared, Tensor]:
        """The server's arrays after a push, and what the worker gets back."""
        c = moved(shared["c"], sent, taken)
        return {**shared, "c": c}, c

    def resume(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """What a worker begins the next round with, when all pushes of this one have come."""
        return own, shared["c"]

    def show(self, shared: Shared) -> Tensor:
        """At the end of a round: the model that is evaluated and kept."""
        return shared["c"]


def moved(c: Tensor, sent: Tensor, taken: Tensor) -> Tensor:
    """c + (sent - taken), [n]: in float64 with one rounding, so that c is `sent` itself where nobody else has moved it."""
    return (sent.double() - taken.double()).add_(c).to(c.dtype)
