"""Best paths and posteriors of random lattices against all their paths, one by one."""

import math
from collections import defaultdict
from itertools import islice

import numpy as np
import pytest
from random_lattices import all_paths, random_raw

from houseblend.base.errors import InputError
from houseblend.decode.best_words import BestWords
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.paths import best_path, best_paths
from houseblend.decode.posteriors import posteriors

GRAPH_SCALE, ACOUSTIC_SCALE = 1.5, 0.5


def random_lattice() -> CompactLattice:
    _, arcs, finals = random_raw(np.random.default_rng(), layers=4)
    return CompactLattice([[LatticeArc(*arc) for arc in state] for state in arcs], finals, 0)


def costs_of_paths(lattice: CompactLattice, penalty: float = 0.0) -> list[tuple[float, tuple[int, ...]]]:
    """Scaled cost and transition-ids of every path, the cheapest first."""
    return sorted(
        (GRAPH_SCALE * graph + ACOUSTIC_SCALE * acoustic + penalty * len(words), ids)
        for words, ids, graph, acoustic in all_paths(lattice.arcs, lattice.finals, lattice.start)
    )


@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_paths_come_the_cheapest_first(penalty):
    lattice = random_lattice()
    expected = costs_of_paths(lattice, penalty)
    found = list(best_paths(lattice, GRAPH_SCALE, ACOUSTIC_SCALE, penalty))
    costs = [GRAPH_SCALE * p.graph + ACOUSTIC_SCALE * p.acoustic + penalty * len(p.words) for p in found]
    assert costs == pytest.approx([cost for cost, _ in expected])
    assert sorted(tuple(path.ids) for path in found) == sorted(ids for _, ids in expected)
    assert tuple(found[0].ids) == expected[0][1]


def test_words_of_the_best_path_at_any_scales():
    lattice = random_lattice()
    best = BestWords(lattice)
    for scales in [(1.0, 1.0, 0.0), (1.5, 0.5, 2.0), (0.1, 1.0, -3.0), (1.0, 0.05, 10.0)]:
        path = best_path(lattice, *scales)
        assert path is not None
        assert best.words(*scales) == path.words


def test_a_few_best_paths_of_very_many_cost_little():
    weights = [Weight(float(cost), 0.0, (cost + 1,)) for cost in range(3)]
    arcs = [[LatticeArc(1, weight, state + 1) for weight in weights] for state in range(200)]
    lattice = CompactLattice([*arcs, []], [None] * 200 + [Weight(0.0, 0.0, ())], 0)
    assert [path.graph for path in islice(best_paths(lattice), 5)] == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_posteriors_are_shares_of_the_paths():
    lattice = random_lattice()
    paths = costs_of_paths(lattice)
    total = sum(math.exp(-cost) for cost, _ in paths)
    frames = [defaultdict(float) for _ in paths[0][1]]
    for cost, ids in paths:
        for frame, ident in zip(frames, ids, strict=True):
            frame[ident] += math.exp(-cost) / total
    found = posteriors(lattice, GRAPH_SCALE, ACOUSTIC_SCALE)
    assert [dict(frame) for frame in found] == [pytest.approx(dict(frame)) for frame in frames]
    assert all([ident for ident, _ in frame] == sorted(ident for ident, _ in frame) for frame in found)


def test_a_lattice_without_a_path_has_no_words():
    assert BestWords(CompactLattice([], [], -1)).words() == []
    assert BestWords(CompactLattice([[]], [None], 0)).words() == []


def test_a_lattice_without_a_path_has_none_and_no_posteriors():
    for lattice in (CompactLattice([[]], [None], 0), CompactLattice([], [], -1)):
        assert best_path(lattice) is None
        with pytest.raises(InputError, match="no path"):
            posteriors(lattice)


def test_paths_of_other_lengths_have_no_posteriors():
    arcs = [[LatticeArc(1, Weight(0.0, 0.0, ids), 1) for ids in ((1,), (1, 2))], []]
    with pytest.raises(InputError, match="paths of 1 and of 2 frames meet"):
        posteriors(CompactLattice(arcs, [None, Weight(0.0, 0.0, ())], 0))
