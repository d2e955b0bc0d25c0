"""The search's raw lattice as flat arrays: pruned, in topological order, with paths between words found in compiled code."""

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np

from houseblend.base.errors import InputError
from houseblend.lang.fst import to_memory

_HEAD_WORDS, _ARC_WORDS = 4, 5
"""4-byte words of a state in the file (graph cost, acoustic cost, 64-bit number of arcs), and of an arc."""


class Arcs(NamedTuple):
    """Arcs of all states one after another, each array of shape [num_arcs] but `begin`.

    Those of state s stand at begin[s] to begin[s + 1]; a label of 0 is none; a cost is (graph, acoustic scaled).
    """

    begin: np.ndarray
    label: np.ndarray
    word: np.ndarray
    graph: np.ndarray
    acoustic: np.ndarray
    nextstate: np.ndarray


class Reached(NamedTuple):
    """States reached without a word, best path to each: costs, the member it began in, and its labels."""

    states: np.ndarray
    graph: np.ndarray
    acoustic: np.ndarray
    member: np.ndarray
    labels: np.ndarray
    label_begin: np.ndarray


@dataclass(frozen=True)
class RawLattice:
    """A pruned raw lattice, states numbered in topological order, 0 the start.

    Args:
        arcs: with transition-ids as labels.
        final: final cost by state, (graph, acoustic scaled), infinite where it is not final; shape [num_states, 2].
        backward: cost of the best path from every state to the end, shape [num_states].
        limit: cost of the best path, and the beam.
    """

    arcs: Arcs
    final: np.ndarray
    backward: np.ndarray
    limit: float

    def close(self, states: np.ndarray, graph: np.ndarray, acoustic: np.ndarray) -> Reached:
        """Best paths without words from any of several states (with costs so far) to where words leave, or the end.

        Args:
            states, graph, acoustic: shape [members].
        """
        return Reached(*_close(self.arcs, np.isfinite(self.final[:, 0]), states, graph, acoustic))


def read_raw_lattice(lattice: Any, transition_ids: np.ndarray, beam: float) -> RawLattice:
    """The lattice of `hmm.search.search_lattice`, what lies outside the beam dropped.

    Args:
        lattice: a kaldifst lattice, acoustic costs scaled.
        transition_ids: what its input labels mean, [labels].
        beam: paths that cost more than the best by this are dropped.

    Raises:
        InputError: the lattice is empty.
    """
    start, words, places = _parse(lattice)
    heads = words[places[:-1, None] + np.arange(_HEAD_WORDS)]
    count = heads[:, 2]
    begin = np.concatenate([[0], np.cumsum(count)])
    within = np.arange(begin[-1]) - np.repeat(begin[:-1], count)
    columns = words[
        (np.repeat(places[:-1] + _HEAD_WORDS, count) + _ARC_WORDS * within)[:, None] + np.arange(_ARC_WORDS)
    ]
    costs = columns[:, 2:4].copy().view(np.float32).astype(np.float64)
    arcs = Arcs(begin, transition_ids[columns[:, 0]], columns[:, 1], costs[:, 0], costs[:, 1], columns[:, 4])
    final = heads[:, :2].copy().view(np.float32).astype(np.float64)
    return _pruned(arcs, final, start, beam)


def _parse(lattice: Any) -> tuple[int, np.ndarray, np.ndarray]:
    """Start state, the 4-byte words of the states, and where each state begins among them, through the file's bytes."""
    data = to_memory(lattice)
    place = 4
    for _ in range(2):
        place += 4 + struct.unpack_from("<i", data, place)[0]
    start, num_states = struct.unpack_from("<qq", data, place + 16)
    if start < 0:
        raise InputError("an empty lattice")
    words = np.frombuffer(data, "<i4", (len(data) - place - 40) // 4, place + 40)
    return start, words, _places(words, num_states)


def _pruned(arcs: Arcs, final: np.ndarray, start: int, beam: float) -> RawLattice:
    """Keep what lies on paths within the beam, by forward and backward costs, in topological order."""
    order = _topological(arcs.begin, arcs.nextstate)
    forward, backward = _best_costs(arcs, final, order, start)
    limit = backward[start] + beam + 1e-4
    order = order[forward[order] + backward[order] <= limit]
    rank = np.full(len(final), -1)
    rank[order] = np.arange(len(order))
    source = np.repeat(np.arange(len(final)), np.diff(arcs.begin))
    kept = forward[source] + arcs.graph + arcs.acoustic + backward[arcs.nextstate] <= limit
    sorted_arcs = np.flatnonzero(kept)[np.argsort(rank[source[kept]], kind="stable")]
    begin = np.searchsorted(rank[source[sorted_arcs]], np.arange(len(order) + 1))
    chosen = Arcs(begin, *(column[sorted_arcs] for column in arcs[1:]))
    outside = forward + final.sum(axis=1) > limit
    final = np.where(outside[:, None], np.inf, final)
    return RawLattice(chosen._replace(nextstate=rank[chosen.nextstate]), final[order], backward[order], float(limit))


@numba.njit(cache=True)
def _places(words: np.ndarray, num_states: int) -> np.ndarray:
    places = np.zeros(num_states + 1, np.int64)
    for state in range(num_states):
        places[state + 1] = places[state] + _HEAD_WORDS + _ARC_WORDS * words[places[state] + 2]
    return places


@numba.njit(cache=True)
def _topological(begin: np.ndarray, nextstate: np.ndarray) -> np.ndarray:
    num_states = len(begin) - 1
    into = np.bincount(nextstate, minlength=num_states)
    order = np.empty(num_states, np.int64)
    done = 0
    for state in range(num_states):
        if into[state] == 0:
            order[done] = state
            done += 1
    place = 0
    while place < done:
        for arc in range(begin[order[place]], begin[order[place] + 1]):
            into[nextstate[arc]] -= 1
            if into[nextstate[arc]] == 0:
                order[done] = nextstate[arc]
                done += 1
        place += 1
    return order[:done]


@numba.njit(cache=True)
def _best_costs(arcs: Arcs, final: np.ndarray, order: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs of the best path from the start to every state, and from there to the end; each of shape [num_states]."""
    forward, backward = np.full(len(final), np.inf), final.sum(axis=1)
    forward[start] = 0.0
    for state in order:
        for arc in range(arcs.begin[state], arcs.begin[state + 1]):
            there = forward[state] + arcs.graph[arc] + arcs.acoustic[arc]
            forward[arcs.nextstate[arc]] = min(forward[arcs.nextstate[arc]], there)
    for state in order[::-1]:
        for arc in range(arcs.begin[state], arcs.begin[state + 1]):
            there = arcs.graph[arc] + arcs.acoustic[arc] + backward[arcs.nextstate[arc]]
            backward[state] = min(backward[state], there)
    return forward, backward


@numba.njit(cache=True)
def _close(
    arcs: Arcs, is_final: np.ndarray, states: np.ndarray, member_graph: np.ndarray, member_acoustic: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """See `RawLattice.close`. States are visited in topological order, so one pass finds every best path."""
    first = states.min()
    size = len(is_final) - first
    graph, acoustic = np.full(size, np.inf), np.full(size, np.inf)
    came_by = np.full(size, -1)
    came_from = np.full(size, -1)
    for member in range(len(states)):
        place = states[member] - first
        graph[place], acoustic[place], came_from[place] = member_graph[member], member_acoustic[member], member
    pending = len(states)
    reached = []
    place = -1
    while pending:
        place += 1
        if graph[place] == np.inf:
            continue
        pending -= 1
        matters = is_final[place + first]
        for arc in range(arcs.begin[place + first], arcs.begin[place + first + 1]):
            if arcs.word[arc]:
                matters = True
                continue
            there = arcs.nextstate[arc] - first
            new_graph, new_acoustic = graph[place] + arcs.graph[arc], acoustic[place] + arcs.acoustic[arc]
            if graph[there] == np.inf:
                pending += 1
            if new_graph + new_acoustic < graph[there] + acoustic[there]:
                graph[there], acoustic[there], came_by[there], came_from[there] = new_graph, new_acoustic, arc, place
        if matters:
            reached.append(place)
    return _traced(arcs.label, np.array(reached, np.int64), first, graph, acoustic, came_by, came_from)


@numba.njit(cache=True)
def _traced(
    label: np.ndarray, places: np.ndarray, first: int, graph: np.ndarray, acoustic: np.ndarray, came_by: np.ndarray,
    came_from: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Follow best paths back to their members, and write down their labels."""
    begin = np.zeros(len(places) + 1, np.int64)
    for number in range(len(places)):
        place, length = places[number], 0
        while came_by[place] >= 0:
            length += label[came_by[place]] != 0
            place = came_from[place]
        begin[number + 1] = begin[number] + length
    members, labels = np.empty(len(places), np.int64), np.empty(begin[-1], label.dtype)
    for number in range(len(places)):
        place, write = places[number], begin[number + 1]
        while came_by[place] >= 0:
            if label[came_by[place]]:
                write -= 1
                labels[write] = label[came_by[place]]
            place = came_from[place]
        members[number] = came_from[place]
    return places + first, graph[places], acoustic[places], members, labels, begin
