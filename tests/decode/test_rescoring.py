"""Rescoring: costs against all paths through the grammar, what goes in comes out again, and whole directories."""

import gzip
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from random_lattices import all_paths, random_raw

from houseblend.base.errors import InputError
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import read_lattice_table
from houseblend.decode.raw_lattice import prune_raw
from houseblend.decode.rescore import Grammar, rescore, rescore_directory
from houseblend.lang.fst import NO_FINAL, Arc, Graph, read_graph

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def random_grammar(chance):
    """Two words over a back-off state 0; back-off arcs read 9 and write nothing."""
    graph = Graph([[] for _ in range(3)], chance.uniform(0, 1, 3).tolist(), 1)
    for state, word in itertools.product(range(3), (1, 2)):
        if state == 0 or chance.random() < 0.5:
            graph.arcs[state].append(Arc(word, word, float(chance.uniform(0, 2)), word))
    for state in (1, 2):
        graph.arcs[state].append(Arc(9, 0, float(chance.uniform(-1, 1)), 0))
    return graph


def best_cost(graph, words):
    """Over all paths."""
    costs = {graph.start: 0.0}
    for word in [*words, None]:
        for state, cost in [*costs.items()]:
            for arc in graph.arcs[state]:
                if arc.olabel == 0:
                    costs[arc.nextstate] = min(costs.get(arc.nextstate, NO_FINAL), cost + arc.weight)
        if word is None:
            return min(cost + graph.finals[state] for state, cost in costs.items())
        following = {}
        for state, cost in costs.items():
            for arc in graph.arcs[state]:
                if arc.olabel == word:
                    following[arc.nextstate] = min(following.get(arc.nextstate, NO_FINAL), cost + arc.weight)
        costs = following
    raise AssertionError


def paths(lattice):
    arcs = [[(arc.word, arc.weight, arc.nextstate) for arc in state] for state in lattice.arcs]
    return {tuple(w for w in words if w): rest for words, *rest in all_paths(arcs, lattice.finals, lattice.start)}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [1.0, -1.0, 0.5])
def test_every_path_gets_the_cost_of_the_grammars_best(seed, scale):
    chance = np.random.default_rng(seed)
    raw, *_ = random_raw(chance, 4)
    lattice, _ = determinize(prune_raw(*raw, 100.0), 1.0)
    grammar = random_grammar(chance)
    found = rescore(lattice, Grammar(grammar), scale)
    assert found is not None
    before, after = paths(lattice), paths(found)
    assert before.keys() == after.keys()
    for words, (ids, graph, acoustic) in before.items():
        assert after[words][0] == ids
        assert after[words][1] == pytest.approx(graph + scale * best_cost(grammar, words), abs=1e-3)
        assert after[words][2] == pytest.approx(acoustic)


def test_a_grammar_that_takes_no_path_leaves_nothing():
    raw, *_ = random_raw(np.random.default_rng(1), 4)
    lattice, _ = determinize(prune_raw(*raw, 100.0), 1.0)
    assert rescore(lattice, Grammar(Graph([[Arc(7, 7, 0.0, 0)]], [NO_FINAL], 0)), 1.0) is None


def test_a_cycle_that_gains_is_refused():
    grammar = Grammar(Graph([[Arc(9, 0, -1.0, 0)]], [0.0], 0))
    with pytest.raises(InputError, match="cycle"):
        _ = grammar.start


def lang(folder, name):
    folder.mkdir()
    shutil.copyfile(GOLDEN / "lang" / f"{name}.fst", folder / "G.fst")
    shutil.copyfile(GOLDEN / "lang" / "words.txt", folder / "words.txt")
    return folder


def test_directories_change_their_grammar(tmp_path):
    big, small = lang(tmp_path / "big", "G"), lang(tmp_path / "small", "G_uni")
    (tmp_path / "lat").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "lat" / "lat.1.gz").write_bytes(gzip.compress((GOLDEN / "decode" / "lat.txt").read_bytes()))
    rescore_directory(tmp_path / "lat", big, small, tmp_path / "out")
    old, new = (read_graph(folder / "G.fst") for folder in (big, small))
    after = dict(read_lattice_table(f"ark:gunzip -c {tmp_path}/out/lat.1.gz |"))
    for key, lattice in read_lattice_table(f"ark:{GOLDEN}/decode/lat.txt"):
        again = paths(after[key])
        for words, (_, graph, _) in paths(lattice).items():
            assert again[words][1] == pytest.approx(graph - best_cost(old, words) + best_cost(new, words), abs=2e-3)
    (small / "words.txt").write_text("<eps> 0\n")
    with pytest.raises(InputError, match="other numbers"):
        rescore_directory(tmp_path / "lat", big, small, tmp_path / "out")
