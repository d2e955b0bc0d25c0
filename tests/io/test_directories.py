"""Validators of lang, alignment, experiment, graph, frame and decode directories."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from small_directories import WRITERS

from houseblend.base.errors import InputError
from houseblend.io.directories import KINDS, read_count, validate
from houseblend.io.holders import encode


@pytest.fixture
def small(tmp_path):
    """`small("lang")`: a small directory of a kind."""
    return lambda kind: WRITERS[kind](tmp_path / kind)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"data"}))
def test_whole_directories_are_valid_and_no_file_may_be_missing_or_empty(kind, small):
    folder = small(kind)
    validate(kind, folder)
    optional = {"G.fst", "G_uni.fst", "LG.fst", "graph.json", "ledger.jsonl", "oov.txt"}
    unread = {".md", ".arpa"}
    if kind in ("ali", "frames"):
        optional |= {"feature.json", "cmvn_opts"}
    names = [path for path in folder.rglob("*") if path.is_file() and path.name not in optional]
    names = [path for path in names if path.suffix not in unread and not _is_derived(path)]
    assert names
    for path in names:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(InputError) as failure:
            validate(kind, folder)
        assert path.stem in str(failure.value)
        path.write_bytes(b"")
        if content:
            with pytest.raises(InputError):
                validate(kind, folder)
        path.write_bytes(content)
    validate(kind, folder)
    with pytest.raises(InputError, match="no such directory"):
        validate(kind, folder / "none")


def _is_derived(path: Path) -> bool:
    """Files of Kaldi's lang directory that nothing here reads."""
    names = ("align_lexicon", "extra_questions", "wdisambig", "lexicon", "L.fst.txt", "L_disambig.fst.txt", "G.fst.txt")
    return path.name.startswith(names) or path.suffix == ".csl"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("words.txt", "#0 ", "#9 ", "words.txt: no <eps>"),
        ("words.txt", "<eps> 0", "<eps> 1", "words.txt"),
        ("phones.txt", "SIL 1", "SIL one", "phones.txt:2: [SIL] bad line"),
        ("phones/silence.txt", "SIL", "NOISE", "silence.txt:1: [NOISE] unknown symbol"),
        ("phones/silence.int", "1", "2", "silence.int:1: 2; expected 1"),
        ("phones/nonsilence.int", "3\n", "", "nonsilence.int"),
        ("oov.txt", "<SIL>", "nothing", "oov.txt:1: [nothing] unknown symbol"),
        ("topo", "<ForPhones>", "<ForPhones> 1 1", "not exactly one entry"),
        ("topo", "<ForPhones>", "<Phones>", "not exactly one entry"),
    ],
)
def test_a_lang_directory_whose_files_disagree(name, old, new, message, small):
    lang = small("lang")
    text = (lang / name).read_text()
    assert old in text
    (lang / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as failure:
        validate("lang", lang)
    assert message in str(failure.value)


def test_phone_lists_share_out_the_phones(small):
    lang = small("lang")
    for suffix in ("txt", "int"):
        silence = (lang / f"phones/silence.{suffix}").read_text()
        path = lang / f"phones/nonsilence.{suffix}"
        path.write_text(path.read_text() + silence)
    with pytest.raises(InputError, match=r"nonsilence\.txt:\d+: \[SIL\] also in silence\.txt"):
        validate("lang", lang)


def test_alignments_are_read_whole(small):
    ali = small("ali")
    packed = (ali / "ali.2.gz").read_bytes()
    (ali / "ali.2.gz").write_bytes(packed[:-9])
    with pytest.raises(InputError, match=r"ali\.2\.gz"):
        validate("ali", ali)
    plain = gzip.decompress(packed)
    (ali / "ali.2.gz").write_bytes(gzip.compress(plain[:-4]))
    with pytest.raises(InputError, match=r"ali\.2\.gz.*\[b2\]"):
        validate("ali", ali)
    (ali / "ali.2.gz").write_bytes((ali / "ali.1.gz").read_bytes())
    with pytest.raises(InputError, match=r"ali\.2\.gz: \[a1\] aligned twice"):
        validate("ali", ali)
    for ids in ([], [3, 0, 4]):
        data = b"c " + encode("int-vector", np.array(ids, dtype=np.int32), binary=True)
        (ali / "ali.2.gz").write_bytes(gzip.compress(data))
        with pytest.raises(InputError, match=r"\[c\] no alignment"):
            validate("ali", ali)


@pytest.mark.parametrize(
    ("kind", "name", "content", "message"),
    [
        ("ali", "num_jobs", "3", "ali.3.gz: no such file"),
        ("ali", "num_jobs", "many", "num_jobs:1"),
        ("model", "final.mdl", "\0B<Nnet3>", "expected <TransitionModel>"),
        ("ali", "final.mdl", "\0B<Nnet3>", "final.mdl"),
        ("exp", "feature.json", "{", "feature.json: no JSON"),
        ("exp", "feature.json", "[]", "feature.json: no JSON object"),
        ("exp", "feature.json", "{}", "[kind] the field is missing"),
        ("exp", "ledger.jsonl", "{}\n{\n{}\n", "ledger.jsonl:2"),
        ("graph", "num_pdfs", "8", "8 pdfs, graph.json says 7"),
        ("frames", "index.json", "{}", "[dim] the field is missing"),
        ("frames", "pdfs.0.i32", "short", "5 bytes; expected 40 bytes"),
        ("frames", "tree", "no tree", "ContextDependency"),
    ],
)
def test_broken_files_are_named(kind, name, content, message, small):
    folder = small(kind)
    (folder / name).write_text(content)
    with pytest.raises(InputError) as failure:
        validate(kind, folder)
    assert message in str(failure.value)


def test_a_ledger_may_end_in_a_torn_line(small):
    exp = small("exp")
    with open(exp / "ledger.jsonl", "a") as file:
        file.write('{"format": 1, "ki')
    validate("exp", exp)


def test_programs(small, run_program):
    for kind in ("lang", "ali", "exp"):
        name, folder = f"validate-{kind}", small(kind)
        assert f"{folder} is valid" in run_program(name, folder, check=True).stderr
        (folder / "phones.txt").unlink()
        done = run_program(name, folder)
        assert done.status == 1
        assert "phones.txt: no such file" in done.stderr


def test_a_count_behind_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "num_jobs").write_bytes(b"\xef\xbb\xbf12\n")
    assert read_count(tmp_path / "num_jobs", "run align") == 12


def test_a_number_of_jobs_takes_no_memory_for_files_that_are_not_there(small):
    ali = small("ali")
    (ali / "num_jobs").write_text("2000000000\n")
    tracemalloc.start()
    with pytest.raises(InputError, match=r"ali\.3\.gz"):
        validate("ali", ali)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
