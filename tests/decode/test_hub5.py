"""Hub5 scoring against sclite, error by error: on fresh tests where sctk is installed, else on a frozen one."""

import secrets
from pathlib import Path

import pytest
from hub5_tests import SCTK, pairs_of, plain_tests, random_test, sc_stats, sclite

from houseblend.base.errors import InputError
from houseblend.decode.glm import Rules
from houseblend.decode.hub5 import is_scored, score_ctm
from houseblend.decode.matched_pairs import error_pairs, matched_pairs
from houseblend.decode.stm_ctm import read_ctm, read_stm
from houseblend.decode.wer import Counts
from houseblend.decode.word_network import Network, align, tokens

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "hub5"
FROZEN_SC_STATS = (444, -5.034)


def scored(folder, stm="stm", ctm="ctm", glm="glm"):
    rules = folder / glm if glm else None
    return score_ctm(read_stm(folder / stm)[0], read_ctm(folder / ctm), folder / stm, folder / ctm, rules)


def verdict(folder):
    """Alignments by segment that sclite made of a frozen test."""
    found = {}
    for line in (folder / "sclite").read_text().splitlines():
        key, *pairs = line.split(" ")
        found[key] = [tuple(word or None for word in pair.split(",")) for pair in pairs if pair]
    return found


def test_every_error_is_one_of_sclite(tmp_path):
    if SCTK.is_dir():
        folder, seed = tmp_path, secrets.randbits(32)
        theirs = pairs_of(sclite(folder, *random_test(seed)))
    else:
        folder, seed, theirs = GOLDEN, "frozen", verdict(GOLDEN)
    ours = {one.key: [tuple(pair) for pair in one.pairs] for one in scored(folder)}
    assert len(theirs) >= 200
    assert ours == theirs, seed


def test_the_frozen_test_is_scored_as_sclite_did():
    assert {one.key: [tuple(pair) for pair in one.pairs] for one in scored(GOLDEN)} == verdict(GOLDEN)


def test_matched_pairs_are_those_of_sc_stats(tmp_path):
    seed = secrets.randbits(32) if SCTK.is_dir() else 1000
    stm, *ctms = plain_tests(seed)
    for name, text in zip(("stm", "one", "two"), (stm, *ctms), strict=True):
        (tmp_path / name).write_text(text)
    kinds = [
        {one.key: "".join(pair.kind for pair in one.pairs) for one in scored(tmp_path, ctm=name, glm=None)}
        for name in ("one", "two")
    ]
    segments, score = sc_stats(tmp_path, stm, tuple(ctms)) if SCTK.is_dir() else FROZEN_SC_STATS
    found = matched_pairs(*kinds)
    assert found.segments == segments, seed
    assert abs(found.score + score) <= 0.0006, seed


def test_segments_of_matched_pairs_end_at_two_good_words():
    assert error_pairs("SCCS", "CCCC") == [(1, 0), (1, 0)]
    assert error_pairs("SCS", "CCC") == [(2, 0)]
    assert error_pairs("CCICC", "CCDC") == [(1, 1)]
    assert error_pairs("CCC", "CCC") == []
    assert error_pairs("CSC", "CC") == [(1, 0)]


def test_rules_hold_in_their_context_and_for_their_kind(tmp_path):
    path = tmp_path / "glm"
    path.write_text(
        ';; rules\n* name "x"\nA => B / [ ] __ [ ]\n[C D] => [E]\nF => {G / H} / [X ] __ [ Y] ;; comment\n'
        ';; INPUT_DEPENDENT_APPLICATION = "ctm"\nI => [{J / K}] / [ ] __ [ ]\n'
    )
    assert Rules.read(path, "stm ref").filter("a aa c d f x f y i") == "B AA E F X {G / H} Y I"
    assert Rules.read(path, "ctm hyp").filter("i") == "{J / K}"
    assert Rules.read(path, "stm ref").filter("(uh um) well-known th- -ing") == "(UH) (UM) WELL KNOWN TH- -ING"
    for line, what in (("A B", "no rule"), ("A => B / [ ]", "context without __"), (" => B", "no rule")):
        path.write_text(f";; rules\n{line}\n")
        with pytest.raises(InputError, match=rf"glm:2: .*{what}"):
            Rules.read(path, "stm ref")


def test_alternatives_optional_words_and_fragments():
    def kinds(reference, hypothesis):
        return "".join(pair.kind for pair in align(Network(tokens(reference)), Network(tokens(hypothesis))))

    assert kinds("a { b / c d } e", "a c d e") == "CCCC"
    assert kinds("a { b / @ } e", "a e") == "CC"
    assert kinds("a (uh) b", "a b") == "CCC"
    assert kinds("a th- b", "a the b") == "CCC"
    assert kinds("a", "b") == "S"
    for broken in ("a { b", "a } b"):
        with pytest.raises(InputError, match="without"):
            Network(tokens(broken))


@pytest.mark.parametrize(
    ("stm", "ctm", "message"),
    [
        ("a A s 0 2 x\n", "b A 0 1 x\n", r"ctm:1: file b channel A is not in .*stm"),
        ("a A s 0 2 x\n", "a B 0 1 x\n", r"ctm:1: file a channel B is not in"),
        ("a A s 0 2 x\n", "", r"ctm: no words"),
        ("a A s 2 0 x\n", "a A 0 1 x\n", r"stm:1: cannot read .*expected FILE CHANNEL SPEAKER START END"),
        ("a A s 0 2 x\n", "a A 0 one x\n", r"ctm:1: cannot read .*expected FILE CHANNEL START DURATION WORD"),
        ("a A s 0 2 { x\n", "a A 0 1 x\n", r"stm:1: \{ without \}"),
        ("a A s 0 2 x\n", "a A 0 1 \xe9\n", r"ctm:1: not UTF-8"),
        ("\ufeff;;\n", "a A 0 1 x\n", r"stm: no segments; name the stm of this test"),
        ("a A s 0 2 x\nA a s 0 2 y\n", "a A 0 1 x\n", r"stm:2: the segment of line 1 again"),
        ("a A s 0 2 x\0\n", "a A 0 1 x\n", r"stm:1: a NUL byte"),
        ("a A s 0 2 IGNORE_TIME_SEGMENT_IN_SCORING\n", "a A 0 1 x\n", r"stm: no segments to score"),
    ],
)
def test_files_that_do_not_fit_are_one_clear_message(tmp_path, stm, ctm, message):
    (tmp_path / "stm").write_text(stm, encoding="utf-8")
    (tmp_path / "ctm").write_bytes(ctm.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        scored(tmp_path, glm=None)


def test_words_may_come_in_any_order_and_those_that_come_twice_are_told(tmp_path, capfd):
    (tmp_path / "stm").write_bytes(b"\xef\xbb\xbfa A s 0 2 x y\r\na A s 2 4 z\r\n")
    (tmp_path / "ctm").write_text("a A 2.5 0.2 z\na A 1.0 0.2 y\na A 0.5 0.2 x\na A 1.0 0.2 y\n")
    assert [one.counts for one in scored(tmp_path, glm=None)] == [Counts(2, 1, 0, 0), Counts(1, 0, 0, 0)]
    assert "ctm: 1 words stand there twice, such as y of a A at 1.00 s" in capfd.readouterr().err


def test_the_program_prints_subsets_and_speakers(run_program):
    done = run_program("score-ctm", f"--glm={GOLDEN / 'glm'}", GOLDEN / "stm", GOLDEN / "ctm", check=True)
    rows = {line[: line.index("  ")].strip(): line.split()[-6:] for line in done.stdout.decode().splitlines()[1:]}
    assert rows["all"] == rows["subset Overall"]
    parts = [rows["subset Switchboard"], rows["subset CallHome"]]
    assert [int(one) + int(other) for one, other in zip(*(row[:5] for row in parts), strict=True)] == [
        int(one) for one in rows["all"][:5]
    ]
    assert sum(name.startswith("speaker") for name in rows) == 6


def test_noises_hesitations_and_fragments_are_not_in_a_ctm():
    words = ["[noise]", "[laughter]", "<unk>", "um", "Uh", "th-", "yeah", "-ing"]
    assert [word for word in words if is_scored(word)] == ["yeah", "-ing"]
