"""Elastic averaging in rounds: workers and a centre pull each other, none is overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Own, Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Elastic:
    """How far a centre and its workers pull each other."""

    moving_rate: float = declared(0.9, "easgd, async-easgd: beta, share of the way to the mean that the centre goes")

    def check_elastic(self) -> None:
        """UsageError: an option out of its range."""
        within(0.0, self.moving_rate, 1.0, "moving_rate", closed=True)


@dataclass(frozen=True)
class Easgd(Elastic, Strategy):
    """Zhang, Choromanska, LeCun 2015, equations 5 and 6, all workers at once; alpha = moving rate / N workers:

    p -= alpha (p - c);  c += alpha sum of (p - c) = moving rate (m - c), both from p and c before the blend.

    Tensors are flat, [n].
    """

    paper = "Zhang, Choromanska, LeCun 2015"
    mathematics = "p -= beta/N (p - c); c += beta (m - c)"
    state = "c, before; each worker's p lasts"

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        self.check_elastic()

    def begin(self, params: Tensor) -> Shared:
        """The centre begins where everybody does."""
        return {"c": params.clone()}

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """The centre moves; where it was is what the workers are pulled to."""
        c = shared["c"]
        return {"c": c + self.moving_rate * (mean - c), "before": c}

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The worker's own parameters, nearer to where the centre was."""
        alpha = self.moving_rate / self.moment.workers
        return own, params - alpha * (params - shared["before"])

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """The centre is the model."""
        return shared["c"]

    def lasting(self, shared: Shared) -> Shared:
        """The centre."""
        return {"c": shared["c"]}
