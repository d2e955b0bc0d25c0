"""Lattice search in compiled code: forward the tokens within a beam, then backward the arcs on paths within another.

A token is a state at a frame with the cost of the best path to it. Only tokens are stored; the arcs between them are found
again on the way back, through a table of the arcs by the state that they lead to. What comes out is what Kaldi's
lattice-simple-decoder keeps (Povey et al. 2012), and with a limit on tokens its lattice-faster-decoder.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

from houseblend.decode.options import SearchOptions
from houseblend.decode.raw_lattice import Arcs, RawLattice, prune_raw
from houseblend.hmm.search import SearchGraph
from houseblend.lang.fst import flat_states

_SLACK = 1e-4
"""On the lattice's limit, for rounding."""


class Network(NamedTuple):
    """A graph as arrays, made once by `flatten`.

    Args:
        start: the start state.
        final: cost to end in a state, infinite where none may, [states].
        begin: where a state's arcs begin, [states + 1]; those without a label (epsilons) come first.
        labelled: where its arcs with labels begin, [states].
        arcs: ilabel, olabel, weight, nextstate of every arc.
        source: the state that an arc leaves, [arcs].
        into: numbers of the arcs by the state that they lead to, epsilons first, [arcs].
        into_begin: where those of a state begin in `into`, [states + 1].
        into_labelled: where those with labels begin, [states].
    """

    start: int
    final: np.ndarray
    begin: np.ndarray
    labelled: np.ndarray
    arcs: np.ndarray
    source: np.ndarray
    into: np.ndarray
    into_begin: np.ndarray
    into_labelled: np.ndarray


class Tokens(NamedTuple):
    """Tokens frame by frame: those before frame t are numbers begin[t] to begin[t + 1]; begin is [T + 2]."""

    begin: np.ndarray
    states: np.ndarray
    costs: np.ndarray


def flatten(graph: SearchGraph) -> Network:
    """The same graph as arrays."""
    states = flat_states(graph.fst)
    size = len(states.counts)
    source = np.repeat(np.arange(size, dtype=np.int32), states.counts)
    order = np.lexsort((states.arcs["ilabel"] > 0, source))
    arcs = states.arcs[order]
    into = np.lexsort((arcs["ilabel"] > 0, arcs["nextstate"])).astype(np.int32)
    leaving = _places(source, arcs["ilabel"], size)
    return Network(
        states.start, states.finals.astype(np.float64), *leaving, arcs, source, into,
        *_places(arcs["nextstate"], arcs["ilabel"], size),
    )  # fmt: skip


def _places(states: np.ndarray, labels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the arcs of every state begin among those sorted by state, and where those with labels do."""
    begin = np.append(0, np.cumsum(np.bincount(states, minlength=size)))
    epsilons = np.bincount(states[labels == 0], minlength=size)
    return begin, begin[:-1] + epsilons


def search_lattice(
    graph: SearchGraph, network: Network, loglikes_TP: np.ndarray, options: SearchOptions, key: str | None = None
) -> RawLattice | None:
    """The raw lattice of an utterance: all paths within the lattice beam of the best that the search finds.

    Args:
        graph: the decoding graph.
        network: the same, flattened.
        loglikes_TP: log-likelihoods by pdf, shape [T, num_pdfs].
        options: the search's; if no token of the last frame is in a final state, all count as final where that is allowed.
        key: the utterance, for errors.

    Returns:
        The lattice with transition-ids as labels, costs scaled; None if no token survived, or none reached an end.

    Raises:
        InputError: no frames, too few pdfs, or scores that are not finite.
    """
    scores = graph.scaled_scores(loglikes_TP, options.acoustic_scale, key)
    costs_TL = np.zeros((len(scores), scores.shape[1] + 1), np.float32)
    np.negative(scores, out=costs_TL[:, 1:], casting="same_kind")
    tokens = _forward(network, costs_TL, options.beam, options.max_active)
    last = np.arange(tokens.begin[-2], tokens.begin[-1])
    if not len(last):
        return None
    ends = network.final[tokens.states[last]]
    if not np.isfinite(ends).any():
        if not options.allow_partial:
            return None
        ends[:] = 0.0
    sources, targets, numbers = _backward(network, costs_TL, tokens, ends, options.lattice_beam)
    used, place = np.unique(np.concatenate([[0], sources, targets, last]), return_inverse=True)
    final = np.full((len(used), 2), np.inf)
    final[place[-len(last) :]] = np.stack([ends, np.where(np.isfinite(ends), 0.0, np.inf)], axis=1)
    order = np.argsort(sources, kind="stable")
    begin = np.searchsorted(sources[order], np.append(used, len(tokens.states)))
    arcs = network.arcs[numbers[order]]
    frames = np.searchsorted(tokens.begin, targets[order], side="right") - 2
    labels, acoustic = arcs["ilabel"], costs_TL[frames, arcs["ilabel"]].astype(np.float64)
    nextstate = place[1 + len(sources) :][: len(targets)][order]
    weight = arcs["weight"].astype(np.float64)
    return prune_raw(
        Arcs(begin, graph.transition_ids[labels], arcs["olabel"], weight, acoustic, nextstate),
        final,
        options.lattice_beam,
    )


@numba.njit(cache=True)
def _forward(network: Network, costs_TL: np.ndarray, beam: float, max_active: int) -> Tokens:
    """All tokens; what is worse than the best of its frame by the beam is not kept."""
    size = len(network.final)
    slots = np.full(size, -1, np.int64)
    states, costs = np.empty(2 * size + 1000, np.int32), np.empty(2 * size + 1000)
    begin = np.zeros(len(costs_TL) + 2, np.int64)
    states[0], costs[0], slots[network.start] = network.start, 0.0, 0
    end = _close(network, states, costs, slots, 0, 1, beam)
    for frame in range(len(costs_TL)):
        first = begin[frame]
        _forget(slots, states, first, end)
        if end - first > max_active:
            end = _drop(states, costs, first, end, _smallest(costs[first:end], max_active))
        begin[frame + 1] = end
        if end + size > len(states):
            states, costs = _longer(states, 2 * len(states)), _longer(costs, 2 * len(states))
        end = _emit(network, costs_TL[frame], states, costs, slots, first, end, beam)
        first = begin[frame + 1]
        if end == first:
            begin[frame + 2 :] = end
            break
        cutoff = costs[first:end].min() + beam
        _forget(slots, states, first, end)
        end = _drop(states, costs, first, end, cutoff)
        for token in range(first, end):
            slots[states[token]] = token
        end = _close(network, states, costs, slots, first, end, cutoff)
    begin[-1] = end
    return Tokens(begin, states[:end].copy(), costs[:end].copy())


@numba.njit(cache=True)
def _longer(array: np.ndarray, size: int) -> np.ndarray:
    longer = np.empty(size, array.dtype)
    for place in range(len(array)):
        longer[place] = array[place]
    return longer


@numba.njit(cache=True)
def _forget(slots: np.ndarray, states: np.ndarray, first: int, end: int) -> None:
    """Take the states of tokens `first` to `end` out of the table."""
    for token in range(first, end):
        slots[states[token]] = -1


@numba.njit(cache=True)
def _smallest(costs: np.ndarray, count: int) -> float:
    """The largest of the `count` smallest costs (Hoare 1961, "FIND"); np.partition alone takes 5 s to compile."""
    values, wanted = costs.copy(), count - 1
    low, high = 0, len(values) - 1
    while low < high:
        pivot, left, right = values[wanted], low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while pivot < values[right]:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left, right = left + 1, right - 1
        if right < wanted:
            low = left
        if wanted < left:
            high = right
    return values[wanted]


@numba.njit(cache=True)
def _drop(states: np.ndarray, costs: np.ndarray, first: int, end: int, cutoff: float) -> int:
    """Keep the tokens that cost no more than the cutoff; returns where they end."""
    write = first
    for token in range(first, end):
        if costs[token] <= cutoff:
            states[write], costs[write] = states[token], costs[token]
            write += 1
    return write


@numba.njit(cache=True)
def _emit(
    network: Network, costs_L: np.ndarray, states: np.ndarray, costs: np.ndarray, slots: np.ndarray, first: int, end: int,
    beam: float,
) -> int:  # fmt: skip
    """Tokens behind one frame, from tokens `first` to `end` before it; returns where they end."""
    write = end
    cutoff = np.inf
    best = first + np.argmin(costs[first:end])
    for number in range(network.labelled[states[best]], network.begin[states[best] + 1]):
        arc = network.arcs[number]
        cutoff = min(cutoff, costs[best] + arc["weight"] + costs_L[arc["ilabel"]] + beam)
    for token in range(first, end):
        state, cost = states[token], costs[token]
        for number in range(network.labelled[state], network.begin[state + 1]):
            arc = network.arcs[number]
            there = cost + arc["weight"] + costs_L[arc["ilabel"]]
            if there > cutoff:
                continue
            cutoff = min(cutoff, there + beam)
            slot = slots[arc["nextstate"]]
            if slot < 0:
                slots[arc["nextstate"]] = write
                states[write], costs[write] = arc["nextstate"], there
                write += 1
            elif there < costs[slot]:
                costs[slot] = there
    return write


@numba.njit(cache=True)
def _close(
    network: Network, states: np.ndarray, costs: np.ndarray, slots: np.ndarray, first: int, end: int, cutoff: float
) -> int:
    """Follow epsilons from tokens `first` to `end`; returns where all of them end."""
    queue: list[Any] = [
        token for token in range(first, end) if network.labelled[states[token]] > network.begin[states[token]]
    ]
    while len(queue):
        token = queue.pop()
        state, cost = states[token], costs[token]
        for number in range(network.begin[state], network.labelled[state]):
            arc = network.arcs[number]
            there = cost + arc["weight"]
            if there > cutoff:
                continue
            slot = slots[arc["nextstate"]]
            if slot < 0:
                slots[arc["nextstate"]] = slot = end
                states[slot], costs[slot] = arc["nextstate"], np.inf
                end += 1
            if there < costs[slot]:
                costs[slot] = there
                if network.labelled[arc["nextstate"]] > network.begin[arc["nextstate"]]:
                    queue.append(slot)
    return end


@numba.njit(cache=True)
def _backward(
    network: Network, costs_TL: np.ndarray, tokens: Tokens, ends: np.ndarray, beam: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links on paths within the lattice beam: token, token, and number of the arc between them.

    `ends` is what it costs to end in each of the last tokens.
    """
    slots = np.full(len(network.final), -1, np.int64)
    to_end = np.full(len(tokens.states), np.inf)
    last = tokens.begin[len(costs_TL)]
    limit = np.inf
    for place in range(len(ends)):
        limit = min(limit, tokens.costs[last + place] + ends[place] + beam + _SLACK)
    alive = [last + place for place in range(len(ends)) if tokens.costs[last + place] + ends[place] <= limit]
    for token in alive:
        to_end[token] = ends[token - last]
    links = [(np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]
    costs_of_epsilon = np.zeros(1, np.float32)
    _place(tokens, len(costs_TL), slots)
    for frame in range(len(costs_TL), -1, -1):
        _follow_epsilons(network, tokens, slots, to_end, alive, limit)
        epsilons = (network.into_begin, network.into_labelled)
        _link(network, *epsilons, costs_of_epsilon, tokens, slots, to_end, alive, limit, links)
        _forget(slots, tokens.states, tokens.begin[frame], tokens.begin[frame + 1])
        if frame > 0:
            _place(tokens, frame - 1, slots)
            labelled = (network.into_labelled, network.into_begin[1:])
            alive = _link(network, *labelled, costs_TL[frame - 1], tokens, slots, to_end, alive, limit, links)
    columns = np.empty((3, len(links)), np.int64)
    for place, link in enumerate(links):
        columns[0, place], columns[1, place], columns[2, place] = link
    return columns[0], columns[1], columns[2]


@numba.njit(cache=True)
def _place(tokens: Tokens, frame: int, slots: np.ndarray) -> None:
    for token in range(tokens.begin[frame], tokens.begin[frame + 1]):
        slots[tokens.states[token]] = token


@numba.njit(cache=True)
def _follow_epsilons(
    network: Network, tokens: Tokens, slots: np.ndarray, to_end: np.ndarray, alive: list[Any], limit: float
) -> None:
    """Lower the costs to the end through epsilons into tokens that are alive; tokens found so join them."""
    queue = alive.copy()
    while len(queue):
        target = queue.pop()
        state = tokens.states[target]
        for place in range(network.into_begin[state], network.into_labelled[state]):
            number = network.into[place]
            source = slots[network.source[number]]
            if source < 0:
                continue
            rest = network.arcs[number]["weight"] + to_end[target]
            if rest < to_end[source] and tokens.costs[source] + rest <= limit:
                if to_end[source] == np.inf:
                    alive.append(source)
                to_end[source] = rest
                queue.append(source)


@numba.njit(cache=True)
def _link(
    network: Network, begin: np.ndarray, end: np.ndarray, costs_L: np.ndarray, tokens: Tokens, slots: np.ndarray,
    to_end: np.ndarray, alive: list[Any], limit: float, links: list[Any],
) -> list[Any]:  # fmt: skip
    """Add the arcs within the limit into tokens that are alive, those from `begin` to `end` of `into` by state.

    Returns:
        The tokens that they come from and that had no way to the end before.
    """
    before: list[Any] = [np.int64(0) for _ in range(0)]
    for target in alive:
        state = tokens.states[target]
        for place in range(begin[state], end[state]):
            number = network.into[place]
            source = slots[network.source[number]]
            if source < 0:
                continue
            arc = network.arcs[number]
            rest = arc["weight"] + costs_L[arc["ilabel"]] + to_end[target]
            if tokens.costs[source] + rest <= limit:
                if to_end[source] == np.inf:
                    before.append(source)
                to_end[source] = min(to_end[source], rest)
                links.append((source, target, np.int64(number)))
    return before
