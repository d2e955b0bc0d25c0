"""The search's raw lattice as flat arrays: pruned, in topological order, with paths between words found in compiled code."""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np


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

    def close(self, states: np.ndarray, graph: np.ndarray, acoustic: np.ndarray, spent: float) -> Reached:
        """Best paths without words from any of several states to where words leave, or the end, inside the limit.

        Args:
            states: raw states, shape [members].
            graph, acoustic: what each of them costs so far, beyond `spent`; shape [members].
            spent: cost before all of them.
        """
        # Rounding may put them all beyond the limit; the best stays.
        left = max(self.limit - spent, float((graph + acoustic + self.backward[states]).min()) + 1e-6)
        is_final = np.isfinite(self.final[:, 0])
        return Reached(*_close(self.arcs, is_final, self.backward, states, graph, acoustic, left))

    def rescored(self, scores_TI: np.ndarray, beam: float) -> "RawLattice":
        """The same paths with other acoustic scores, pruned anew.

        Args:
            scores_TI: scaled log-likelihoods by transition-id, [T, num_ids + 1].
            beam: as of `prune_raw`.
        """
        arcs = self.arcs
        source = np.repeat(np.arange(len(self.final)), np.diff(arcs.begin))
        frames = _frames_before(arcs.begin, arcs.label, arcs.nextstate)
        spoken = arcs.label > 0
        acoustic = np.zeros(len(arcs.label))
        acoustic[spoken] = -scores_TI[frames[source[spoken]], arcs.label[spoken]]
        return prune_raw(arcs._replace(acoustic=acoustic), self.final, beam)


def prune_raw(arcs: Arcs, final: np.ndarray, beam: float) -> RawLattice:
    """Keep what lies on paths within a beam, by forward and backward costs, in topological order.

    Args:
        arcs: state 0 is the start.
        final: final cost by state, (graph, acoustic scaled), infinite where it is not final; shape [num_states, 2].
        beam: paths that cost more than the best by this are dropped.
    """
    order = _topological(arcs.begin, arcs.nextstate)
    forward, backward = _best_costs(arcs, final, order, 0)
    limit = backward[0] + beam + 1e-4
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
def _frames_before(begin: np.ndarray, label: np.ndarray, nextstate: np.ndarray) -> np.ndarray:
    """How many frames lie before each state, [num_states], states in topological order."""
    frames = np.zeros(len(begin) - 1, np.int64)
    for state in range(len(frames)):
        for arc in range(begin[state], begin[state + 1]):
            frames[nextstate[arc]] = frames[state] + (label[arc] != 0)
    return frames


@numba.njit(cache=True)
def _best_costs(arcs: Arcs, final: np.ndarray, order: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs of the best path from the start to every state, and from there to the end; each of shape [num_states]."""
    forward, backward = np.full(len(final), np.inf), final[:, 0] + final[:, 1]
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
    arcs: Arcs, is_final: np.ndarray, backward: np.ndarray, states: np.ndarray, member_graph: np.ndarray,
    member_acoustic: np.ndarray, limit: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
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
            if new_graph + new_acoustic + backward[there + first] > limit:
                continue
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
