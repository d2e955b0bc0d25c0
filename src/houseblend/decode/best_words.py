"""The words of a lattice's best path under one pair of scales after another, in compiled code."""

import numba
import numpy as np

from houseblend.decode.lattice import CompactLattice
from houseblend.decode.sweep import Sweep


class BestWords:
    """The words of a lattice's best path, for one pair of scales after another.

    Args:
        lattice: acyclic; InputError if not.
    """

    def __init__(self, lattice: CompactLattice) -> None:
        sweep = Sweep(lattice)
        rows = [(hop.source, hop.word, hop.target) for hop in sweep.hops]
        self._hops = np.array(rows, np.int64).reshape(-1, 3)
        self._costs = np.array([hop.weight[:2] for hop in sweep.hops]).reshape(-1, 2)
        self._start, self._end = sweep.start, sweep.end

    def words(self, graph_scale: float = 1.0, acoustic_scale: float = 1.0, penalty: float = 0.0) -> list[int]:
        """Those of `best_path`, empty if there is no path."""
        penalties = np.where(self._hops[:, 1] > 0, penalty, 0.0)
        graph = (graph_scale * self._costs[:, 0] + penalties).astype(np.float32)
        costs = graph + (acoustic_scale * self._costs[:, 1]).astype(np.float32)
        return _words(self._hops, costs, self._start, self._end).tolist()


@numba.njit(cache=True)
def _words(hops: np.ndarray, costs: np.ndarray, start: int, end: int) -> np.ndarray:
    """Words on the cheapest way from the start to the end; hops are rows (source, word, target) in topological order."""
    to_end = np.full(end + 1, np.inf)
    to_end[end] = 0.0
    chosen = np.full(end + 1, -1)
    for place in range(len(hops) - 1, -1, -1):
        source, _, target = hops[place]
        cost = costs[place] + to_end[target]
        if cost <= to_end[source] and cost < np.inf:
            to_end[source], chosen[source] = cost, place
    words = np.empty(end + 1, np.int64)
    count, state = 0, start
    while state >= 0 and chosen[state] >= 0:
        _, word, state = hops[chosen[state]]
        if word:
            words[count] = word
            count += 1
    return words[:count]
