"""HCLG of random small grammars and lexicons against every step of a sentence worked out by hand.

Both determinisations round costs to 1/1024 where paths part.
"""

import math
import random

import numpy as np
import pytest
from golden_hmm import both_models, load

from houseblend.hmm.hclg import compose_hclg, compose_lg
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.fst import NO_FINAL, Arc, Graph, read_graph
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.lexicon import Dictionary, Entry, add_disambiguation, lexicon_graph
from houseblend.lang.options import LexiconOptions
from houseblend.lang.phone_files import read_phone_list, read_phone_sets, read_roots
from houseblend.lang.word_positions import with_word_positions
from houseblend.tree.build import build_tree
from houseblend.tree.options import BuildOptions
from houseblend.tree.questions import compile_questions
from houseblend.tree.statistics import TreeStatistics

SILENCE, FIRST_DISAMBIGUATION = 1, 21
SCALES, SILENCE_PROBABILITY = GraphOptions(transition_scale=0.7, self_loop_scale=0.3), 0.4


def random_lexicon(rng):
    """Words 1, 2, ... with one or two pronunciations of one to three phones; some words sound alike."""
    entries = []
    for word in range(1, rng.randrange(3, 6)):
        for _ in range(rng.randrange(1, 3)):
            entries.append(Entry(str(word), tuple(str(rng.randrange(2, 5)) for _ in range(rng.randrange(1, 4)))))
    return sorted(set(entries))


def random_grammar(rng, num_words):
    """Deterministic, with cycles; every state is final or leads on."""
    size = rng.randrange(2, 5)
    graph = Graph([[] for _ in range(size)], [rng.random() for _ in range(size)], 0)
    for arcs in graph.arcs:
        for word in range(1, num_words + 1):
            if rng.random() < 0.7:
                arcs.append(Arc(word, word, rng.random(), rng.randrange(size)))
    graph.arcs[0] = graph.arcs[0] or [Arc(1, 1, 0.5, 0)]
    graph.finals[0] = rng.choice([NO_FINAL, graph.finals[0]]) if size > 2 else graph.finals[0]
    return graph


def random_sentence(rng, grammar, lexicon):
    """Words, phones (silence between some) and cost, by grammar and lexicon."""
    while True:
        state, words, phones, cost = grammar.start, [], [], 0.0
        while (len(words) < 4 and grammar.arcs[state]) or not words:
            arc = rng.choice(grammar.arcs[state])
            words.append(arc.ilabel)
            state, cost = arc.nextstate, cost + arc.weight
            if rng.random() < 0.3 and grammar.finals[state] != NO_FINAL:
                break
        if grammar.finals[state] != NO_FINAL:
            break
    cost += grammar.finals[state]
    for place in range(len(words) + 1):
        if place:
            phones += map(int, rng.choice([spoken for word, spoken, *_ in lexicon if word == str(words[place - 1])]))
        silent = rng.random() < 0.5
        phones += [SILENCE] * silent
        cost -= math.log(SILENCE_PROBABILITY if silent else 1 - SILENCE_PROBABILITY)
    return words, phones, cost


def random_alignment(rng, phones, tree, model):
    """Transition-ids of a walk through the phones' HMMs, self-loops behind what leaves a state, and their cost."""
    ids, cost = [], 0.0
    before, behind = tree.central_position, tree.context_width - tree.central_position - 1
    padded = [0] * before + phones + [0] * behind
    for place, phone in enumerate(phones):
        window = padded[place : place + tree.context_width]
        hmm, state = model.topology.states_of(phone), 0
        while state < len(hmm) - 1:
            number = model.state_of(phone, state, tree.compute(window, hmm[state].pdf_class))
            first = int(model.first_id[number])
            onward = [index for index, (target, _) in enumerate(hmm[state].transitions) if target != state]
            loop = [index for index, (target, _) in enumerate(hmm[state].transitions) if target == state]
            taken = rng.choice(onward)
            stays = math.exp(model.log_probs[first + loop[0]]) if loop else 0.0
            ids.append(first + taken)
            cost -= SCALES.transition_scale * (model.log_probs[first + taken] - math.log(1 - stays))
            if loop:
                cost -= SCALES.self_loop_scale * math.log(1 - stays)
                for _ in range(rng.randrange(3)):
                    ids.append(first + loop[0])
                    cost -= SCALES.self_loop_scale * math.log(stays)
            state = hmm[state].transitions[taken][0]
    return ids, cost


def cost_in_graph(graph, ids, words):
    """Cost of the best path with these inputs and outputs; infinite if there is none."""
    costs, infinity = {(graph.start, 0): 0.0}, math.inf

    def without_input(costs):
        pending = list(costs)
        while pending:
            state, said = pending.pop()
            for arc in graph.arcs[state]:
                if arc.ilabel == 0 and (not arc.olabel or words[said : said + 1] == [arc.olabel]):
                    there = (arc.nextstate, said + bool(arc.olabel))
                    if costs[state, said] + arc.weight < costs.get(there, infinity) - 1e-9:
                        costs[there] = costs[state, said] + arc.weight
                        pending.append(there)
        return costs

    for label in ids:
        following = {}
        for (state, said), cost in without_input(costs).items():
            for arc in graph.arcs[state]:
                if arc.ilabel == label and (not arc.olabel or words[said : said + 1] == [arc.olabel]):
                    there = (arc.nextstate, said + bool(arc.olabel))
                    following[there] = min(following.get(there, infinity), cost + arc.weight)
        costs = following
    ends = [c + graph.finals[s] for (s, said), c in without_input(costs).items() if said == len(words)]
    return min(ends, default=infinity)


@both_models
@pytest.mark.parametrize("seed", range(12))
def test_sentences_cost_what_their_parts_cost_and_others_are_not_there(name, seed):
    rng = random.Random(seed)
    tree, model = load(name)
    lexicon = random_lexicon(rng)
    num_words = max(int(entry.word) for entry in lexicon)
    grammar = random_grammar(rng, num_words)
    marked, most = add_disambiguation(lexicon)
    phone_ids = {str(phone): phone for phone in range(1, FIRST_DISAMBIGUATION)}
    phone_ids |= {f"#{number}": FIRST_DISAMBIGUATION + number for number in range(most + 2)}
    word_ids = {str(word): word for word in range(1, num_words + 1)}
    silence_mark = f"#{most + 1}"
    spelled = lexicon_graph(marked, phone_ids, word_ids, SILENCE_PROBABILITY, str(SILENCE), silence_mark)
    disambiguation = [phone_ids[f"#{number}"] for number in range(most + 2)]
    graph = compose_hclg(compose_lg(spelled, grammar), tree, model, disambiguation, SCALES)
    for _ in range(20):
        words, phones, cost = random_sentence(rng, grammar, lexicon)
        ids, alignment_cost = random_alignment(rng, phones, tree, model)
        rounding = 2 / 1024 * (len(words) + 1)
        assert cost_in_graph(graph, ids, words) == pytest.approx(cost + alignment_cost, abs=rounding)
        last = max(place for place, label in enumerate(ids) if not model.id_is_self_loop[label])
        assert cost_in_graph(graph, ids[:last], words) == math.inf
        assert cost_in_graph(graph, ids, [*words, 1]) == math.inf


def random_tree(rng, lang, topology, width, central):
    """Grown from random statistics of phones in context, silence without any, with the questions of the lang directory."""
    noise, silences = np.random.default_rng(rng.randrange(1000)), set(read_phone_list(lang / "phones/silence.int"))
    rows = {}
    for place in range(400):
        window = rng.choices(topology.phones, k=width)
        window[central] = topology.phones[place % len(topology.phones)]
        alone = window[central] in silences
        event = tuple((position, phone) for position, phone in enumerate(window) if position == central or not alone)
        for pdf_class in range(topology.num_pdf_classes(window[central])):
            mean = noise.normal(size=3)
            rows[((-1, pdf_class), *event)] = np.concatenate([[20.0], 20 * mean, 20 * (mean**2 + 1)])
    events = sorted(rows)
    stats = TreeStatistics(events, np.array([rows[event] for event in events]))
    asked = read_phone_sets(lang / "phones/sets.int") + read_phone_sets(lang / "phones/extra_questions.int")
    classes = {phone: topology.num_pdf_classes(phone) for phone in topology.phones}
    options = BuildOptions(thresh=0.0, max_leaves=60, cluster_thresh=0.0)
    roots, questions = read_roots(lang / "phones/roots.int"), compile_questions(asked, topology, width)
    return ContextDependency(width, central, build_tree(stats, roots, questions, classes, central, options))


@pytest.mark.parametrize(("width", "central"), [(1, 0), (2, 1), (3, 1), (4, 2)])
@pytest.mark.parametrize("seed", range(2))
def test_phones_with_positions_and_stress_in_grown_trees_cost_what_their_parts_cost(seed, width, central, tmp_path):
    """From the dictionary over prepare_lang, tree and model to HCLG."""
    rng = random.Random(100 * width + seed)
    lexicon = sorted({entry._replace(phones=tuple("xABC"[int(p) - 1] + rng.choice("01") for p in entry.phones))
                      for entry in random_lexicon(rng)})  # fmt: skip
    for name, text in (
        ("lexicon", "".join(f"{word} {' '.join(phones)}\n" for word, phones, *_ in lexicon) + "oov SIL\n"),
        ("silence_phones", "SIL\n"), ("nonsilence_phones", "A0 A1\nB0 B1\nC0 C1\n"), ("optional_silence", "SIL\n"),
        ("extra_questions", "A0 B0 C0\nA1 B1 C1\n"),
    ):  # fmt: skip
        (tmp_path / f"{name}.txt").write_text(text)
    lang = tmp_path / "lang"
    prepare_lang(tmp_path, lang, LexiconOptions("oov", SILENCE_PROBABILITY, True))
    topology, word_ids = HmmTopology.load(lang / "topo"), read_symbol_table(lang / "words.txt")
    tree = random_tree(rng, lang, topology, width, central)
    assert tree.num_pdfs == 56
    model = TransitionModel.initial(topology, tree)
    grammar = random_grammar(rng, max(word_ids[word] for word, *_ in lexicon))
    lg = compose_lg(read_graph(lang / "L_disambig.fst"), grammar)
    disambiguation = read_phone_list(lang / "phones/disambig.int")
    graph = compose_hclg(lg, tree, model, disambiguation, SCALES)
    placed = with_word_positions(Dictionary(lexicon, [["SIL"]], [["A0", "A1"], ["B0", "B1"], ["C0", "C1"]], "SIL", []))
    phone_ids = read_symbol_table(lang / "phones.txt")
    spoken = [
        Entry(str(word_ids[word]), tuple(str(phone_ids[p]) for p in phones)) for word, phones, *_ in placed.entries
    ]
    assert {word_ids[word] for word, *_ in lexicon} <= set(range(1, 6))
    for _ in range(10):
        words, phones, cost = random_sentence(rng, grammar, spoken)
        ids, alignment_cost = random_alignment(rng, phones, tree, model)
        rounding = 2 / 1024 * (len(phones) + 1)
        assert cost_in_graph(graph, ids, words) == pytest.approx(cost + alignment_cost, abs=rounding)
        last = max(place for place, label in enumerate(ids) if not model.id_is_self_loop[label])
        assert cost_in_graph(graph, ids[:last], words) == math.inf
