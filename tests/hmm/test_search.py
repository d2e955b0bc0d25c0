"""Alignment and lattice search: Kaldi's paths, an exhaustive search, and what is refused."""

import gc
import itertools

import numpy as np
import pytest
from golden_hmm import GOLDEN, LANG, both_models, load

from houseblend.base.errors import InputError
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice_search import flatten, search_lattice
from houseblend.decode.options import DecodeOptions
from houseblend.decode.paths import best_path
from houseblend.hmm.options import GraphOptions, PathOptions
from houseblend.hmm.search import SearchGraph, align, careful_graph
from houseblend.hmm.training_graph import TrainingGraphCompiler
from houseblend.io.tables import read_table
from houseblend.lang.fst import Arc, Graph, from_kaldifst, read_graph

USUAL = PathOptions(acoustic_scale=0.1, beam=10.0, retry_beam=40.0)


def words_of(key):
    return next(ids for name, ids in read_table(f"ark:{GOLDEN}/text.int", "int-vector") if name == key)


@both_models
@pytest.mark.parametrize("scales_in_graph", [True, False])
def test_alignments_are_kaldis(name, scales_in_graph):
    tree, model = load(name)
    scales = GraphOptions() if scales_in_graph else GraphOptions(0.0, 0.0)
    compiler = TrainingGraphCompiler.from_files(model, tree, LANG, scales)
    expected = dict(read_table(f"ark:{GOLDEN}/{name}/ali.txt", "int-vector"))
    scores = None if scales_in_graph else model.scaled_log_probs(1.0, 0.1)
    for key, loglikes in read_table(f"ark:{GOLDEN}/{name}/likes.ark", "matrix"):
        graph = SearchGraph(compiler.compile(words_of(key), key), model)
        assert align(graph, loglikes, USUAL, id_scores=scores).tolist() == expected[key].tolist()


@both_models
def test_best_path_of_the_lattice_is_kaldis(name):
    graph = SearchGraph(read_graph(GOLDEN / name / "HCLG.fst").to_kaldifst(), load(name)[1])
    words = dict(read_table(f"ark:{GOLDEN}/{name}/best.words", "int-vector"))
    alignments = dict(read_table(f"ark:{GOLDEN}/{name}/best.ali", "int-vector"))
    for key, loglikes in read_table(f"ark:{GOLDEN}/{name}/likes.ark", "matrix"):
        raw = search_lattice(graph, flatten(graph), loglikes, DecodeOptions())
        assert raw is not None
        path = best_path(determinize(raw, 0.1)[0], 1.0, 0.1)
        assert path.words == words[key].tolist()
        assert path.ids == alignments[key].tolist()


def viterbi(graph, columns, scores_TP):
    """Cost of the best path, by dynamic programming over states."""
    cost = {graph.start: 0.0}

    def close(cost):
        queue = list(cost)
        while queue:
            state = queue.pop()
            for arc in graph.arcs[state]:
                total = cost[state] + arc.weight
                if arc.ilabel == 0 and total < cost.get(arc.nextstate, np.inf) - 1e-9:
                    cost[arc.nextstate] = total
                    queue.append(arc.nextstate)
        return cost

    for row in scores_TP:
        after = {}
        for state, before in close(cost).items():
            for arc in graph.arcs[state]:
                if arc.ilabel:
                    total = before + arc.weight - row[columns[arc.ilabel]]
                    after[arc.nextstate] = min(total, after.get(arc.nextstate, np.inf))
        cost = after
    return min(total + graph.finals[state] for state, total in close(cost).items())


def path_cost(graph, ids, columns, scores_TP):
    """Cost of the best path with these transition-ids."""
    masked = np.full((len(ids), len(columns)), -1e9)
    for frame, ident in enumerate(ids):
        masked[frame, ident] = scores_TP[frame, columns[ident]]
    return viterbi(graph, np.arange(len(columns)), masked)


@both_models
def test_alignment_is_the_best_of_all_paths(name):
    tree, model = load(name)
    fst = TrainingGraphCompiler.from_files(model, tree, LANG, GraphOptions()).compile([4, 9])
    rng = np.random.default_rng(5)
    for _ in range(5):
        scores = rng.normal(0, 3, (40, model.num_pdfs)).astype(np.float32)
        ids = align(SearchGraph(fst, model), scores, PathOptions(beam=1000.0))
        graph = from_kaldifst(fst)
        best = viterbi(graph, model.id_to_pdf, scores)
        assert path_cost(graph, ids, model.id_to_pdf, scores) == pytest.approx(best, abs=1e-3)


@pytest.fixture
def small():
    """Tree, model and a graph of one word."""
    tree, model = load("mono")
    return model, SearchGraph(TrainingGraphCompiler.from_files(model, tree, LANG, GraphOptions()).compile([5]), model)


def test_too_few_frames_give_nothing(small):
    model, graph = small
    assert align(graph, np.zeros((3, model.num_pdfs), np.float32), USUAL) is None


def test_the_second_beam_finds_what_the_first_has_lost(small):
    model, graph = small
    scores = np.random.default_rng(1).normal(0, 30, (12, model.num_pdfs)).astype(np.float32)
    assert align(graph, scores, PathOptions(beam=0.1, retry_beam=0.0)) is None
    assert len(align(graph, scores, PathOptions(beam=0.1, retry_beam=1000.0))) == 12


def search(graph, scores, key):
    return search_lattice(graph, flatten(graph), scores, DecodeOptions(), key)


def path(graph, scores, key=None):
    return align(graph, scores, USUAL, key)


@pytest.mark.parametrize("search", [path, search])
@pytest.mark.parametrize("wrong", ["no frames", "not finite", "pdfs"])
def test_unusable_scores_are_refused(small, search, wrong):
    model, graph = small
    scores = np.zeros((20, model.num_pdfs), np.float32)
    if wrong == "no frames":
        scores = scores[:0]
    elif wrong == "not finite":
        scores[7, graph.columns[0]] = np.nan
    else:
        scores = scores[:, : graph.columns.max()]
    with pytest.raises(InputError, match=f"{wrong}.*utt9|utt9.*{wrong}"):
        search(graph, scores, key="utt9")


def test_graphs_that_the_model_does_not_fit_are_refused():
    model = load("mono")[1]
    with pytest.raises(InputError, match="132"):
        SearchGraph(Graph([[Arc(133, 1, 0.0, 0)]], [0.0], 0).to_kaldifst(), model)
    with pytest.raises(InputError, match="empty"):
        SearchGraph(Graph().to_kaldifst(), model)


def test_graphs_outlive_their_makers(small):
    model, graph = small
    scores = np.random.default_rng(2).normal(0, 3, (30, model.num_pdfs)).astype(np.float32)
    expected = path(graph, scores).tolist()
    tree = load("mono")[0]
    for _ in itertools.repeat(None, 20):
        fresh = SearchGraph(TrainingGraphCompiler.from_files(model, tree, LANG, GraphOptions()).compile([5]), model)
        gc.collect()
        assert path(fresh, scores).tolist() == expected


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_careful_alignment_fails_where_the_words_begin_again(repeats):
    _, model = load("mono")
    pdfs = np.arange(1, 61)  # many: the search keeps 20 tokens, whatever the beam
    ids = [int(np.flatnonzero(model.id_to_pdf == pdf)[0]) for pdf in pdfs]
    size = len(ids)
    arcs = [[Arc(ids[place], 1, 0.0, target) for target in (place, place + 1)] for place in range(size)]
    fst = Graph([*arcs, []], [np.inf] * size + [0.0], 0).to_kaldifst()
    frames = np.tile(np.repeat(pdfs, 3), repeats)
    loglikes = np.full((len(frames), model.num_pdfs), -9.0, np.float32)
    loglikes[np.arange(len(frames)), frames] = 0.0
    plain, careful = (
        align(SearchGraph(graph, model), loglikes, PathOptions(beam=20.0)) for graph in (fst, careful_graph(fst))
    )
    assert plain is not None
    if repeats == 1:
        assert careful is not None
        np.testing.assert_array_equal(careful, plain)
    else:
        assert careful is None
