"""HPSGD: training goes on while the mean change of all workers is formed; it is merged when it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.errors import UsageError
from houseblend.base.options import check_choices, declared
from houseblend.parallel.strategy import Own, Shared, Strategy

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Hpsgd(Strategy):
    """Zhou et al. 2020, as far as its abstract says: workers commit to replicas, the average change goes to the global model c.

    give:  p - base, with p kept as a snapshot s, and base = p;  later, with the mean change m of that give:
    c += m;  keep: p = c + (p - s), what was learnt meanwhile is kept;  overwrite: p = c.

    base, and the snapshots of gives that are still under way, move as p does. Tensors are flat, [n].
    """

    paper = "Zhou, Ye, Zhang, Lv 2020, arXiv 2009.02701"
    mathematics = "c += mean (p - base), a blend late; p = c + (p - what p was when it was sent)"
    state = "c; each worker's base and snapshots"
    sent = "p - base"

    average_period: int = declared(10, "Minibatches from one blend to the next; with one a round nothing is hidden")
    hpsgd_lag: int = declared(1, "hpsgd: blends from giving to merging; 0 waits, which is averaging")
    hpsgd_merge: str = declared("keep", "hpsgd: what becomes of what was learnt meanwhile", ("keep", "overwrite"))

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        check_choices(self)
        if self.hpsgd_lag < 0:
            raise UsageError(f"--hpsgd-lag={self.hpsgd_lag}", expected="0 or more")

    @property
    def lag(self) -> int:
        """As the option says."""
        return self.hpsgd_lag

    def begin(self, params: Tensor) -> Shared:
        """The global model is where everybody begins."""
        return {"c": params.clone()}

    def join(self, shared: Shared) -> Own:
        """Changes count from the global model."""
        return {"base": shared["c"].clone()} if self.lag else {}

    def give(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The change since the last give."""
        if not self.lag:
            return own, params
        here = params.clone()
        return _own(here, [*_snapshots(own), here]), params - own["base"]

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """The mean change is merged."""
        return {"c": shared["c"] + mean if self.lag else mean}

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """Go on from the global model, with what was learnt since the give, or without."""
        if not self.lag:
            return own, shared["c"]
        sent, *later = _snapshots(own)
        if self.hpsgd_merge == "overwrite":
            return _own(shared["c"], later), shared["c"]
        shift = shared["c"] - sent
        return _own(own["base"] + shift, [one + shift for one in later]), params + shift

    def rejoin(self, shared: Shared, own: Own, mean: Tensor) -> tuple[Own, Tensor]:
        """The global model (the mean is one of changes); what is learnt from here on is kept when later gives arrive."""
        c = shared["c"]
        return (_own(c, [c for _ in _snapshots(own)[1:]]) if self.lag else own), c

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """The global model, to which all changes of the round have come when it ends."""
        return shared["c"]


def _own(base: Tensor, snapshots: list[Tensor]) -> Own:
    return {"base": base, **{f"snapshot{number}": one for number, one in enumerate(snapshots)}}


def _snapshots(own: Own) -> list[Tensor]:
    """Of gives that are under way, the first given first."""
    return [own[f"snapshot{number}"] for number in range(len(own) - 1)]
