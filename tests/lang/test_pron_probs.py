"""Probabilities of pronunciations and of silence by word: Kaldi's files, and the paper's equations written once more."""

import itertools
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.cli.dict_dir_add_pronprobs import main
from houseblend.io.lang_files import read_symbol_table, validate_lang
from houseblend.lang.fst import Graph, read_graph
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.lexicon import Dictionary, Entry, SentenceSilence, WordSilence
from houseblend.lang.options import LexiconOptions
from houseblend.lang.pron_counts import Around, Key, SilenceCounts
from houseblend.lang.pron_probs import with_pron_probs, with_silence
from houseblend.lang.silence_lexicon import silence_lexicon_graph

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "pron_probs"
COUNTS = [GOLDEN / name for name in ("pron_counts_nowb.txt", "sil_counts_nowb.txt", "pron_bigram_counts_nowb.txt")]


def test_a_dictionary_is_kaldis(tmp_path):
    assert main.main([str(path) for path in (GOLDEN / "dict", *COUNTS, tmp_path / "out")]) == 0
    for path in (GOLDEN / "probabilities").iterdir():
        assert (tmp_path / "out" / path.name).read_text() == path.read_text(), path.name
    words = ["--max-normalize=false", *map(str, (GOLDEN / "dict", COUNTS[0], tmp_path / "plain"))]
    assert main.main(words) == 0
    assert (tmp_path / "plain/lexiconp.txt").read_text() == (GOLDEN / "shares/lexiconp.txt").read_text()
    assert not (tmp_path / "plain/silprob.txt").exists()


@pytest.mark.parametrize("name", ["L", "L_disambig"])
def test_lexicon_transducers_are_kaldis(name, tmp_path):
    """Arc for arc, up to their order, and but for the loop of #0 that Kaldi adds later."""
    prepare_lang(GOLDEN / "probabilities", tmp_path / "lang", LexiconOptions("<unk>"))
    validate_lang(tmp_path / "lang")
    phones, words = (read_symbol_table(tmp_path / "lang" / f"{kind}.txt") for kind in ("phones", "words"))
    graph, found = read_graph(tmp_path / "lang" / f"{name}.fst"), []
    for state, arcs in enumerate(graph.arcs):
        found += [
            (state, arc.nextstate, arc.ilabel, arc.olabel, arc.weight) for arc in arcs if arc.olabel != words["#0"]
        ]
    wanted, finals = [], {}
    for line in (GOLDEN / f"{name}.txt").read_text().splitlines():
        fields = line.split()
        if len(fields) == 2:
            finals[int(fields[0])] = float(fields[1])
        else:
            source, target, phone, word, *cost = fields
            wanted.append((int(source), int(target), phones[phone], words[word], float(cost[0]) if cost else 0.0))
    np.testing.assert_allclose(sorted(found), sorted(wanted), atol=1e-6)
    assert {state: cost for state, cost in enumerate(graph.finals) if cost < math.inf} == pytest.approx(
        finals, abs=1e-6
    )
    loops = [
        (state, arc.nextstate) for state, arcs in enumerate(graph.arcs) for arc in arcs if arc.olabel == words["#0"]
    ]
    assert loops == ([(1, 1), (2, 2)] if name == "L_disambig" else [])


def test_every_sentence_costs_what_its_silences_cost():
    """All sentences of up to three words with all silences: read off the graph, and by the formula."""
    rng = np.random.default_rng()
    entries = [
        Entry(word, phones, rng.uniform(0.1, 1), WordSilence(rng.uniform(0.1, 0.9), *rng.uniform(0.5, 2, size=2)))
        for word, phones in (("a", ("x",)), ("b", ("y", "x")))
    ]
    sentence = SentenceSilence(0.3, 1.5, 0.7)
    phones, words = {"sil": 1, "x": 2, "y": 3}, {"a": 1, "b": 2}
    graph = silence_lexicon_graph(entries, phones, words, sentence, "sil")
    for length in range(4):
        for said in itertools.product(entries, repeat=length):
            for silent in itertools.product([False, True], repeat=length + 1):
                cost, spelled = 0.0, [1] if silent[0] else []
                after = sentence.begin
                for entry, before, behind in zip(said, silent, silent[1:], strict=False):
                    around = entry.silence
                    assert around is not None
                    cost -= math.log(after if before else 1 - after) + math.log(entry.probability)
                    cost -= math.log(around.factor_before if before else around.factor_without)
                    spelled += [phones[phone] for phone in entry.phones] + ([1] if behind else [])
                    after = around.after
                cost -= math.log(after if silent[-1] else 1 - after)
                cost -= math.log(sentence.factor_before_end if silent[-1] else sentence.factor_without_end)
                assert _cost(graph, spelled, [words[entry.word] for entry in said]) == pytest.approx(cost, abs=1e-6)


def _cost(graph: Graph, phones: list[int], words: list[int]) -> float:
    """Of the cheapest path that reads the phones and writes the words."""
    best, places = math.inf, [(graph.start, 0, 0, 0.0)]
    while places:
        state, read, written, cost = places.pop()
        if read == len(phones) and written == len(words):
            best = min(best, cost + graph.finals[state])
        for arc in graph.arcs[state]:
            reads, writes = arc.ilabel != 0, arc.olabel != 0
            if (not reads or phones[read : read + 1] == [arc.ilabel]) and (
                not writes or words[written : written + 1] == [arc.olabel]
            ):
                places.append((arc.nextstate, read + reads, written + writes, cost + arc.weight))
    return best


def test_silence_has_the_equations_of_the_paper():
    keys: list[Key] = [("one", ("w",)), ("two", ("t",)), ("<s>", ()), ("</s>", ())]
    one, two, begin, end = keys
    around = {
        begin: Around(0, 0, 30, 10),
        one: Around(20, 5, 8, 17),
        two: Around(3, 12, 9, 6),
        end: Around(14, 20, 0, 0),
    }
    pairs = {(begin, one): 25.0, (begin, two): 15.0, (one, two): 20.0, (two, one): 4.0, (one, end): 5.0}
    found, sentence, overall = with_silence([Entry(*one), Entry(*two)], SilenceCounts(around, pairs))
    silence = (20 + 3 + 14) / (20 + 3 + 14 + 5 + 12 + 20)
    assert overall == round(silence, 2)
    after = {key: (around[key].before + 2 * overall) / (sum(around[key][2:]) + 2) for key in (begin, one, two)}
    behind = {key: round(after[key], 2) for key in (one, two)}
    for entry in found:
        key = (entry.word, entry.phones)
        share = sum(count * behind.get(first, 0) for (first, second), count in pairs.items() if second == key)
        total = sum(count for (_, second), count in pairs.items() if second == key)
        assert entry.silence == pytest.approx(
            (after[key], (around[key].behind + 2) / (share + 2), (around[key].behind_none + 2) / (total - share + 2)),
            abs=0.0051,
        )
    assert sentence.begin == round(after[begin], 2)
    assert sentence.factor_before_end == pytest.approx((14 + 2) / (5 * behind[one] + 2))
    assert sentence.factor_without_end == pytest.approx((20 + 2) / (5 * (1 - behind[one]) + 2))


def test_counts_are_added_to_one():
    entries = [Entry("a", ("x",)), Entry("a", ("y",)), Entry("b", ("z",))]
    found = with_pron_probs(entries, {("a", ("x",)): 3.0}, max_normalize=False)
    assert found == [Entry("a", ("y",), 0.2), Entry("a", ("x",), 0.8), Entry("b", ("z",), 1.0)]
    assert with_pron_probs(entries, {("a", ("x",)): 3.0})[0] == Entry("a", ("y",), 0.25)
    with pytest.raises(InputError, match=r"counts of a w; expected pronunciations of the lexicon"):
        with_pron_probs(entries, {("a", ("w",)): 1.0})
    with pytest.raises(InputError, match="no counts of silence"):
        with_silence(entries, SilenceCounts({}, {}))


@pytest.mark.parametrize(
    ("number", "text", "what"),
    [
        (0, "", "no counts"),
        (0, "x one w ah n\n", r":1: 'x' is no count"),
        (1, "1 2 3\n", r":1: '1 2 3'; expected COUNT COUNT COUNT COUNT WORD"),
        (1, "1 2 3 -4 one w ah n\n", r":1: '-4' is no count"),
        (2, "1 one w ah n two t uw\n", r":1: '1 one w ah n two t uw'; expected COUNT, and WORD"),
    ],
)
def test_broken_counts_are_named(number, text, what, tmp_path, capsys):
    files = list(COUNTS)
    files[number] = tmp_path / "broken.txt"
    files[number].write_text(text)
    assert main.main([str(path) for path in (GOLDEN / "dict", *files, tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "broken.txt" in said
    assert np.any([part in said for part in (what.removeprefix(":1: "), what.split("; ")[0].removeprefix(":1: "))])
    assert not (tmp_path / "out").exists()
    assert main.main([str(GOLDEN / "dict"), str(COUNTS[0]), str(COUNTS[1]), str(tmp_path / "out")]) == 2


@pytest.fixture
def folder(tmp_path):
    """A dictionary that knows silence by word."""
    shutil.copytree(GOLDEN / "probabilities", tmp_path / "dict")
    return tmp_path / "dict"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("two 1 1 1 1 t uw", r"lexiconp_silprob\.txt:1: \[two\] silence of 1 1 1; expected WORD PROBABILITY AFTER"),
        ("two 1 0.5 0 1 t uw", r"\[two\] silence of 0\.5 0 1"),
        ("two 1 0.5 t uw", r"\[two\] silence of 0\.5 t uw"),
        ("two 0 0.5 1 1 t uw", r"\[two\] 0 is no probability"),
        ("two 1 0.5 1 1", r"\[two\] a word without phones"),
        ("two 1 0.5 1 1 t uw", r"lexicon\.txt has other entries"),
    ],
)
def test_broken_silence_by_word_is_named(line, what, folder):
    (folder / "lexiconp_silprob.txt").write_text(line + "\n")
    with pytest.raises(InputError, match=what):
        Dictionary.read(folder)


@pytest.mark.parametrize(
    "text", ["", "<s> 1\n</s>_s 1\n</s>_n 1\n", "<s> 0.5\n</s>_s 1\n", "<s> x\n</s>_s 1\n</s>_n 1\n"]
)
def test_silence_of_sentences_must_be_there(text, folder):
    (folder / "silprob.txt").write_text(text)
    with pytest.raises(InputError, match=r"silprob\.txt: no silence of sentences"):
        Dictionary.read(folder)
    (folder / "silprob.txt").unlink()
    with pytest.raises(InputError, match=r"silprob\.txt: no such file"):
        Dictionary.read(folder)


def test_phones_may_tell_their_positions(folder, tmp_path):
    options = LexiconOptions("<unk>", position_dependent_phones=True)
    prepare_lang(folder, tmp_path / "lang", options)
    validate_lang(tmp_path / "lang")
    phones = read_symbol_table(tmp_path / "lang/phones.txt")
    graph = read_graph(tmp_path / "lang/L.fst")
    assert phones["t_B"] in {arc.ilabel for arc in graph.arcs[1]}


def test_an_entry_without_its_silence_is_refused():
    with pytest.raises(InputError, match=r"\[a\] no silence of the word"):
        silence_lexicon_graph([Entry("a", ("x",))], {"sil": 1, "x": 2}, {"a": 1}, SentenceSilence(0.5, 1, 1), "sil")
