"""Removal of epsilon arcs where it cannot enlarge the graph (Kaldi's fstext/remove-eps-local)."""

import math
from collections.abc import Callable

from houseblend.lang.fst import NO_FINAL, Arc, Graph


def log_add(first: float, second: float) -> float:
    """-log(exp(-first) + exp(-second))."""
    if first == math.inf or second == math.inf:
        return min(first, second)
    return min(first, second) - math.log1p(math.exp(-abs(first - second)))


def remove_epsilons_locally(graph: Graph, plus: Callable[[float, float], float] = log_add) -> Graph:
    """The graph without the epsilons that can go: into states with one arc in, or out of states with one arc out.

    States that nothing enters any more stay: `Graph.connect` takes them away.

    Args:
        graph: stays as it is.
        plus: sum of two costs, where a state's arcs are split: `log_add` keeps sums of probabilities, `min` best paths.
    """
    if graph.start < 0:
        return graph
    remover = _Remover(graph, plus)
    state = 0
    while state < len(graph.arcs):
        position = 0
        while position < len(remover.arcs[state]):
            remover.visit(state, position)
            position += 1
        state += 1
    arcs = [[arc for arc in one if arc is not None] for one in remover.arcs]
    return Graph(arcs, remover.finals, graph.start)


class _Remover:
    """Arcs (None: removed) with the number of arcs into and out of every state; start and final count as arcs."""

    def __init__(self, graph: Graph, plus: Callable[[float, float], float]) -> None:
        self.plus = plus
        self.arcs: list[list[Arc | None]] = [list(arcs) for arcs in graph.arcs]
        self.finals = list(graph.finals)
        self.num_in = [0] * len(self.arcs)
        self.num_in[graph.start] = 1
        self.num_out = [len(arcs) + (cost != NO_FINAL) for arcs, cost in zip(graph.arcs, graph.finals, strict=True)]
        for arcs in graph.arcs:
            for arc in arcs:
                self.num_in[arc.nextstate] += 1

    def visit(self, state: int, position: int) -> None:
        arc = self.arcs[state][position]
        if arc is None or arc.nextstate == state:
            return
        if self.num_in[arc.nextstate] == 1 and self.num_out[arc.nextstate] > 1:
            self._merge_forward(state, position, arc)
        elif self.num_out[arc.nextstate] == 1:
            self._merge_single(state, position, arc)

    def _add(self, state: int, arc: Arc) -> None:
        self.arcs[state].append(arc)
        self.num_out[state] += 1
        self.num_in[arc.nextstate] += 1

    def _remove(self, state: int, position: int) -> None:
        arc = self.arcs[state][position]
        assert arc is not None
        self.arcs[state][position] = None
        self.num_out[state] -= 1
        self.num_in[arc.nextstate] -= 1

    def _make_final(self, state: int, cost: float) -> None:
        if self.finals[state] == NO_FINAL:
            self.num_out[state] += 1
        self.finals[state] = min(self.finals[state], cost)

    def _merge_forward(self, state: int, position: int, arc: Arc) -> None:
        """The next state is entered by this arc only: what combines with the arc moves to the present state."""
        after = arc.nextstate
        removed = kept = math.inf
        moved = []
        for index, following in enumerate(self.arcs[after]):
            if following is None:
                continue
            combined = _combine(arc, following)
            if combined is None:
                kept = self.plus(kept, following.weight)
            else:
                removed = self.plus(removed, following.weight)
                self._remove(after, index)
                moved.append(combined)
        final = self.finals[after]
        if final != NO_FINAL:
            if arc.ilabel == 0 and arc.olabel == 0:
                removed = self.plus(removed, final)
                self._make_final(state, arc.weight + final)
                self.finals[after] = NO_FINAL
                self.num_out[after] -= 1
            else:
                kept = self.plus(kept, final)
        if removed != math.inf and kept == math.inf:
            self._remove(state, position)
        elif removed != math.inf:
            self._reweight(state, position, arc, kept - self.plus(removed, kept))
        for combined in moved:
            self._add(state, combined)

    def _reweight(self, state: int, position: int, arc: Arc, cost: float) -> None:
        self.arcs[state][position] = arc._replace(weight=arc.weight + cost)
        following = self.arcs[arc.nextstate]
        following[:] = [one and one._replace(weight=one.weight - cost) for one in following]
        if self.finals[arc.nextstate] != NO_FINAL:
            self.finals[arc.nextstate] -= cost

    def _merge_single(self, state: int, position: int, arc: Arc) -> None:
        """The next state has one way out: the arc and that way become one."""
        after = arc.nextstate
        alone = self.num_in[after] == 1
        if self.finals[after] != NO_FINAL:
            if arc.ilabel or arc.olabel:
                return
            self._make_final(state, arc.weight + self.finals[after])
            if alone:
                self.num_out[after] -= 1
                self.finals[after] = NO_FINAL
        else:
            index, following = next((i, one) for i, one in enumerate(self.arcs[after]) if one is not None)
            combined = _combine(arc, following)
            if combined is None:
                return
            if alone:
                self._remove(after, index)
            self._add(state, combined)
        self._remove(state, position)


def _combine(first: Arc, second: Arc) -> Arc | None:
    if (first.ilabel and second.ilabel) or (first.olabel and second.olabel):
        return None
    weight = first.weight + second.weight
    return Arc(first.ilabel or second.ilabel, first.olabel or second.olabel, weight, second.nextstate)
