"""The best paths of a lattice, one after another."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.sweep import Hop, Sweep


@dataclass(frozen=True)
class Path:
    """One path: words, transition-ids, graph and acoustic cost."""

    words: list[int]
    ids: list[int]
    graph: float
    acoustic: float

    def lattice(self) -> CompactLattice:
        """The path as a lattice, all ids on the first word, as lattice-1best writes it."""
        zero = Weight(0.0, 0.0, ())
        whole = Weight(self.graph, self.acoustic, tuple(self.ids))
        if not self.words:
            return CompactLattice([[]], [whole], 0)
        arcs = [[LatticeArc(word, whole if index == 0 else zero, index + 1)] for index, word in enumerate(self.words)]
        return CompactLattice([*arcs, []], [None] * len(self.words) + [zero], 0)


def best_path(
    lattice: CompactLattice, graph_scale: float = 1.0, acoustic_scale: float = 1.0, penalty: float = 0.0
) -> Path | None:
    """The cheapest path under scales and a penalty on every word; None if there is none. Its costs are unscaled."""
    return next(best_paths(lattice, graph_scale, acoustic_scale, penalty), None)


def best_paths(
    lattice: CompactLattice, graph_scale: float = 1.0, acoustic_scale: float = 1.0, penalty: float = 0.0
) -> Iterator[Path]:
    """All paths, the cheapest first, by A* with exact costs to the end (Hart, Nilsson and Raphael 1968).

    Args:
        lattice: acyclic; its paths come out with unscaled costs.
        graph_scale: factor on graph costs.
        acoustic_scale: factor on acoustic costs.
        penalty: cost of every word.

    Raises:
        InputError: the lattice has a cycle.
    """
    sweep = Sweep(lattice, graph_scale, acoustic_scale, penalty)
    to_end = sweep.backward(min)
    leaving: dict[int, list[Hop]] = {}
    for hop in sweep.hops:
        if to_end[hop.target] < math.inf:
            leaving.setdefault(hop.source, []).append(hop)
    numbers = count()
    queue: list[tuple[float, int, float, int, tuple | None]] = [(0.0, next(numbers), 0.0, sweep.start, None)]
    while queue:
        _, _, cost, state, trail = heapq.heappop(queue)
        if state == sweep.end and trail:
            yield _path(trail)
        for hop in leaving.get(state, ()):
            so_far = cost + hop.cost
            heapq.heappush(queue, (so_far + to_end[hop.target], next(numbers), so_far, hop.target, (hop, trail)))


def _path(trail: tuple | None) -> Path:
    """The path of a chain (last hop, chain before it)."""
    hops: list[Hop] = []
    while trail is not None:
        hop, trail = trail
        hops.append(hop)
    hops.reverse()
    return Path(
        [hop.word for hop in hops if hop.word],
        [ident for hop in hops for ident in hop.weight.ids],
        sum(hop.weight.graph for hop in hops), sum(hop.weight.acoustic for hop in hops),
    )  # fmt: skip
