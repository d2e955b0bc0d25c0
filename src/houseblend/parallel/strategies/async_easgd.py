"""Asynchronous elastic averaging: a worker and the centre pull each other whenever that worker comes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from houseblend.base.options import declared
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.strategies.easgd import Elastic
from houseblend.parallel.strategy import Own, Shared

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class AsyncEasgd(Elastic, Asynchronous):
    """Zhang, Choromanska, LeCun 2015, algorithm 1; alpha = moving rate / N workers, both from p and c before the push:

    p -= alpha (p - c);  c += alpha (p - c)

    Tensors are flat, [n].
    """

    paper = "Zhang, Choromanska, LeCun 2015"
    mathematics = "p -= beta/N (p - c); c += beta/N (p - c)"
    state = "c; each worker's p lasts"
    adds: ClassVar[bool] = False

    average_period: int = declared(10, "Minibatches from one push to the next")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_elastic()

    def push(self, shared: Shared, sent: Tensor, taken: Tensor, staleness: int) -> tuple[Shared, Tensor]:
        """The centre moves; the worker gets where it was."""
        c = shared["c"]
        return {"c": c + self._alpha * (sent - c)}, c

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The worker's own parameters, nearer to where the centre was."""
        return own, params - self._alpha * (params - shared["c"])

    def resume(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """Its own parameters."""
        return own, params

    @property
    def _alpha(self) -> float:
        return self.moving_rate / self.moment.workers
