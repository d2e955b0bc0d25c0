"""Programs on trees, models and alignments: Kaldi's output, byte for byte, and their errors."""

import numpy as np
import pytest
from golden_hmm import GOLDEN, LANG, both_models, load

from houseblend.hmm.alignment import phone_segments


@both_models
def test_what_kaldi_prints(name, run_program):
    here = GOLDEN / name
    model = here / "transitions.mdl"
    shown = run_program("show-transitions", LANG / "phones.txt", model, check=True).stdout
    assert shown == (here / "transitions.txt").read_bytes()
    info = run_program("hmm-info", model, check=True).stdout
    info += run_program("tree-info", here / "tree", check=True).stdout
    assert info == (here / "info.txt").read_bytes()
    assert (
        run_program("copy-tree", "--binary=false", here / "tree", "-", check=True).stdout
        == (here / "tree.txt").read_bytes()
    )


@pytest.mark.parametrize(
    ("program", "options", "expected"),
    [
        ("ali-to-pdf", [], "pdfs.txt"),
        ("ali-to-phones", ["--per-frame"], "phones.txt"),
        ("ali-to-phones", ["--write-lengths=true"], "phone_lens.txt"),
    ],
)
def test_alignments_become_what_kaldi_makes_of_them(program, options, expected, run_program):
    here = GOLDEN / "tri1"
    command = (program, *options, here / "transitions.mdl", f"ark:{here}/ali.txt", "ark,t:-")
    assert run_program(*command, check=True).stdout == (here / expected).read_bytes()


def test_ctm(run_program):
    here = GOLDEN / "mono"
    command = ("ali-to-phones", "--ctm-output", here / "transitions.mdl", f"ark:{here}/ali.txt", "-")
    done = run_program(*command, check=True)
    assert done.stdout == (here / "ctm").read_bytes()


def test_show_alignments_sets_phones_below_their_ids(run_program):
    here = GOLDEN / "mono"
    done = run_program(
        "show-alignments", LANG / "phones.txt", here / "transitions.mdl", f"ark:head -n 1 {here}/ali.txt |", check=True
    )
    ids, phones, empty, _ = done.stdout.decode().split("\n")
    assert ids.startswith("george-1-01  [ 122 121")
    assert phones.split() == ["george-1-01", "W", "AH", "N"]
    assert len(ids) == len(phones)
    assert ids.index("[ 20") == phones.index("AH")
    assert empty == ""


@both_models
@pytest.mark.parametrize("form", ["ark", "ark,t"])
def test_training_graphs_are_kaldis(name, form, run_program, tmp_path):
    here = GOLDEN / name
    (tmp_path / "text.int").write_bytes(b"".join((GOLDEN / "text.int").read_bytes().splitlines(keepends=True)[:3]))
    run_program(
        "compile-train-graphs", f"--read-disambig-syms={LANG}/phones/disambig.int", here / "tree",
        here / "transitions.mdl", LANG / "L.fst", f"ark:{tmp_path}/text.int", f"{form}:{tmp_path}/graphs", check=True,
    )  # fmt: skip
    if form == "ark,t":
        assert (tmp_path / "graphs").read_bytes() == (here / "graphs.txt").read_bytes()
    else:
        from houseblend.io.tables import read_table, write_table
        from houseblend.lang import fst_table  # noqa: F401

        with write_table(f"ark,t:{tmp_path}/again", "fst") as write:
            for key, graph in read_table(f"ark:{tmp_path}/graphs", "fst"):
                write(key, graph)
        assert (tmp_path / "again").read_bytes() == (here / "graphs.txt").read_bytes()


def test_transcripts_with_unknown_words_are_skipped_and_counted(run_program, tmp_path):
    here = GOLDEN / "mono"
    command = ("compile-train-graphs", here / "tree", here / "transitions.mdl", LANG / "L.fst", "ark:-")
    done = run_program(*command, f"ark:{tmp_path}/graphs", stdin=b"a 3 4\nb 77\n")
    assert done.status == 0
    assert "[b]" in done.stderr
    assert "77" in done.stderr
    assert "done 1 utterances, skipped 1" in done.stderr
    assert run_program(*command, f"ark:{tmp_path}/none", stdin=b"b 77\n").status == 1
    assert not (tmp_path / "none").exists()


def test_alignments_of_another_model_are_refused(run_program, tmp_path):
    out = tmp_path / "pdfs"
    done = run_program("ali-to-pdf", GOLDEN / "mono" / "transitions.mdl", "ark:-", f"ark:{out}", stdin=b"u1 3 4 133\n")
    assert done.status == 1
    assert "u1" in done.stderr
    assert "133" in done.stderr
    assert not out.exists()


def test_loops_before_their_transitions():
    """Kaldi's graphs without reordering: the self-loop of a state comes first."""
    model = load("mono")[1]
    states = [number for number in range(1, len(model.states) + 1) if model.states[number - 1][0] in (4, 9)]
    ids, frames = [], {4: 0, 9: 0}
    for number in states:
        loop = int(model.self_loop_of[number])
        forward = next(i for i in range(model.first_id[number], model.first_id[number + 1]) if i != loop)
        ids += [loop, loop, forward]
        frames[model.states[number - 1][0]] += 3
    twice = np.array(ids + ids)
    lengths = [(phone, end - start) for phone, start, end in phone_segments(twice, model)]
    assert lengths == [*frames.items(), *frames.items()]
    assert phone_segments(twice[:0], model) == []


def test_a_phone_twice_is_two_phones():
    model = load("mono")[1]
    ids = []
    for number in (number for number in range(1, len(model.states) + 1) if model.states[number - 1][0] == 6):
        loop = int(model.self_loop_of[number])
        ids += [next(i for i in range(model.first_id[number], model.first_id[number + 1]) if i != loop), loop, loop]
    assert phone_segments(np.array(ids + ids), model) == [(6, 0, len(ids)), (6, len(ids), 2 * len(ids))]
