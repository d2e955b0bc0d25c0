"""Word error rates against a second implementation; intervals against their coverage; the choice of weights."""

import gzip
import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from houseblend.base.errors import InputError, UsageError
from houseblend.cli.compute_wer import main as compute_wer
from houseblend.decode.options import ScoreOptions
from houseblend.decode.score import middle_of_plateau
from houseblend.decode.wer import Counts, compare, count_errors, interval, score_all, total

words = st.lists(st.sampled_from("abc"), max_size=7)


def distance(reference, hypothesis):
    """Edit distance by plain recursion."""

    @cache
    def between(i, j):
        if i == 0 or j == 0:
            return i + j
        same = reference[i - 1] == hypothesis[j - 1]
        return min(between(i - 1, j - 1) + (not same), between(i - 1, j) + 1, between(i, j - 1) + 1)

    return between(len(reference), len(hypothesis))


@given(words, words)
def test_errors_are_the_edit_distance_and_lengths_agree(reference, hypothesis):
    counts = count_errors(reference, hypothesis)
    assert counts.errors == distance(tuple(reference), tuple(hypothesis))
    assert counts.words == len(reference)
    assert len(hypothesis) == len(reference) - counts.deletions + counts.insertions


def test_modes_for_missing_hypotheses():
    references, hypotheses = {"a": ["x"], "b": ["y"]}, {"a": ["x"]}
    assert total(score_all(references, hypotheses, "all")[0]) == Counts(2, 0, 1, 0)
    assert total(score_all(references, hypotheses, "present")[0]) == Counts(1, 0, 0, 0)
    with pytest.raises(InputError, match="1 utterances have no hypothesis"):
        score_all(references, hypotheses, "strict")


def test_the_interval_covers_the_truth_about_95_times_in_100():
    chance = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        errors = chance.binomial(5, 0.1, size=100)
        counts = {str(index): Counts(5, 0, 0, int(count)) for index, count in enumerate(errors)}
        low, high = interval(counts, seed=trial, resamples=1000)
        covered += low <= 10.0 <= high
    assert 180 <= covered <= 199


def test_a_paired_comparison_sees_what_intervals_apart_do_not():
    chance = np.random.default_rng(6)
    base = chance.binomial(5, 0.3, size=200)
    first = {str(i): Counts(5, 0, 0, int(n)) for i, n in enumerate(base)}
    second = {str(i): Counts(5, 0, 0, max(0, int(n) - int(i % 10 == 0))) for i, n in enumerate(base)}
    result = compare(first, second)
    assert result.high < 0
    assert interval(second)[1] > interval(first)[0]
    with pytest.raises(InputError, match="different utterances"):
        compare(first, {"0": Counts(5)})


def test_the_middle_of_the_plateau_is_chosen():
    errors = {
        (weight, penalty): 0 if 4 <= weight <= 12 else 3 for weight in range(1, 21) for penalty in (0.0, 1.0, 2.0)
    }
    assert middle_of_plateau(errors) == (8, 1.0)
    assert middle_of_plateau({pair: count + 10 for pair, count in errors.items()}) == (10, 1.0)
    errors = {pair: count + 10 for pair, count in errors.items()}
    errors[19, 0.0] = 1
    assert middle_of_plateau(errors) == (19, 0.0)


def test_compute_wer_prints_what_kaldi_prints(run_program, tmp_path):
    (tmp_path / "ref").write_text("u1 one two three\nu2 four\n")
    (tmp_path / "hyp").write_text("u1 one two two three\nu2 five\n")
    done = run_program("compute-wer", f"ark:{tmp_path}/ref", f"ark:{tmp_path}/hyp", check=True)
    assert done.stdout.decode() == (
        "%WER 50.00 [ 2 / 4, 1 ins, 0 del, 1 sub ]\n%SER 100.00 [ 2 / 2 ]\nScored 2 sentences, 0 not present in hyp.\n"
    )


@pytest.mark.parametrize(("mode", "first"), [("all", "%WER 40.00 [ 2 / 5, 0 ins, 2 del, 0 sub ] [PARTIAL]"),
                                             ("present", "%WER 0.00 [ 0 / 3, 0 ins, 0 del, 0 sub ] [PARTIAL]")])  # fmt: skip
def test_missing_hypotheses_mark_the_line(mode, first, tmp_path, capsys):
    (tmp_path / "ref").write_text("u1 a b c\nu2 d e\n")
    (tmp_path / "hyp").write_text("u1 a b c\n")
    assert compute_wer.main([f"--mode={mode}", f"ark:{tmp_path}/ref", f"ark:{tmp_path}/hyp"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == first
    assert lines[2].endswith(", 1 not present in hyp.")


@pytest.mark.parametrize("form", ["ark", "ark.gz", "scp"])
@pytest.mark.parametrize("broken", ["ref", "hyp"])
@pytest.mark.parametrize("mode", ["strict", "all", "present"])
def test_a_key_that_stands_twice_is_refused_with_its_line(form, broken, mode, tmp_path, capsys):
    rows = (
        ["u1 a", "", "u2 b c", "u1 a", "u3 d"] if form != "scp" else [f"u{n} {tmp_path}/one" for n in (1, 4, 2, 1, 3)]
    )
    (tmp_path / "one").write_text("a\n")
    for name in ("ref", "hyp"):
        text = "".join(f"{row}\n" for row in (rows if name == broken else sorted(set(rows) - {""})))
        with (gzip.open if form == "ark.gz" else open)(tmp_path / (name + form[3:]), "wt") as file:
            file.write(text)
    places = [f"{form[:3]}:{tmp_path}/{name}{form[3:]}" for name in ("ref", "hyp")]
    assert compute_wer.main([f"--mode={mode}", *places]) == 1
    found = capsys.readouterr()
    assert f"{tmp_path}/{broken}{form[3:]}:4: [u1] the key stands twice; remove one" in found.err
    assert found.out == ""


def test_compare_wer_refuses_other_data(run_program, tmp_path):
    for name, utterances in (("a", {"u": {"words": 1}}), ("b", {"v": {"words": 1}})):
        (tmp_path / name).mkdir()
        value = {"lm_weight": 10, "insertion_penalty": 0.0, "utterances": utterances}
        (tmp_path / name / "score.json").write_text(json.dumps(value))
    done = run_program("compare-wer", tmp_path / "a", tmp_path / "b")
    assert done.status == 1
    assert "different utterances" in done.stderr


def test_compare_wer_prints_bootstrap_and_matched_pairs_of_the_same_transcripts(run_program, tmp_path):
    for name, kinds, reference in (("a", "CSSC", "x"), ("b", "CCSC", "x"), ("c", "CCCC", "y")):
        counts = {"words": 4, "substitutions": kinds.count("S")}
        value = {"lm_weight": 10, "insertion_penalty": 0.0, "reference": reference}
        (tmp_path / name).mkdir()
        (tmp_path / name / "score.json").write_text(json.dumps({**value, "utterances": {"u": counts, "v": counts}}))
        rows = {"ref": "p q r s", "hyp": "p q t s", "op": " ".join(kinds)}
        lines = [f"{key} {row}  {words}\n" for key in "uv" for row, words in rows.items()]
        (tmp_path / name / "per_utt").write_text("".join(lines))
    done = run_program("compare-wer", tmp_path / "a", tmp_path / "b", check=True).stdout.decode()
    assert "difference -25.00" in done
    assert "matched pairs: 2 segments" in done
    done = run_program("compare-wer", tmp_path / "a", tmp_path / "c")
    assert (done.status, done.stdout) == (1, b"")
    assert "scored on other transcripts" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_lmwt": 0}, "--min-lmwt=0"),
        ({"min_lmwt": 9, "max_lmwt": 8}, "--max-lmwt=8"),
        ({"penalties": "0,x"}, "0,x"),
    ],
)
def test_weights_and_penalties_that_are_none_are_refused(given, said):
    with pytest.raises(UsageError, match=said):
        ScoreOptions(**given)
    assert ScoreOptions(2, 3, "0,0.5").pairs() == [(2, 0.0), (2, 0.5), (3, 0.0), (3, 0.5)]
