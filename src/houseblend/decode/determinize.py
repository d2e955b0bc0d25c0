"""From the search's raw lattice to a determinised compact lattice: one path a word sequence, its best alignment.

States of the result are sets of raw states with what each of them is behind the best (Povey et al. 2012, "Generating
exact lattices in the WFST framework"). Only raw states that words leave, or that are final, are told apart.
"""

import heapq
import os
import struct
from typing import Any, NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight

_STATE_HEAD = struct.Struct("<ffq")
_ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("graph", "<f4"), ("acoustic", "<f4"), ("nextstate", "<i4")])


class Link(NamedTuple):
    """A string of labels, last first; it ends in the tuple of transition-ids that an earlier state left over."""

    before: Any
    ident: int


class Raw(NamedTuple):
    """A raw lattice: arcs (ilabel, olabel, graph, acoustic, nextstate) and final costs of every state."""

    arcs: list[list[tuple[int, int, float, float, int]]]
    finals: list[tuple[float, float] | None]
    start: int


Member = tuple[float, float, Any]
"""Graph and acoustic cost, and a string: a `Link`, or the tuple that an earlier state left over."""

Members = dict[int, tuple[float, float, tuple[int, ...]]]
"""Raw states of one state of the result, with what each costs beyond the best and the ids it has left over."""


class Pruned(NamedTuple):
    """Arcs and final costs within the beam by raw state, best cost from every state to the end, and the limit."""

    arcs: dict[int, list[tuple[int, int, float, float, int]]]
    finals: dict[int, tuple[float, float]]
    backward: list[float]
    limit: float


def determinize(lattice: Any, transition_ids: np.ndarray, acoustic_scale: float, beam: float) -> CompactLattice:
    """The determinised lattice within a beam of the best path.

    Args:
        lattice: from `hmm.search.search_lattice`, acoustic costs scaled.
        transition_ids: what its input labels mean, [labels].
        acoustic_scale: by which the acoustic costs are divided again.
        beam: paths that cost more than the best by this are dropped.

    Raises:
        InputError: the lattice is empty.
    """
    raw = _parse(lattice)
    order = _topological(raw)
    pruned = _prune(raw, order, beam)
    rank = {state: index for index, state in enumerate(order)}
    return _Determinizer(pruned, rank, transition_ids.tolist(), acoustic_scale).run(raw.start)


class _Determinizer:
    """Expands states of the result in the order of the best path through them, so that the first cost is the best."""

    def __init__(self, pruned: Pruned, rank: dict[int, int], ids: list[int], acoustic_scale: float) -> None:
        self.arcs, self.finals, self.backward, self.limit = pruned
        self.rank, self.ids, self.scale = rank, ids, acoustic_scale
        self.result = CompactLattice([], [], 0)
        self.known: dict[tuple, int] = {}
        self.queue: list[tuple[float, int, float, Members]] = []

    def run(self, start: int) -> CompactLattice:
        """The result, whose first state stands for the raw start."""
        first, members = self._normalise(self._close({start: (0.0, 0.0, None)}))
        self._state(members, first.graph + first.acoustic * self.scale)
        while self.queue:
            _, number, cost, members = heapq.heappop(self.queue)
            self._expand(number, cost, members)
        if first.ids or first.graph or first.acoustic:
            self._push_into_start(first)
        return self.result

    def _expand(self, number: int, cost: float, members: Members) -> None:
        """Final weight and arcs of one state of the result, reached at `cost`; what leaves the beam is left out."""
        best_final: Weight | None = None
        by_word: dict[int, dict[int, Member]] = {}
        for state, (graph, acoustic, string) in members.items():
            here = cost + graph + acoustic
            final = self.finals.get(state)
            if final is not None and here + sum(final) <= self.limit:
                weight = Weight(graph + final[0], (acoustic + final[1]) / self.scale, string)
                if (
                    best_final is None
                    or weight.graph + weight.acoustic * self.scale < best_final.graph + best_final.acoustic * self.scale
                ):
                    best_final = weight
            for ilabel, word, arc_graph, arc_acoustic, nextstate in self.arcs.get(state, ()):
                if word and here + arc_graph + arc_acoustic + self.backward[nextstate] <= self.limit:
                    there = (graph + arc_graph, acoustic + arc_acoustic, Link(string, ilabel) if ilabel else string)
                    _keep_best(by_word.setdefault(word, {}), nextstate, there)
        self.result.finals[number] = best_final
        for word in sorted(by_word):
            closed = self._close(by_word[word])
            inside = {s: m for s, m in closed.items() if cost + m[0] + m[1] + self.backward[s] <= self.limit}
            weight, reached = self._normalise(inside or closed)
            target = self._state(reached, cost + weight.graph + weight.acoustic * self.scale)
            self.result.arcs[number].append(LatticeArc(word, weight, target))

    def _close(self, members: dict[int, Member]) -> dict[int, Member]:
        """Follow arcs without words, in topological order; keep the states that words leave, and final ones."""
        heap = sorted(members, key=self.rank.__getitem__)
        pending = {self.rank[state]: state for state in heap}
        kept: dict[int, Member] = {}
        while pending:
            place = min(pending)
            state = pending.pop(place)
            graph, acoustic, link = members[state]
            matters = state in self.finals
            for ilabel, word, arc_graph, arc_acoustic, nextstate in self.arcs.get(state, ()):
                if word:
                    matters = True
                    continue
                there = (graph + arc_graph, acoustic + arc_acoustic, Link(link, ilabel) if ilabel else link)
                _keep_best(members, nextstate, there)
                pending[self.rank[nextstate]] = nextstate
            if matters:
                kept[state] = members[state]
        return kept

    def _normalise(self, members: dict[int, Member]) -> tuple[Weight, Members]:
        """Take out the best cost and the common beginning of the strings."""
        strings = {state: _string(member[2], self.ids) for state, member in members.items()}
        graph, acoustic = min(((m[0], m[1]) for m in members.values()), key=sum)
        common = _common_prefix(list(strings.values()))
        rest = {
            state: (member[0] - graph, member[1] - acoustic, strings[state][common:])
            for state, member in members.items()
        }
        prefix = next(iter(strings.values()))[:common]
        return Weight(graph, acoustic / self.scale, prefix), rest

    def _state(self, members: Members, cost: float) -> int:
        """The number of a state of the result, new ones queued by the cost of the best path through them."""
        key = tuple((state, round(g + a, 3), string) for state, (g, a, string) in sorted(members.items()))
        if key not in self.known:
            self.known[key] = len(self.result.arcs)
            self.result.arcs.append([])
            self.result.finals.append(None)
            best = min(graph + acoustic + self.backward[state] for state, (graph, acoustic, _) in members.items())
            heapq.heappush(self.queue, (cost + best, self.known[key], cost, members))
        return self.known[key]

    def _push_into_start(self, first: Weight) -> None:
        """What all paths have in common goes onto the first arcs."""
        start = self.result.start

        def join(weight: Weight) -> Weight:
            return Weight(first.graph + weight.graph, first.acoustic + weight.acoustic, first.ids + weight.ids)

        self.result.arcs[start] = [arc._replace(weight=join(arc.weight)) for arc in self.result.arcs[start]]
        final = self.result.finals[start]
        self.result.finals[start] = None if final is None else join(final)


def _keep_best(members: dict[int, Member], state: int, new: Member) -> None:
    old = members.get(state)
    if old is None or new[0] + new[1] < old[0] + old[1]:
        members[state] = new


def _string(link: Any, ids: list[int]) -> tuple[int, ...]:
    labels: list[int] = []
    while isinstance(link, Link):
        labels.append(ids[link.ident])
        link = link.before
    return (link or ()) + tuple(reversed(labels))


def _common_prefix(strings: list[tuple[int, ...]]) -> int:
    low, high = min(strings), max(strings)
    for index, (a, b) in enumerate(zip(low, high, strict=False)):
        if a != b:
            return index
    return min(len(low), len(high))


def _parse(lattice: Any) -> Raw:
    """A kaldifst lattice through its bytes."""
    handle = os.memfd_create("lattice")
    try:
        lattice.write(f"/proc/self/fd/{handle}")
        with open(handle, "rb", closefd=False) as file:
            file.seek(0)
            data = file.read()
    finally:
        os.close(handle)
    place = 4
    for _ in range(2):
        place += 4 + struct.unpack_from("<i", data, place)[0]
    start, num_states = struct.unpack_from("<qq", data, place + 16)
    place += 40
    arcs, finals = [], []
    for _ in range(num_states):
        graph, acoustic, count = _STATE_HEAD.unpack_from(data, place)
        place += _STATE_HEAD.size
        arcs.append(np.frombuffer(data, _ARC, count, place).tolist() if count else [])
        finals.append(None if graph == float("inf") else (graph, acoustic))
        place += _ARC.itemsize * count
    if start < 0:
        raise InputError("an empty lattice")
    return Raw(arcs, finals, start)


def _topological(raw: Raw) -> list[int]:
    into = [0] * len(raw.arcs)
    for arcs in raw.arcs:
        for arc in arcs:
            into[arc[4]] += 1
    ready = [state for state, count in enumerate(into) if count == 0]
    order = []
    while ready:
        state = ready.pop()
        order.append(state)
        for arc in raw.arcs[state]:
            into[arc[4]] -= 1
            if into[arc[4]] == 0:
                ready.append(arc[4])
    return order


def _prune(raw: Raw, order: list[int], beam: float) -> Pruned:
    """Arcs and final costs on paths within the beam, by forward and backward costs."""
    infinity = float("inf")
    forward, backward = [infinity] * len(raw.arcs), [infinity] * len(raw.arcs)
    forward[raw.start] = 0.0
    for state in order:
        for _, _, graph, acoustic, nextstate in raw.arcs[state]:
            forward[nextstate] = min(forward[nextstate], forward[state] + graph + acoustic)
    for state in reversed(order):
        final = raw.finals[state]
        best = infinity if final is None else sum(final)
        for _, _, graph, acoustic, nextstate in raw.arcs[state]:
            best = min(best, graph + acoustic + backward[nextstate])
        backward[state] = best
    limit = backward[raw.start] + beam + 1e-4
    arcs = {}
    finals = {}
    for state in order:
        if forward[state] + backward[state] > limit:
            continue
        here = forward[state]
        arcs[state] = [arc for arc in raw.arcs[state] if here + arc[2] + arc[3] + backward[arc[4]] <= limit]
        final = raw.finals[state]
        if final is not None and here + sum(final) <= limit:
            finals[state] = final
    return Pruned(arcs, finals, backward, limit)
