"""What a blending strategy is: a small pure object over flat tensors of trained parameters; it never sees a file or a rank.

With p a worker's parameters, m the mean of what all workers give, c the centre that all ranks hold alike, a blend is

    own, sent = give(shared, own, p)        each worker
    m         = mean of all sent            the exchange: float64, in worker order, one rounding to float32; of any length
    shared    = blend(shared, m)            once, the same on every rank
    own, p    = take(shared, own, p)        each worker goes on from here

and the model of a round is the mean of all workers' `show`. What is not overridden is periodic averaging. Between such
blends workers may be averaged inside groups (`groups`, `group_period`): p becomes the mean of the group's p, which no
strategy sees. Methods for events are another protocol (`asynchronous.strategy`) with the same worker's side.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

Shared = dict[str, "Tensor"]
"""Arrays that are equal on every rank: centre, outer momentum."""
Own = dict[str, "Tensor"]
"""Arrays of one worker."""


@dataclass(frozen=True)
class Moment:
    """What a strategy may know of the round that it works in.

    Args:
        workers: how many give.
        learning_rate: of every worker.
        seen: share of the training's data that was seen before the round.
        minibatch: frames, over which a learner's objective is summed.
    """

    workers: int = 1
    learning_rate: float = 1.0
    seen: float = 0.0
    minibatch: int = 1


@dataclass(frozen=True)
class WorkerSide:
    """What a worker does of any method, in rounds or asynchronous. Tensors are flat [n], of any floating type.

    No argument may be changed in place. Options are fields made by `declared`.

    Attributes:
        paper, mathematics, state, sent: what `hb strategies` says.
        adds: whether workers' changes are added up, so that each keeps the effective rate; else they are averaged.
        moment: the round at hand.
    """

    paper: ClassVar[str]
    mathematics: ClassVar[str]
    state: ClassVar[str] = "none"
    sent: ClassVar[str] = "p"
    adds: ClassVar[bool] = False

    average_period: int = declared(0, "Minibatches from one blend to the next; 0: one blend, at the end of a round")
    moment: Moment = field(default=Moment(), repr=False)

    def __post_init__(self) -> None:
        """UsageError: an option that makes no sense."""
        if self.average_period < 0:
            raise UsageError(f"--average-period={self.average_period}", expected="0 or more")

    def at(self, moment: Moment) -> Self:
        """The method in a round."""
        return replace(self, moment=moment)

    @property
    def every(self) -> int:
        """Minibatches from one blend to the next in this round; 0 blends at its end only."""
        return self.average_period

    @property
    def inside(self) -> int:
        """Minibatches from one mean inside groups of workers to the next; 0: no groups."""
        return 0

    def begin(self, params: Tensor) -> Shared:
        """The shared arrays before the first round, and after the network has grown."""
        return {}

    def join(self, shared: Shared) -> Own:
        """The arrays of a worker that is new, or begins again."""
        return {}

    def pull(self, shared: Shared, own: Own) -> tuple[Tensor, float] | None:
        """Anchor and strength of a proximal term in every minibatch; None for none."""
        return None

    def watch(self, own: Own, params: Tensor) -> Own:
        """The worker's arrays after a minibatch."""
        return own

    def give(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """What is sent, as many numbers by every worker; it may be `params` itself."""
        return own, params

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """What the worker goes on from."""
        return own, shared["c"]

    def rejoin(self, shared: Shared, own: Own, mean: Tensor) -> tuple[Own, Tensor]:
        """Instead of `take`, for a worker whose give was left out of the mean: its numbers are of no use."""
        return self.join(shared), mean


@dataclass(frozen=True)
class Strategy(WorkerSide):
    """Periodic averaging, and the protocol of all methods that blend.

    `mean` is overwritten when the next one is formed: a strategy that needs it then keeps a copy.
    """

    groups: int = declared(1, "Groups of neighbouring workers, averaged inside between the blends of all")
    group_period: int = declared(0, "Minibatches from one mean inside the groups to the next")

    def __post_init__(self) -> None:
        """UsageError: an option that makes no sense."""
        super().__post_init__()
        if self.groups < 1 or self.group_period < 0 or (self.groups > 1) != (self.group_period > 0):
            given = f"--groups={self.groups} --group-period={self.group_period}"
            raise UsageError(given, expected="2 or more groups and a period of 1 or more, or neither")
        if 0 < self.average_period <= self.group_period:
            raise UsageError(
                f"--group-period={self.group_period}", expected=f"below --average-period={self.average_period}"
            )

    @property
    def inside(self) -> int:
        """As the option says."""
        return self.group_period

    @property
    def lag(self) -> int:
        """Blends from a `give` to the `take` of its mean, while training goes on; 0 waits for it."""
        return 0

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """The shared arrays after a blend."""
        return {"c": mean}

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """At the end of a round, after `take`: the mean of this over all workers is evaluated and kept."""
        return params

    def lasting(self, shared: Shared) -> Shared:
        """The part of the shared arrays that the next round needs."""
        return shared


def within(low: float, value: float, high: float, name: str, closed: bool = False) -> None:
    """Refuse an option outside of [low, high), or of [low, high].

    Raises:
        UsageError: naming the option and its value.
    """
    if not (low <= value < high or (closed and value == high)):
        raise UsageError(
            f"{option_name(name)}={value:g}", expected=f"from {low:g} to {'' if closed else 'below '}{high:g}"
        )
