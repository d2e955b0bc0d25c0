"""LG, HCLG and training graphs against Kaldi's; the pieces against their definitions."""

import json
import math
import random

import pytest
from golden_hmm import DISAMBIGUATION, GOLDEN, LANG, assert_same_graph, both_models, load

from houseblend.base.errors import InputError, StaleError
from houseblend.hmm.hclg import compose_hclg, compose_lg
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.push import push_special
from houseblend.hmm.training_graph import TrainingGraphCompiler
from houseblend.lang.fst import NO_FINAL, Arc, Graph, read_graph, write_graph
from houseblend.lang.local_epsilons import log_add, remove_epsilons_locally


def test_lg_is_kaldis():
    lg = compose_lg(read_graph(LANG / "L_disambig.fst"), read_graph(LANG / "G.fst"))
    assert_same_graph(lg, read_graph(LANG / "LG.fst"))


@both_models
def test_hclg_is_kaldis(name):
    hclg = compose_hclg(read_graph(LANG / "LG.fst"), *load(name), DISAMBIGUATION, GraphOptions())
    assert_same_graph(hclg, read_graph(GOLDEN / name / "HCLG.fst"))


def random_graph(rng):
    """Acyclic, with epsilons and several final states; weights are probabilities of a walk."""
    size = rng.randrange(4, 12)
    graph = Graph([[] for _ in range(size)], [NO_FINAL] * size, 0)
    for state in range(size):
        for _ in range(rng.randrange(1, 4) if state < size - 1 else 0):
            following = rng.randrange(state + 1, size)
            labels = rng.choice([(0, 0), (0, 0), (rng.randrange(1, 4), 0), (0, rng.randrange(1, 4))])
            graph.arcs[state].append(Arc(*labels, rng.random(), following))
        if state == size - 1 or rng.random() < 0.2:
            graph.finals[state] = rng.random()
    return graph.connect()


def string_costs(graph, plus):
    """Cost of every pair of input and output strings, summed over paths by `plus`."""
    costs = {}

    def walk(state, inputs, outputs, cost):
        if graph.finals[state] != NO_FINAL:
            pair, total = (inputs, outputs), cost + graph.finals[state]
            costs[pair] = plus(costs[pair], total) if pair in costs else total
        for arc in graph.arcs[state]:
            walk(arc.nextstate, inputs + (arc.ilabel,) * bool(arc.ilabel), outputs + (arc.olabel,) * bool(arc.olabel),
                 cost + arc.weight)  # fmt: skip

    walk(graph.start, (), (), 0.0)
    return costs


@pytest.mark.parametrize("seed", range(30))
def test_local_removal_of_epsilons_keeps_every_string_and_its_best_cost(seed):
    graph = random_graph(random.Random(seed))
    before = string_costs(graph, min)
    after = remove_epsilons_locally(graph, min)
    assert string_costs(after, min) == pytest.approx(before, abs=1e-4)
    assert after.num_arcs <= graph.num_arcs


def test_log_add():
    assert log_add(-math.log(0.25), -math.log(0.5)) == pytest.approx(-math.log(0.75))
    assert log_add(math.inf, 2.0) == 2.0


def test_pushing_makes_states_sum_to_the_same():
    graph = read_graph(LANG / "LG.fst")
    for arcs in graph.arcs:
        arcs[:] = [arc._replace(weight=arc.weight + random.Random(arc.nextstate).random()) for arc in arcs]
    push_special(graph)
    sums = []
    for arcs, final in zip(graph.arcs, graph.finals, strict=True):
        sums.append(math.log(sum(math.exp(-arc.weight) for arc in arcs) + math.exp(-final)))
    assert max(sums) - min(sums) <= 2 / 1024


@both_models
def test_unknown_and_missing_words_are_refused(name):
    tree, model = load(name)
    compiler = TrainingGraphCompiler.from_files(model, tree, LANG, GraphOptions())
    with pytest.raises(InputError, match=r"utt1.*\[99\]|\[99\].*utt1"):
        compiler.compile([3, 99], "utt1")


def test_lexicon_and_grammar_must_meet():
    grammar = Graph([[Arc(77, 77, 0.0, 1)], []], [NO_FINAL, 0.0], 0)
    with pytest.raises(InputError, match=r"words\.txt"):
        compose_lg(read_graph(LANG / "L_disambig.fst"), grammar)


def test_lexicon_without_disambiguation_is_refused():
    """Two words that sound alike."""
    lexicon = Graph([[Arc(1, 1, 0.0, 0), Arc(1, 2, 0.0, 0)]], [0.0], 0)
    grammar = Graph([[Arc(1, 1, 0.0, 0), Arc(2, 2, 0.5, 0)]], [0.0], 0)
    with pytest.raises(InputError, match="disambiguation"):
        compose_lg(lexicon, grammar)


@pytest.fixture
def directories(tmp_path):
    """A dictionary directory and a model directory."""
    dictionary, model = tmp_path / "dict", tmp_path / "mono"
    dictionary.mkdir()
    model.mkdir()
    (dictionary / "lexicon.txt").write_text((LANG / "lexicon.txt").read_text())
    (dictionary / "nonsilence_phones.txt").write_text((LANG / "phones" / "nonsilence.txt").read_text())
    for name in ("silence_phones.txt", "optional_silence.txt"):
        (dictionary / name).write_text("SIL\n")
    (model / "tree").write_bytes((GOLDEN / "mono" / "tree").read_bytes())
    (model / "final.mdl").write_bytes((GOLDEN / "mono" / "transitions.mdl").read_bytes())
    return tmp_path


def test_steps_from_dictionary_to_graph(directories, run_step):
    run_step("prepare_lang", "--oov=<SIL>", directories / "dict", directories / "lang", check=True)
    done = run_step("format_lm", directories / "lang", LANG / "bigram.arpa", directories / "lang_test", check=True)
    assert "bigram.arpa:12: the probabilities behind 'one' sum to 0.9300" in done.stderr
    command = ("make_graph", directories / "lang_test", directories / "mono", directories / "graph")
    run_step(*command, check=True)
    assert_same_graph(read_graph(directories / "graph" / "HCLG.fst"), read_graph(GOLDEN / "mono" / "HCLG.fst"))
    assert (directories / "graph" / "words.txt").read_bytes() == (LANG / "words.txt").read_bytes()
    record = json.loads((directories / "graph" / "graph.json").read_text())
    assert (record["num_pdfs"], record["num_ids"]) == (62, 132)
    assert "up to date" in run_step(*command, check=True).stderr


def test_graph_of_another_tree_is_refused(directories):
    from houseblend.hmm.hclg import make_graph, require_same_tree

    lang = directories / "lang"
    (lang / "phones").mkdir(parents=True)
    for name in ("words.txt", "phones.txt", "L_disambig.fst", "G.fst", "phones/disambig.int"):
        (lang / name).write_bytes((LANG / name).read_bytes())
    (directories / "graph").mkdir()
    make_graph(lang, directories / "mono", directories / "graph", GraphOptions())
    require_same_tree(directories / "graph", directories / "mono")
    (directories / "mono" / "tree").write_bytes((GOLDEN / "tri1" / "tree").read_bytes())
    with pytest.raises(StaleError, match="another tree"):
        require_same_tree(directories / "graph", directories / "mono")


def test_phones_that_the_model_lacks_are_named(directories):
    from houseblend.hmm.hclg import make_graph

    lang = directories / "lang"
    (lang / "phones").mkdir(parents=True)
    for name in ("words.txt", "phones.txt", "G.fst", "phones/disambig.int"):
        (lang / name).write_bytes((LANG / name).read_bytes())
    graph = read_graph(LANG / "L_disambig.fst")
    graph.arcs = [[arc._replace(ilabel=40 if arc.ilabel == 20 else arc.ilabel) for arc in arcs] for arcs in graph.arcs]
    write_graph(lang / "L_disambig.fst", graph)
    with pytest.raises(InputError, match=r"\[40\]"):
        make_graph(lang, directories / "mono", directories, GraphOptions())
