"""Lattice search on small random graphs, against all their paths."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from random_lattices import all_paths

from houseblend.decode import lattice_search
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice_search import flatten, search_lattice
from houseblend.decode.options import DecodeOptions, SearchOptions
from houseblend.hmm.search import SearchGraph
from houseblend.lang.fst import NO_FINAL, Arc, Graph

STATES, IDS, FRAMES = 6, 4, 5
MODEL = SimpleNamespace(num_ids=IDS, id_to_pdf=np.array([-1, 0, 1, 2, 1]))


def random_graph(chance, epsilons=5):
    """Arcs with labels anywhere, epsilons forward only; the last two states are final."""
    graph = Graph()
    for state in range(STATES):
        graph.add_state(final=float(chance.uniform(0, 2)) if state >= STATES - 2 else NO_FINAL)
    for state in range(STATES):
        for label in chance.integers(1, IDS + 1, 2):
            arc = Arc(int(label), int(chance.integers(0, 4)), float(chance.uniform(0, 2)), int(chance.integers(STATES)))
            graph.arcs[state].append(arc)
    for _ in range(epsilons):
        source, target = sorted(chance.choice(STATES, 2, replace=False).tolist())
        graph.arcs[source].append(Arc(0, int(chance.integers(0, 4)), float(chance.uniform(-0.5, 2)), target))
    return graph


def best_of_words(graph, scores_TP):
    """Cost of the best path of every word sequence."""
    best = {}
    stack = [(graph.start, 0, (), 0.0)]
    while stack:
        state, frame, words, cost = stack.pop()
        if frame == len(scores_TP) and graph.finals[state] != NO_FINAL:
            best[words] = min(best.get(words, np.inf), cost + graph.finals[state])
        for arc in graph.arcs[state]:
            after = (*words, arc.olabel) if arc.olabel else words
            if arc.ilabel == 0:
                stack.append((arc.nextstate, frame, after, cost + arc.weight))
            elif frame < len(scores_TP):
                read = scores_TP[frame, MODEL.id_to_pdf[arc.ilabel]]
                stack.append((arc.nextstate, frame + 1, after, cost + arc.weight - read))
    return best


def words_of(raw):
    lattice, _ = determinize(raw, 1.0)
    return {words: graph + acoustic for words, _, graph, acoustic in all_paths(lattice.arcs, lattice.finals, 0)}


@pytest.mark.parametrize("seed", range(30))
def test_all_word_sequences_within_the_lattice_beam_and_their_best_costs(seed):
    chance = np.random.default_rng(seed)
    graph, scores = random_graph(chance), chance.normal(0, 2, (FRAMES, 3)).astype(np.float32)
    expected = best_of_words(graph, scores)
    search = SearchGraph(graph.to_kaldifst(), MODEL)
    raw = search_lattice(search, flatten(search), scores, SearchOptions(1000.0, 3.0, 1.0, allow_partial=True))
    if not expected:
        return
    found = words_of(raw)
    limit = min(expected.values()) + 3.0
    inside = {words: cost for words, cost in expected.items() if cost < limit - 1e-3}
    assert {words: found.get(words) for words in inside} == pytest.approx(inside, abs=1e-4)
    assert all(cost >= expected[words] - 1e-4 for words, cost in found.items())


def test_a_narrow_beam_and_few_tokens_keep_the_best_of_easy_scores():
    chance = np.random.default_rng(7)
    graph, scores = random_graph(chance), chance.normal(0, 2, (FRAMES, 3)).astype(np.float32)
    search = SearchGraph(graph.to_kaldifst(), MODEL)
    network, wide = flatten(search), SearchOptions(1000.0, 100.0, 1.0, allow_partial=True)
    everything = words_of(search_lattice(search, network, scores, wide))
    for narrow in (replace(wide, beam=2.0), replace(wide, max_active=3)):
        some = words_of(search_lattice(search, network, scores, narrow))
        assert 0 < len(some) < len(everything)
        assert all(cost >= everything[words] - 1e-4 for words, cost in some.items())


def test_without_a_final_state_all_that_is_reached_counts():
    graph = Graph([[Arc(1, 7, 0.5, 1)], [Arc(1, 0, 0.25, 1)], []], [NO_FINAL, NO_FINAL, 0.0], 0)
    search = SearchGraph(graph.to_kaldifst(), MODEL)
    found = words_of(search_lattice(search, flatten(search), np.zeros((3, 3), np.float32), DecodeOptions()))
    assert found == {(7,): pytest.approx(1.0)}


def test_where_nothing_can_go_on_there_is_no_lattice():
    graph = Graph([[Arc(1, 7, 0.5, 1)], []], [NO_FINAL, 0.0], 0)
    search = SearchGraph(graph.to_kaldifst(), MODEL)
    assert search_lattice(search, flatten(search), np.zeros((3, 3), np.float32), DecodeOptions()) is None


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_the_cutoff_is_the_largest_of_the_smallest(size):
    chance = np.random.default_rng()
    costs = chance.choice(np.append(chance.normal(size=size), 0.5), size)
    for count in range(1, size + 1):
        assert lattice_search._smallest(costs, count) == np.sort(costs)[count - 1]
