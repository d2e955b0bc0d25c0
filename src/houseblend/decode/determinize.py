"""From the search's raw lattice to a determinised compact lattice: one path a word sequence, its best alignment.

States of the result are sets of raw states with what each of them is behind the best (Povey et al. 2012, "Generating
exact lattices in the WFST framework"). Only raw states that words leave, or that are final, are told apart.
"""

import heapq
import math
from typing import NamedTuple

import numpy as np

from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.prune import prune
from houseblend.decode.raw_lattice import RawLattice


class Member(NamedTuple):
    """A raw state in a state of the result: its costs beyond the best, and the transition-ids it has left over."""

    graph: float
    acoustic: float
    ids: tuple[int, ...]


Members = dict[int, Member]
"""Raw states of one state of the result."""
ROUNDING = 1e-2
"""Of costs, which are compared where paths were added up in another order."""
MOST_MEMBERS = 200_000
"""Raw states in all states of the result; a lattice of noise would have millions."""


def determinize(
    raw: RawLattice, acoustic_scale: float, most_members: int = MOST_MEMBERS
) -> tuple[CompactLattice, float]:
    """The determinised lattice, and the beam that it is complete within.

    That is the beam that the raw lattice was pruned by, or a smaller one where the result would have more than
    `most_members` raw states in its own.

    Args:
        raw: acoustic costs scaled.
        acoustic_scale: by which the acoustic costs are divided again.
        most_members: where to stop; the best path comes out whatever it is.
    """
    return _Determinizer(raw, acoustic_scale).run(most_members)


class _Determinizer:
    """Expands states of the result in the order of the best path through them, so that the first cost is the best."""

    def __init__(self, raw: RawLattice, acoustic_scale: float) -> None:
        self.raw, self.scale = raw, acoustic_scale
        self.finals = {
            state: tuple(raw.final[state].tolist()) for state in np.flatnonzero(np.isfinite(raw.final[:, 0])).tolist()
        }
        self.backward = raw.backward.tolist()
        self.word_arcs = _word_arcs(raw)
        self.result = CompactLattice([], [], 0)
        self.known: dict[tuple, int] = {}
        self.costs: list[float] = []
        self.queue: list[tuple[float, int, float, Members]] = []

    def run(self, most_members: int) -> tuple[CompactLattice, float]:
        """The result, whose first state stands for the raw start, and its beam."""
        first, members = _normalise(self._close({0: Member(0.0, 0.0, ())}, 0.0))
        self._state(members, first.graph + first.acoustic)
        beam = self._expand_all(most_members)
        if first.ids or first.graph or first.acoustic:
            self._push_into_start(self._weight(first))
        return (prune(self.result, beam, self.scale) if self.queue else self.result), beam

    def _expand_all(self, most_members: int) -> float:
        """Expand states until there are none or too many; all paths within the beam that is returned have been by then."""
        best, seen = self.backward[0], 0
        while self.queue:
            through, number, cost, members = self.queue[0]
            if seen > most_members and through > best + ROUNDING:
                return through - best - ROUNDING
            heapq.heappop(self.queue)
            if cost == self.costs[number]:
                seen += len(members)
                self._expand(number, cost, members)
        return self.raw.limit - best

    def _expand(self, number: int, cost: float, members: Members) -> None:
        """Final weight and arcs of one state of the result, reached at `cost`; what leaves the beam is left out."""
        finals, by_word = [], {}
        for state, (graph, acoustic, ids) in members.items():
            here = cost + graph + acoustic
            final = self.finals.get(state)
            if final is not None and here + sum(final) <= self.raw.limit:
                finals.append(Member(graph + final[0], acoustic + final[1], ids))
            for label, word, arc_graph, arc_acoustic, nextstate in self.word_arcs.get(state, ()):
                if here + arc_graph + arc_acoustic + self.backward[nextstate] <= self.raw.limit:
                    there = Member(graph + arc_graph, acoustic + arc_acoustic, (*ids, label) if label else ids)
                    _keep_best(by_word.setdefault(word, {}), nextstate, there)
        self.result.finals[number] = self._weight(min(finals, key=_cost)) if finals else None
        for word in sorted(by_word):
            best, reached = _normalise(self._close(by_word[word], cost))
            target = self._state(reached, cost + _cost(best))
            self.result.arcs[number].append(LatticeArc(word, self._weight(best), target))

    def _close(self, members: Members, spent: float) -> Members:
        """Follow arcs without words; keep the states that words leave, and final ones, inside the beam."""
        states = list(members)
        costs = np.array([member[:2] for member in members.values()])
        reached = self.raw.close(np.array(states), costs[:, 0], costs[:, 1], spent)
        labels, begin = reached.labels.tolist(), reached.label_begin.tolist()
        left_over = [member.ids for member in members.values()]
        columns = (reached.states.tolist(), reached.graph.tolist(), reached.acoustic.tolist(), reached.member.tolist())
        return {
            state: Member(graph, acoustic, left_over[member] + tuple(labels[first:end]))
            for state, graph, acoustic, member, first, end in zip(*columns, begin[:-1], begin[1:], strict=True)
        }

    def _state(self, members: Members, cost: float) -> int:
        """The number of a state of the result; queued by the cost of the best path through it, again if that falls."""
        key = tuple((state, round(_cost(member), 3), member.ids) for state, member in sorted(members.items()))
        number = self.known.setdefault(key, len(self.costs))
        if number == len(self.costs):
            self.costs.append(math.inf)
            self.result.arcs.append([])
            self.result.finals.append(None)
        if cost < self.costs[number] and not self.result.arcs[number]:
            self.costs[number] = cost
            best = min(_cost(member) + self.backward[state] for state, member in members.items())
            heapq.heappush(self.queue, (cost + best, number, cost, members))
        return number

    def _weight(self, member: Member) -> Weight:
        return Weight(member.graph, member.acoustic / self.scale, member.ids)

    def _push_into_start(self, first: Weight) -> None:
        """What all paths have in common goes onto the first arcs."""
        start = self.result.start

        def join(weight: Weight) -> Weight:
            return Weight(first.graph + weight.graph, first.acoustic + weight.acoustic, first.ids + weight.ids)

        self.result.arcs[start] = [arc._replace(weight=join(arc.weight)) for arc in self.result.arcs[start]]
        final = self.result.finals[start]
        self.result.finals[start] = None if final is None else join(final)


def _word_arcs(raw: RawLattice) -> dict[int, list[tuple[int, int, float, float, int]]]:
    """Arcs with words (label, word, graph, acoustic, nextstate) by state."""
    arcs = raw.arcs
    chosen = np.flatnonzero(arcs.word)
    sources = np.searchsorted(arcs.begin, chosen, side="right") - 1
    by_state: dict[int, list[tuple[int, int, float, float, int]]] = {}
    for source, *arc in zip(sources.tolist(), *(column[chosen].tolist() for column in arcs[1:]), strict=True):
        by_state.setdefault(source, []).append(tuple(arc))
    return by_state


def _cost(member: Member) -> float:
    return member.graph + member.acoustic


def _keep_best(members: Members, state: int, new: Member) -> None:
    old = members.get(state)
    if old is None or _cost(new) < _cost(old):
        members[state] = new


def _normalise(members: Members) -> tuple[Member, Members]:
    """Take out the best cost and the common beginning of the strings."""
    best = min(members.values(), key=_cost)
    common = _common_prefix([member.ids for member in members.values()])
    rest = {
        state: Member(member.graph - best.graph, member.acoustic - best.acoustic, member.ids[common:])
        for state, member in members.items()
    }
    return Member(best.graph, best.acoustic, best.ids[:common]), rest


def _common_prefix(strings: list[tuple[int, ...]]) -> int:
    low, high = min(strings), max(strings)
    for index, (a, b) in enumerate(zip(low, high, strict=False)):
        if a != b:
            return index
    return min(len(low), len(high))
