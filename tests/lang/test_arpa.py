"""ARPA models: Kaldi's G, probabilities of sentences by the back-off rule, and errors with file and line."""

import gzip
import math
import random
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.cli.arpa2fst import main as arpa2fst
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.arpa import arpa_graph
from houseblend.lang.fst import read_graph

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "lang"
WORDS = read_symbol_table(GOLDEN / "words.txt")


@pytest.mark.parametrize(("arpa", "fst"), [("bigram.arpa", "G.fst"), ("unigram.arpa", "G_uni.fst")])
def test_graphs_are_kaldis(arpa, fst, run_program, tmp_path):
    run_program(
        "arpa2fst", "--disambig-symbol=#0", f"--read-symbol-table={GOLDEN}/words.txt", GOLDEN / arpa,
        tmp_path / "G.fst", check=True,
    )  # fmt: skip
    assert read_graph(tmp_path / "G.fst") == read_graph(GOLDEN / fst)


def write_arpa(path, ngrams):
    """`ngrams[order]` maps words to (log10 probability, log10 back-off)."""
    lines = ["\\data\\", *(f"ngram {order}={len(entries)}" for order, entries in ngrams.items())]
    for order, entries in ngrams.items():
        lines += ["", f"\\{order}-grams:"]
        for words, (log_prob, back_off) in entries.items():
            lines.append(f"{log_prob:.6f}\t{' '.join(words)}" + ("" if order == max(ngrams) else f"\t{back_off:.6f}"))
    path.write_text("\n".join([*lines, "", "\\end\\", ""]))


def random_trigram(rng):
    vocabulary = ["a", "b", "c"]
    tokens = [*vocabulary, "</s>"]
    grams = {1: {("<s>",): (-99.0, -rng.random())}}
    grams[1].update({(word,): (-rng.random() - 0.1, -rng.random()) for word in tokens})
    pairs = [(left, right) for left in ["<s>", *vocabulary] for right in tokens]
    grams[2] = {pair: (-rng.random() - 0.1, -rng.random()) for pair in rng.sample(pairs, 9)}
    triples = [(*pair, word) for pair in grams[2] if pair[1] != "</s>" for word in tokens]
    grams[3] = {triple: (-rng.random() - 0.1, 0.0) for triple in rng.sample(triples, min(8, len(triples)))}
    return grams


def log_prob(grams, history, word):
    """Base 10, by the back-off rule."""
    history = history[-2:]
    if (*history, word) in grams[len(history) + 1]:
        return grams[len(history) + 1][(*history, word)][0]
    back_off = grams[len(history)].get(history, (0.0, 0.0))[1] if history else 0.0
    return back_off + log_prob(grams, history[1:], word)


def sentence_cost(graph, labels, disambiguation):
    """Cost of the path that backs off only where a word is missing."""
    state, cost = graph.start, 0.0
    for label in [*labels, None]:
        while True:
            arcs = {arc.ilabel: arc for arc in graph.arcs[state]}
            if label is None and not math.isinf(graph.finals[state]):
                return cost + graph.finals[state]
            arc = arcs.get(label) or arcs[disambiguation]
            state, cost = arc.nextstate, cost + arc.weight
            if arc.ilabel == label:
                break
    raise AssertionError("no end")


@pytest.mark.parametrize("seed", range(8))
def test_sentences_cost_what_the_back_off_rule_says(seed, tmp_path):
    rng = random.Random(seed)
    grams = random_trigram(rng)
    write_arpa(tmp_path / "lm.arpa", grams)
    words = {"<eps>": 0, "a": 1, "b": 2, "c": 3, "#0": 4, "<s>": 5, "</s>": 6}
    graph = arpa_graph(tmp_path / "lm.arpa", words)
    for _ in range(20):
        sentence = rng.choices("abc", k=rng.randrange(6))
        history, expected = ("<s>",), 0.0
        for word in [*sentence, "</s>"]:
            expected -= log_prob(grams, history, word) * math.log(10)
            history = (*history, word)
        cost = sentence_cost(graph, [words[word] for word in sentence], 4)
        assert cost == pytest.approx(expected, abs=1e-4)


def test_states_that_only_back_off_are_gone(tmp_path):
    grams = {
        1: {("<s>",): (-99.0, -0.1), ("</s>",): (-1.0, 0.0), ("a",): (-0.5, -0.2), ("b",): (-0.6, -0.3)},
        2: {("a", "b"): (-0.2, 0.0)},
    }
    write_arpa(tmp_path / "lm.arpa", grams)
    graph = arpa_graph(tmp_path / "lm.arpa", {"<eps>": 0, "a": 1, "b": 2, "#0": 3, "<s>": 4, "</s>": 5})
    assert sum(arc.ilabel == 3 for arcs in graph.arcs for arc in arcs) == 1


def test_words_outside_the_table_are_left_out(tmp_path, capsys):
    text = (GOLDEN / "unigram.arpa").read_text().replace("1=12", "1=13").replace("-1.041393 nine", "-1 nine\n-1 ten")
    (tmp_path / "lm.arpa").write_text(text)
    graph = arpa_graph(tmp_path / "lm.arpa", WORDS)
    assert graph.num_arcs == 10
    assert "left out 1 n-grams" in capsys.readouterr().err


DIALECTS = {
    "SRILM": (("\\data\\", "\n\\data\\"), ("-99.000000\t<s>", "-99\t<s>")),
    "irstlm": (("\t", " "), ("ngram ", "ngram  "), ("=", "=     "), ("-99.000000 <s>", "-3.13322 <s>")),
    "KenLM": (("-99.000000\t<s>", "0\t<s>"), ("\t</s>\n", "\t</s>\t0\n")),
    "lines of DOS": (("\n", "\r\n"),),
    "a preface": (("\\data\\", "made by hand\n\n\\data\\"),),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_of_other_tools_are_read_gzipped_or_not(dialect, tmp_path):
    text = (GOLDEN / "bigram.arpa").read_text()
    for old, new in DIALECTS[dialect]:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "lm.arpa").write_bytes(text.encode())
    (tmp_path / "lm.arpa.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("lm.arpa", "lm.arpa.gz"):
        assert arpa_graph(tmp_path / name, WORDS) == arpa_graph(GOLDEN / "bigram.arpa", WORDS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-1.054822\tone", "-1.05x\tone", "lm.arpa:12"),
        ("-1.054822\tone\t0.544068", "-1.054822\tone\t0.5\t0.6", "lm.arpa:12"),
        ("-0.952725\t<s> eight", "-0.952725\t<s>", "lm.arpa:20"),
        ("-0.952725\t<s> eight", "nan\t<s> eight", "lm.arpa:20"),
        ("-0.952725\t<s> eight", "-0.952725\t<s> #0", "lm.arpa:20"),
        ("ngram 2=120", "ngram 2=119", "expected 119"),
        ("ngram 2=120", "ngram two=120", "lm.arpa:3"),
        ("\\2-grams:", "\\3-grams:", r"expected \\2-grams"),
        ("\\end\\", "", "\\\\end"),
        ("\\data\\", "data", "data"),
        ("<s>", "<b>", "<s>"),
    ],
)
def test_errors_name_file_and_line(tmp_path, old, new, message):
    text = (GOLDEN / "bigram.arpa").read_text()
    assert old in text
    (tmp_path / "lm.arpa").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        arpa_graph(tmp_path / "lm.arpa", WORDS)


NO_ENDS = {
    "no </s> at all": {1: {("<s>",): (-99.0, -0.1), ("a",): (-0.5, -0.2)}, 2: {("<s>", "a"): (-0.2, 0.0)}},
    "</s> never": {1: {("<s>",): (-99.0, 0.0), ("a",): (-0.5, 0.0), ("</s>",): (-math.inf, 0.0)}},
    "</s> behind another word": {1: {("<s>",): (-99.0, 0.0), ("a",): (-0.5, 0.0)}, 2: {("b", "</s>"): (-0.1, 0.0)}},
    "nothing": {1: {("<s>",): (-99.0, 0.0)}},
}


@pytest.mark.parametrize("name", NO_ENDS)
def test_a_model_that_accepts_no_sentence_is_refused_and_nothing_is_left(name, tmp_path, capsys):
    write_arpa(tmp_path / "lm.arpa", NO_ENDS[name])
    (tmp_path / "words").write_text("<eps> 0\na 1\n#0 2\n<s> 3\n</s> 4\n")
    assert arpa2fst.main([f"--read-symbol-table={tmp_path}/words", f"{tmp_path}/lm.arpa", f"{tmp_path}/G.fst"]) == 1
    assert (
        "lm.arpa: the model accepts no sentence: no n-gram that can be reached ends in </s>" in capsys.readouterr().err
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lm.arpa", "words"]


def test_truncated_models_are_refused(tmp_path):
    data = (GOLDEN / "bigram.arpa").read_bytes()
    for size in random.Random(2).sample(range(len(data) - 8), 20):
        (tmp_path / "lm.arpa").write_bytes(data[:size])
        with pytest.raises(InputError, match=r"lm\.arpa"):
            arpa_graph(tmp_path / "lm.arpa", WORDS)


def test_a_missing_symbol_is_named():
    with pytest.raises(InputError, match="#0"):
        arpa_graph(GOLDEN / "bigram.arpa", {word: number for word, number in WORDS.items() if word != "#0"})
