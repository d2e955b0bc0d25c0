"""Sums over the paths of a lattice, from its start and from its end: the least cost, or minus the log of a sum."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, Weight

Plus = Callable[[float, float], float]


class Hop(NamedTuple):
    """An arc, or the way from a final state to the end: its scaled cost, and its weight as it is in the lattice."""

    source: int
    word: int
    cost: float
    weight: Weight
    target: int


def log_plus(first: float, second: float) -> float:
    """The cost of either of two: -log(exp(-first) + exp(-second))."""
    return -float(np.logaddexp(-first, -second))


class Sweep:
    """A lattice as a list of hops, each behind all that lead to its source; scaled costs are float32, as Kaldi's.

    Args:
        lattice: acyclic.
        graph_scale: factor on graph costs.
        acoustic_scale: factor on acoustic costs.
        penalty: added to the cost of every word.

    Attributes: `start`; `end`, one more state, to which every final weight is a hop; `order`, the states in topological
    order without the end; `hops`.

    Raises:
        InputError: the lattice has a cycle.
    """

    def __init__(
        self, lattice: CompactLattice, graph_scale: float = 1.0, acoustic_scale: float = 1.0, penalty: float = 0.0
    ) -> None:
        self.start, self.end = lattice.start, len(lattice.arcs)
        self.order = lattice.topological_order()
        self.hops: list[Hop] = []
        for state in self.order:
            ways = [(arc.word, arc.weight, arc.nextstate) for arc in lattice.arcs[state]]
            final = lattice.finals[state]
            for word, weight, target in ways if final is None else [*ways, (0, final, self.end)]:
                graph = np.float32(graph_scale * weight.graph + (penalty if word else 0.0))
                cost = float(graph + np.float32(acoustic_scale * weight.acoustic))
                self.hops.append(Hop(state, word, cost, weight, target))

    def forward(self, plus: Plus) -> list[float]:
        """Cost of all paths from the start to every state, put together by `plus`; shape [states + 1], float64."""
        costs = [math.inf] * (self.end + 1)
        if self.order:
            costs[self.start] = 0.0
        for hop in self.hops:
            costs[hop.target] = plus(costs[hop.target], costs[hop.source] + hop.cost)
        return costs

    def backward(self, plus: Plus) -> list[float]:
        """Cost of all paths from every state to the end, put together by `plus`; shape [states + 1], float64."""
        costs = [math.inf] * self.end + [0.0]
        for hop in reversed(self.hops):
            costs[hop.source] = plus(costs[hop.source], hop.cost + costs[hop.target])
        return costs

    def times(self) -> list[int]:
        """Frames before every state, shape [states + 1].

        Raises:
            InputError: two paths to a state have other numbers of frames.
        """
        times = [-1] * (self.end + 1)
        if self.order:
            times[self.start] = 0
        for hop in self.hops:
            there = times[hop.source] + len(hop.weight.ids)
            if times[hop.target] not in (-1, there):
                raise InputError(f"paths of {times[hop.target]} and of {there} frames meet in the lattice")
            times[hop.target] = there
        return times


def require_path(total: float) -> None:
    """Refuse the total cost of a lattice that has no path; InputError."""
    if total == math.inf:
        raise InputError("the lattice has no path")
