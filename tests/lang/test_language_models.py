"""Language models: the formulas in plain loops, distributions that sum to one, mixtures, pruning, files and errors."""

import gzip
import math
import random
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.lang.arpa import arpa_graph
from houseblend.lang.arpa_model import read_arpa, write_arpa
from houseblend.lang.entropy_pruning import prune, relative_entropies
from houseblend.lang.kneser_ney import discounts, estimate
from houseblend.lang.ngram_model import mix, mixture_weight, perplexity
from houseblend.lang.sentences import Vocabulary, read_sentences

KENLM = Path(__file__).resolve().parents[1] / "golden" / "lang" / "kenlm"
TLM = shutil.which("tlm") or shutil.which("/usr/lib/irstlm/bin/tlm")


def make_text(path, seed, sentences, size=60):
    """A second-order source with Zipf-like words."""
    rng = random.Random(seed)
    lines = []
    for _ in range(sentences):
        words = [0, 0]
        while len(words) < 4 or rng.random() < 0.85:
            random_word = min(int(rng.paretovariate(0.9)), size) - 1
            follower = (words[-1] * 7 + words[-2] * 3 + rng.randrange(3)) % 60
            words.append(random_word if rng.random() < 0.5 else follower)
        lines.append(" ".join(f"w{word}" for word in words[2:]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def text(tmp_path):
    return make_text(tmp_path / "text", 1, 300)


def trained(path, order=3, min_counts=(1, 1, 1), vocabulary=None):
    vocabulary = vocabulary or Vocabulary()
    sentences = read_sentences(path, vocabulary)
    return estimate(sentences, vocabulary.names, order, min_counts), sentences


def plain_kneser_ney(lines, order):
    """Chen and Goodman's formulas over dictionaries; a function of history and word."""
    counts = [Counter() for _ in range(order + 1)]
    for line in lines:
        words = ("<s>", *line.split(), "</s>")
        for n in range(1, order + 1):
            counts[n].update(words[i : i + n] for i in range(len(words) - n + 1))
    adjusted = [Counter() for _ in range(order)] + [counts[order]]
    for n in range(1, order):
        before = Counter(ngram[1:] for ngram in counts[n + 1])
        adjusted[n] = Counter({ngram: counts[n][ngram] if ngram[0] == "<s>" else before[ngram] for ngram in counts[n]})
    del adjusted[1][("<s>",)]
    numbers = [discounts(np.array([*adjusted[n].values()]), n) for n in range(order + 1)]
    behind = [defaultdict(list) for _ in range(order + 1)]
    for n in range(1, order + 1):
        for ngram, count in adjusted[n].items():
            behind[n][ngram[:-1]].append(count)

    def probability(history, word):
        n = len(history) + 1
        lower = probability(history[1:], word) if history else 1 / len(adjusted[1])
        found = behind[n].get(history)
        if not found:
            return lower
        count = adjusted[n][(*history, word)]
        gamma = sum(numbers[n][min(c, 3)] for c in found) / sum(found)
        return (count - numbers[n][min(count, 3)]) / sum(found) + gamma * lower

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_formulas(text, order):
    model, sentences = trained(text, order, [1] * order)
    expected = plain_kneser_ney(text.read_text().splitlines(), order)
    windows = sentences.windows(order)[:200]
    for window, found in zip(windows, model.log_probs(windows), strict=True):
        *history, word = (model.names[number] for number in window if number >= 0)
        assert found == pytest.approx(math.log(expected(tuple(history), word)), abs=1e-9)


@pytest.mark.parametrize("min_counts", [(1, 1, 1), (1, 1, 2), (1, 2, 3)])
def test_probabilities_behind_every_history_sum_to_one(text, min_counts):
    model, sentences = trained(text, 3, min_counts)
    for history in sentences.windows(2)[:40]:
        rows = np.column_stack([np.tile(history, (len(model.names), 1)), np.arange(len(model.names))])
        assert np.exp(model.log_probs(rows)).sum() == pytest.approx(1, abs=1e-9)


def test_cut_offs_drop_rare_ngrams(text):
    model, _ = trained(text, 3, (1, 1, 2))
    words = [("<s>", *line.split(), "</s>") for line in text.read_text().splitlines()]
    counts = Counter(line[i : i + 3] for line in words for i in range(len(line) - 2))
    assert model.sizes[2] == sum(count >= 2 for count in counts.values())


def test_back_off_weights_are_those_that_normalise(text):
    model, _ = trained(text, 3, (1, 1, 2))
    for mine, again in zip(model.back_off, model.normalised().back_off, strict=True):
        np.testing.assert_allclose(mine, again, atol=1e-6)


def test_pruning_drops_what_changes_the_model_least(text):
    model, _ = trained(text)
    entropies = relative_entropies(model, 3)
    assert entropies.min() > -1e-12
    rng = np.random.default_rng(1)
    size = len(model.names)
    for number in rng.choice(model.sizes[2], 5, replace=False):
        masks = [np.ones(count, bool) for count in model.sizes]
        masks[2][number] = False
        without = model.only(masks).normalised()
        a, b, _ = model.ngrams.words(3)[number]
        rows = np.column_stack([np.tile([a, b], (size, 1)), np.arange(size)])
        p, q = (one.log_probs(rows)[1:] for one in (model, without))
        first = model.log_prob[0][a if a else 1]
        weight = math.exp(first + model.log_probs(np.array([[a, b]]))[0])
        assert entropies[number] == pytest.approx(weight * (np.exp(p) * (p - q)).sum(), rel=1e-4, abs=1e-10)


def test_a_pipe_to_a_compressed_file_is_compressed_once(text, tmp_path):
    model, _ = trained(text)
    write_arpa(tmp_path / "lm.arpa", model)
    write_arpa(f"| gzip -c > {tmp_path}/lm.arpa.gz", model)
    assert gzip.decompress((tmp_path / "lm.arpa.gz").read_bytes()) == (tmp_path / "lm.arpa").read_bytes()


def test_pruned_models_are_smaller_and_sum_to_one(text, tmp_path):
    model, sentences = trained(text)
    pruned = prune(model, 1e-4)
    assert pruned.sizes[2] < model.sizes[2] / 2
    assert perplexity(pruned, sentences).value > perplexity(model, sentences).value
    write_arpa(tmp_path / "lm.arpa", pruned)
    assert read_arpa(tmp_path / "lm.arpa").sizes == pruned.sizes


def test_mixtures_are_weighted_means_and_better_on_held_out_text(tmp_path):
    vocabulary = Vocabulary()
    texts = [read_sentences(make_text(tmp_path / f"{n}", n, n), vocabulary) for n in (200, 300)]
    held_out = read_sentences(make_text(tmp_path / "h", 3, 50), vocabulary)
    models = [estimate(sentences, vocabulary.names, 3, (1, 1, 1)) for sentences in texts]
    weight = mixture_weight(models[0], models[1], held_out)
    p, q = (np.exp(model.log_probs(held_out.windows(3))) for model in models)
    likelihoods = [np.log(w * p + (1 - w) * q).sum() for w in (weight, weight - 0.02, weight + 0.02) if 0 < w < 1]
    assert max(likelihoods) == likelihoods[0]
    mixed = mix(models[0], models[1], weight)
    rows = models[1].ngrams.words(3)
    mean = weight * np.exp(models[0].log_probs(rows)) + (1 - weight) * np.exp(models[1].log_probs(rows))
    np.testing.assert_allclose(np.exp(mixed.log_probs(rows)), mean, rtol=1e-9)
    assert perplexity(mixed, held_out).value < min(perplexity(model, held_out).value for model in models)


def test_programs_write_what_they_read(text, tmp_path, run_program):
    held_out = make_text(tmp_path / "dev", 2, 40)
    done = run_program("lm-train", f"--held-out={held_out}", text, tmp_path / "lm.arpa.gz", check=True)
    gzip.decompress((tmp_path / "lm.arpa.gz").read_bytes())
    words = {"<eps>": 0, "<s>": 1, "</s>": 2, "#0": 3} | {f"w{n}": n + 4 for n in range(60)}
    assert arpa_graph(tmp_path / "lm.arpa.gz", words).num_arcs > 1000
    shown = run_program("lm-perplexity", tmp_path / "lm.arpa.gz", held_out, check=True).stdout
    assert shown.decode().strip() in done.stderr


def test_words_outside_the_vocabulary_are_reported_with_counts(text, tmp_path, run_program):
    (tmp_path / "words").write_text("".join(f"w{n} {n}\n" for n in range(3, 60)) + "<unk> 99\n#0 100\n")
    options = [f"--vocabulary={tmp_path / 'words'}", f"--held-out={text}"]
    done = run_program("lm-train", *options, text, tmp_path / "lm.arpa", check=True)
    count = text.read_text().split().count("w0")
    assert f"w0 {count}" in done.stderr
    model = read_arpa(tmp_path / "lm.arpa")
    assert "<unk>" in model.names
    assert "w0" not in model.names


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no sentences"), (b"\n \n", "no sentences"), (b"a b\n\xff\xfe c\n", "bad:2: not UTF-8"), (b"a\na <s> b\n", "bad:2: <s>")],
)  # fmt: skip
def test_texts_that_are_refused(tmp_path, content, message):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_sentences(tmp_path / "bad", Vocabulary())


def test_a_text_without_a_known_word_is_refused(text, tmp_path):
    (tmp_path / "words").write_text("x\n")
    with pytest.raises(InputError, match="no word of the text"):
        trained(text, vocabulary=Vocabulary.read(tmp_path / "words"))


def test_a_text_with_utterance_ids_is_refused(tmp_path):
    lines = ["sw02001-A_000098 we have it", "sw02001-A_000198", "sw02001-A_000298 we do"]
    (tmp_path / "text").write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "words").write_text("we\nhave\n<unk>\n")
    for vocabulary in (Vocabulary(), Vocabulary.read(tmp_path / "words"), Vocabulary("no", False, {"we": 2})):
        with pytest.raises(InputError, match=r"text: \[sw02001-A_000098\] the lines begin with utterance ids.*cut -d"):
            read_sentences(tmp_path / "text", vocabulary)
    for ours in (
        [lines[1], lines[0], lines[2]], [*lines, "we sw02001-A_000098"], [line.split(None, 1)[-1] for line in lines],
        lines[:1], ["a1", "a2", "a3"], ["go on", "stop it", "wait here"], ["mm-hm yes", "mm-hm no"], ["a-1 b", "a-2 b", "c b"],
    ):  # fmt: skip
        (tmp_path / "text").write_text("".join(f"{line}\n" for line in ours))
        assert read_sentences(tmp_path / "text", Vocabulary()).num_sentences == len(ours)


ARPA = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-99\t<s>\t-0.30103
-0.60206\t</s>
-0.30103\ta\t-0.30103
-0.60206\tb

\\2-grams:
-0.2041200\t<s> b
-0.124939\ta a

\\end\\
"""
"""Behind <s>: b has 0.625, the others half of 0.75: together one."""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-0.2041200\t<s> b", "-0.60206\t<s> b", "bad:6: the probabilities behind '<s>' sum to 0.625"),
        ("-0.2041200\t<s> b", "-0.2041200\tc b", "bad:12: .*history, c, is no"),
        ("-0.2041200\t<s> b", "-0.2041200\ta c", "bad:12: .*c is no 1-gram"),
        ("-0.2041200\t<s> b", "-0.2041200\ta a", "bad:13: .*twice"),
        ("-99\t<s>\t-0.30103", "-99\t<s>", "behind '<s>' sum to"),
        ("-0.30103\ta\t", "-0.1\ta\t", "1-grams sum to"),
        ("-0.30103\ta\t", "1e3\ta\t", "1-grams sum to inf; expected 1; if words were added.*again$"),
        ("-0.2041200\t<s> b", "2147483648\t<s> b", "behind '<s>' sum to"),
        ("-0.124939\ta a", "999\ta a", "behind 'a' sum to"),
        ("a\t-0.30103", "a\t4000", "behind 'a' sum to inf"),
        ("ngram 2=2", "ngram 2=3", "2 2-grams"),
        ("\t</s>", "\tz", "no </s>"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_arpa_files_that_are_no_distribution_are_refused(tmp_path, old, new, message):
    (tmp_path / "bad").write_text(ARPA.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_arpa(tmp_path / "bad")
    if "sum to inf" in message:
        with pytest.raises(InputError, match=message):
            read_arpa(tmp_path / "bad", max_unigram_sum=1.1)


def test_lossy_models_are_told_and_those_of_too_much_probability_refused(tmp_path, capsys):
    (tmp_path / "lm").write_text(ARPA.replace("<s>\t-0.30103", "<s>\t-0.6").replace("a\t-0.30103", "a\t-0.4"))
    read_arpa(tmp_path / "lm", max_unigram_sum=1.1)
    assert "lm:8: the probabilities behind 'a' sum to 0.9" in capsys.readouterr().err
    (tmp_path / "lm").write_text(ARPA.replace("ngram 2=2", "ngram 2=3").replace("<s> b", "c b\n-0.2041200\t<s> b"))
    assert read_arpa(tmp_path / "lm", max_unigram_sum=1.1).sizes == [4, 2]
    for old, new in (("<s>\t-0.30103", "<s>"), ("-0.30103\ta\t", "-0.1\ta\t")):
        (tmp_path / "lm").write_text(ARPA.replace(old, new))
        with pytest.raises(InputError, match=r"lm:\d: the probabilities .* sum to 1\.\d+; expected 1"):
            read_arpa(tmp_path / "lm", max_unigram_sum=1.1)


@pytest.mark.parametrize(
    ("added", "total"), [((("c", 0.02),), 1.02), ((("c", 0.05), ("d", 0.04)), 1.09), ((("c", 0.9),), 1.9)]
)
def test_added_words_are_told_to_a_bound_and_beyond_it_allowed(added, total, tmp_path, capsys):
    lines = "".join(f"{math.log10(p):.7f}\t{word}\n" for word, p in added)
    text = ARPA.replace("ngram 1=4", f"ngram 1={4 + len(added)}").replace("\n\\2-grams", f"{lines}\n\\2-grams")
    (tmp_path / "lm").write_text(text.replace(f"\n\n{lines}", f"\n{lines}"))
    message = rf"lm:6: the probabilities of the 1-grams sum to {total:.4f}; expected 1; if words were added, scale"
    with pytest.raises(InputError, match=message) as strict:
        read_arpa(tmp_path / "lm")
    assert "--max" not in str(strict.value)
    if total > 1.1:
        with pytest.raises(InputError, match=rf"{message}.*allow it by --max-unigram-sum={total:g}$"):
            read_arpa(tmp_path / "lm", max_unigram_sum=1.1)
    assert read_arpa(tmp_path / "lm", max_unigram_sum=max(1.1, total)).sizes == [4 + len(added), 2]
    assert re.search(message, capsys.readouterr().err)


def test_words_that_were_taken_out_are_told(tmp_path, capsys):
    (tmp_path / "lm").write_text(ARPA.replace("-0.60206\t</s>", "-0.9\t</s>"))
    read_arpa(tmp_path / "lm", max_unigram_sum=1.1)
    assert re.search(r"1-grams sum to 0\.8759; expected 1; look for words that are missing", capsys.readouterr().err)


@pytest.mark.parametrize(("name", "min_counts"), [("all", (1, 1, 1)), ("twice", (1, 1, 2))])
def test_models_are_those_of_kenlm(name, min_counts):
    vocabulary = Vocabulary()
    vocabulary.add("<unk>")  # KenLM's models always hold it
    ours, _ = trained(KENLM / "text", min_counts=min_counts, vocabulary=vocabulary)
    expected, found = (entries(model) for model in (read_arpa(KENLM / f"{name}.arpa.gz"), ours))
    assert found.keys() == expected.keys()
    for ngram, values in expected.items():
        assert found[ngram] == pytest.approx(values, abs=1e-5), ngram


def entries(model):
    """Log-probability and back-off by n-gram."""
    return {
        tuple(model.names[word] for word in words): values
        for order in range(1, model.order + 1)
        for words, *values in zip(
            model.ngrams.words(order).tolist(), model.log_prob[order - 1], model.back_off[order - 1], strict=True
        )
    }


@pytest.mark.skipif(TLM is None, reason="irstlm is not installed")
def test_perplexity_is_near_that_of_irstlm(tmp_path):
    text, held_out = make_text(tmp_path / "text", 1, 6000, 10**6), make_text(tmp_path / "dev", 2, 500, 10**6)
    lines = text.read_text().splitlines()
    (tmp_path / "marked").write_text("".join(f"<s> {line} </s>\n" for line in lines))
    command = [str(TLM), f"-tr={tmp_path}/marked", "-n=3", "-lm=msb", "-ps=no", f"-oarpa={tmp_path}/theirs.arpa"]
    subprocess.run(command, check=True, capture_output=True)
    theirs = read_arpa(tmp_path / "theirs.arpa")
    ours, _ = trained(text)
    values = []
    for model in (ours, theirs):
        numbers = {name: number for number, name in enumerate(model.names) if number > 1}
        values.append(perplexity(model, read_sentences(held_out, Vocabulary("<unk>", False, numbers))).value)
    assert values[0] < 1.01 * values[1]
