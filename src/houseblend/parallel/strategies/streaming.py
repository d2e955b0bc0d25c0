"""Streaming DiLoCo: a blend is of one part of the parameters, all parts in turn, while training goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.strategies.diloco import DiLoCo
from houseblend.parallel.strategy import Own, Shared, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Streaming(DiLoCo):
    """Douillard et al. 2025. With i the fragment whose turn it is, and m_i the mean of what was given some blends ago:

    give:  p_i;  later g = c_i - m_i;  b_i = mu b_i + g;  c_i -= rate (g + mu b_i);  p_i = (1 - a) c_i + a p_i

    so that a of what was learnt meanwhile is kept. Fragments are equal runs of the flat parameters (the paper's are of layers); one is
    given again after `fragments` blends. The turn that a worker gives is that of the mean that it took last, and as many more as it
    has given since: `ahead`. Tensors are flat, [n].
    """

    paper = "Douillard et al. 2025, arXiv 2501.18512"
    mathematics = "of a fragment: diloco's outer step on c, a blend late; p = (1 - a) c + a p"
    state = "c, b, turn; each worker's p lasts"
    sent = "a fragment of p"

    average_period: int = declared(
        25, "Minibatches from one blend to the next; for streaming from fragment to fragment"
    )
    fragments: int = declared(4, "streaming: parts of the parameters, each a blend of its own")
    fragment_lag: int = declared(1, "streaming: blends from giving a fragment to merging it; 0 waits")
    fragment_mixing: float = declared(0.5, "streaming: a, share of a worker's own numbers in what it goes on from")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.fragment_mixing, 1.0, "fragment_mixing", closed=True)
        if not 0 <= self.fragment_lag < self.fragments:
            raise UsageError(
                f"--fragment-lag={self.fragment_lag}", expected=f"from 0 to below --fragments={self.fragments}"
            )

    @property
    def lag(self) -> int:
        """As the option says."""
        return self.fragment_lag

    def begin(self, params: Tensor) -> Shared:
        """DiLoCo's arrays, and the first fragment's turn."""
        return {**super().begin(params), "turn": params.new_zeros(1)}

    def join(self, shared: Shared) -> Own:
        """Nothing given yet."""
        return {"ahead": shared["turn"].new_zeros(1)}

    def give(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The fragment that comes after those that are under way."""
        return {"ahead": own["ahead"] + 1}, params[self._fragment(shared["turn"] + own["ahead"], params)]

    def blend(self, shared: Shared, mean: Tensor) -> Shared:
        """One outer step on a fragment."""
        part = self._fragment(shared["turn"], shared["c"])
        moved = super().blend({name: shared[name][part] for name in ("c", "b")}, mean)
        after = {name: _with(shared[name], part, numbers) for name, numbers in moved.items()}
        return {**after, "turn": (shared["turn"] + 1) % self.fragments}

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The fragment that was blended, mixed into what the worker has."""
        part = self._fragment(shared["turn"] - 1, params)
        c = shared["c"][part]
        return {"ahead": own["ahead"] - 1}, _with(params, part, c + self.fragment_mixing * (params[part] - c))

    def rejoin(self, shared: Shared, own: Own, mean: Tensor) -> tuple[Own, Tensor]:
        """The centre, all of it."""
        return {"ahead": own["ahead"] - 1}, shared["c"]

    def show(self, shared: Shared, own: Own, params: Tensor) -> Tensor:
        """The centre is the model."""
        return shared["c"]

    def _fragment(self, turn: Tensor, params: Tensor) -> slice:
        """Where among [n] the fragment of a turn lies; turns, [1], go round."""
        number, length = int(turn) % self.fragments, len(params)
        return slice(length * number // self.fragments, length * (number + 1) // self.fragments)


def _with(whole: Tensor, part: slice, numbers: Tensor) -> Tensor:
    """A copy with other numbers in a part of it."""
    copy = whole.clone()
    copy[part] = numbers
    return copy
