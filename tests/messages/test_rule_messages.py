"""One line for every rule of the validators: the message names file, line, key, what is wrong, and what to do.

The last test holds the table complete: every place of the validators' modules where an error is made has its line.
"""

import ast
import contextlib
import inspect
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "io"))
from small_directories import WRITERS, write_alignments
from test_data_dir import make

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.frames import store
from houseblend.frames.store import FrameStore, validate_store
from houseblend.io import data_dir, data_files, directories, json_files, lang_files
from houseblend.io.data_dir import fix_data_dir, problems, validate_any_data
from houseblend.io.directories import KINDS, validate

Edit = Callable[[Path], object]
RUN_LANG, FIX, FRAMES = "run prepare_lang", "run fix-data-dir", "run make_frames"
CANNOT = "mend it (fix-data-dir cannot: no utterance would be left)"


def line(name: str, number: int, text: str | bytes) -> Edit:
    """Replace a line, counted from 1."""

    def edit(folder: Path) -> None:
        rows = (folder / name).read_bytes().split(b"\n")
        rows[number - 1] = text.encode() if isinstance(text, str) else text
        (folder / name).write_bytes(b"\n".join(rows))

    return edit


def whole(name: str, content: str) -> Edit:
    """Replace the whole file."""
    return lambda folder: (folder / name).write_text(content)


def gone(name: str) -> Edit:
    """Remove the file."""
    return lambda folder: (folder / name).unlink()


def nothing_there(folder: Path) -> None:
    """Remove the directory."""
    shutil.rmtree(folder)


def add_silence(folder: Path) -> None:
    """The silence phone stands among the others, too."""
    for suffix in ("txt", "int"):
        path = folder / f"phones/nonsilence.{suffix}"
        path.write_text(path.read_text() + (folder / f"phones/silence.{suffix}").read_text())


def both(*edits: Edit) -> Edit:
    """Several edits."""

    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def alignment(ids: dict[str, list[int]]) -> Edit:
    """Replace the second file of alignments."""
    return lambda folder: write_alignments(folder / "ali.2.gz", ids)


CHECKS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "data": ("data", lambda path: [_raise(found) for found in problems(path, ["text", "feats.scp"])]),
    "any data": ("data", validate_any_data),
    "segments": ("segments", lambda path: [_raise(found) for found in problems(path)]),
    "fix": ("data", fix_data_dir),
    "ids": ("data", lambda path: data_files.read_ids(path / "ids")),
    "store": ("frames", validate_store),
    "subset": ("frames", lambda path: FrameStore(path).subset("heldout")),
    "no subset": ("frames", lambda path: FrameStore(path).subset("dev")),
    **{kind: (kind, lambda path, kind=kind: validate(kind, path)) for kind in KINDS if kind != "data"},
}
"""Name in the table -> the kind of directory to begin with, and what checks it."""

RULES: list[tuple[str, Edit, str, int | None, str | None, str, str, str]] = [
    # check, edit, file, line, key, what is wrong, expected, what to do
    ("data", nothing_there, "", None, None, "no such directory", "a data directory", "run the step"),
    ("data", gone("utt2spk"), "utt2spk", None, None, "no such file", "UTTERANCE SPEAKER", "write it"),
    ("data", gone("spk2utt"), "spk2utt", None, None, "no such file", "SPEAKER UTTERANCE", FIX),
    ("data", gone("text"), "text", None, None, "no such file", "UTTERANCE WORD", "write it"),
    ("data", both(gone("utt2spk"), lambda f: (f / "utt2spk").mkdir()), "utt2spk", None, None, "no such file", "UTT", "write"),
    ("any data", both(gone("wav.scp"), gone("feats.scp")), "", None, None, "neither wav.scp nor feats.scp", "one", "add"),
    ("any data", line("text", 2, ""), "text", 2, None, "a line without a key", "UTTERANCE WORD", FIX),
    ("data", whole("segments", "x\n"), "segments", 1, "x", "bad line", "RECORDING START END", CANNOT),
    ("data", both(whole("segments", "x"), gone("wav.scp")), "segments", None, None, "segments without wav.scp", "", "add wav.scp"),
    ("data", whole("text", ""), "text", None, None, "the file is empty", "UTTERANCE WORD", "fill it"),
    ("data", whole("text", "ann-1 one"), "text", 1, None, "the last line has no end", "", "complete it"),
    ("data", line("text", 1, b"\xef\xbb\xbfann-1 one"), "text", 1, None, "begins with a byte order mark", "", FIX),
    ("data", line("text", 2, b"ann-2 one\r"), "text", 2, None, "carriage return", "", FIX),
    ("data", line("text", 2, b"ann-2 caf\xe9"), "text", 2, "ann-2", "not UTF-8", "UTTERANCE WORD", "convert it with iconv"),
    ("data", line("text", 2, "ann-2 one\u00a0two"), "text", 2, "ann-2", "U+00A0 (no-break space) in the line", "UTTERANCE", FIX),
    ("data", line("text", 2, b"ann-2 a\0b"), "text", 2, "ann-2", "a NUL byte", "UTTERANCE WORD", "remove it"),
    ("data", line("text", 2, ""), "text", 2, None, "a line without a key", "UTTERANCE WORD", FIX),
    ("data", line("text", 2, "ann-2 one <s>"), "text", 2, "ann-2", "bad line", "none of the words <s>", FIX),
    ("data", line("spk2utt", 1, "ann"), "spk2utt", 1, "ann", "bad line", "SPEAKER UTTERANCE ...", FIX),
    ("segments", line("segments", 1, "ann-1 rec0 2 1"), "segments", 1, "ann-1", "bad line", "0 <= START < END", FIX),
    ("data", line("wav.scp", 2, "ann-2 ~/a.wav"), "wav.scp", 2, "ann-2", "bad line", "not beginning with ~", FIX),
    ("data", whole("reco2file_and_channel", "ann-1 a C\n"), "reco2file_and_channel", 1, "ann-1", "bad line", "A or B", CANNOT),
    ("data", whole("reco2dur", "ann-1 0\n"), "reco2dur", 1, "ann-1", "bad line", "RECORDING SECONDS", CANNOT),
    ("data", line("feats.scp", 1, "ann-1"), "feats.scp", 1, "ann-1", "bad line", "ARCHIVE:OFFSET", FIX),
    ("data", whole("vad.scp", "ann-1\n"), "vad.scp", 1, "ann-1", "bad line", "ARCHIVE:OFFSET", CANNOT),
    ("data", line("cmvn.scp", 1, "ann"), "cmvn.scp", 1, "ann", "bad line", "SPEAKER ARCHIVE:OFFSET", FIX),
    ("data", line("spk2gender", 1, "ann x"), "spk2gender", 1, "ann", "bad line", "m or f", FIX),
    ("data", whole("spk2warp", "ann 2\n"), "spk2warp", 1, "ann", "bad line", "between 0.5 and 1.5", CANNOT),
    ("data", whole("utt2warp", "ann-1 0\n"), "utt2warp", 1, "ann-1", "bad line", "between 0.5 and 1.5", CANNOT),
    ("data", whole("utt2lang", "ann-1\n"), "utt2lang", 1, "ann-1", "bad line", "UTTERANCE LANGUAGE", CANNOT),
    ("data", whole("utt2uniq", "ann-1\n"), "utt2uniq", 1, "ann-1", "bad line", "UTTERANCE ORIGINAL", CANNOT),
    ("data", line("utt2orig", 1, "ann-1"), "utt2orig", 1, "ann-1", "bad line", "UTTERANCE ORIGINAL", FIX),
    ("data", line("utt2dur", 4, "bob-1 -1"), "utt2dur", 4, "bob-1", "bad line", "UTTERANCE SECONDS", FIX),
    ("data", line("utt2num_frames", 4, "bob-1 3.5"), "utt2num_frames", 4, "bob-1", "bad line", "UTTERANCE FRAMES", FIX),
    ("data", line("text", 3, "ann-1 again"), "text", 3, "ann-1", "the key stands twice", "", FIX),
    ("data", line("text", 3, "zed-1 one"), "text", 4, "bob-1", "not sorted", "a key behind zed-1", FIX),
    ("data", line("utt2spk", 1, "ann-1 zed"), "utt2spk", 2, "ann-2", "speaker ann behind zed", "speakers in the order", "prefixes"),
    ("data", line("spk2utt", 1, "ann ann-1 ann-2"), "spk2utt", 1, "ann", "differs from utt2spk: ann-3", "utt2spk gives", FIX),
    ("data", line("cmvn.scp", 2, "bib /c.ark:3"), "cmvn.scp", 2, "bib", "speaker that is not in utt2spk", "", FIX),
    ("data", whole("feats.scp", "ann-1 /dev/null\n"), "feats.scp", None, "ann-2", "utterance without a line", "a line for every", FIX),
    ("data", line("text", 1, "ann-1"), "text", 1, "ann-1", "an empty transcript", "words", FIX),
    ("any data", line("feats.scp", 1, "ann-1 f:1"), "feats.scp", 1, "ann-1", "f is not there", "a name from the root", FIX),
    ("fix", whole("text", "zed one\n"), "", None, None, "no utterance would be left", "", "by hand; first reason: not in text"),
    ("ids", both(), "ids", None, None, "no such file", "a list of ids", "check the name"),
    ("ids", both(whole("ids", ""), line("ids", 1, b"\xe9")), "ids", 1, None, "not UTF-8", "a list of ids", "convert it"),
    ("lang", nothing_there, "", None, None, "no such directory", "of kind lang", "run the step"),
    ("lang", gone("words.txt"), "words.txt", None, None, "no such file", "", RUN_LANG),
    ("lang", whole("words.txt", ""), "words.txt", None, None, "the file is empty", "", RUN_LANG),
    ("lang", line("phones.txt", 2, "SIL one"), "phones.txt", 2, "SIL", "bad line", "SYMBOL NUMBER", RUN_LANG),
    ("lang", line("phones.txt", 2, "SIL 0"), "phones.txt", 2, "SIL", "number 0, which <eps> has", "", RUN_LANG),
    ("lang", line("words.txt", 1, "<eps> 9999"), "words.txt", None, None, "no <eps> with number 0", "", RUN_LANG),
    ("lang", whole("phones/silence.int", ""), "phones/silence.int", None, None, "0 lines, silence.txt has 1", "", RUN_LANG),
    ("lang", line("phones/silence.txt", 1, "NOISE"), "phones/silence.txt", 1, "NOISE", "unknown symbol", "", RUN_LANG),
    ("lang", line("phones/silence.int", 1, "2"), "phones/silence.int", 1, None, "2", "1", RUN_LANG),
    ("lang", gone("oov.int"), "oov.int", None, None, "no such file", "", RUN_LANG),
    ("lang", gone("phones/sets.int"), "phones/sets.int", None, None, "no such file", "", RUN_LANG),
    ("lang", line("phones/sets.txt", 1, b"\xe9"), "phones/sets.txt", 1, None, "not UTF-8", "", RUN_LANG),
    ("lang", add_silence, "phones/nonsilence.txt", 20, "SIL", "also in silence.txt", "", RUN_LANG),
    ("lang", both(whole("phones/silence.txt", "SIL SIL\n"), whole("phones/silence.int", "1 1\n")), "phones/silence.txt", 1, None,
     "2 symbols", "one symbol a line", RUN_LANG),
    ("lang", both(whole("phones/silence.txt", ""), whole("phones/silence.int", "")), "phones.txt", None, "SIL",
     "neither silence nor other phone", "", RUN_LANG),
    ("lang", both(whole("phones/optional_silence.txt", ""), whole("phones/optional_silence.int", "")),
     "phones/optional_silence.txt", None, None, "not one silence phone", "", RUN_LANG),
    ("lang", both(whole("phones/sets.txt", "SIL\n"), whole("phones/sets.int", "1\n")), "phones/sets.txt", None, "AH",
     "do not hold every phone once", "", RUN_LANG),
    ("lang", whole("topo", "<Topology>"), "topo", None, None, "cut off", "</Topology>", RUN_LANG),
    ("lang", whole("topo", "<Topology> </Topology>"), "topo", None, None, "phone 1 has not exactly one entry", "all of", RUN_LANG),
    ("ali", whole("num_jobs", "many"), "num_jobs", 1, None, "found 'many'", "a number above 0", "run align"),
    ("ali", whole("num_jobs", "3"), "ali.3.gz", None, None, "no such file", "", "run align"),
    ("ali", alignment({"a1": [1]}), "ali.2.gz", None, "a1", "aligned twice", "", "run align"),
    ("ali", alignment({"c": [0]}), "ali.2.gz", None, "c", "no alignment", "transition-ids from 1", "run align"),
    ("ali", both(alignment({}), lambda f: shutil.copy(f / "ali.2.gz", f / "ali.1.gz")), "", None, None,
     "no utterance is aligned", "", "run align"),
    ("model", whole("final.mdl", "<Nnet3>"), "final.mdl", None, None, "the file begins with b'<Nnet3>'", "<TransitionModel>", "run"),
    ("exp", whole("feature.json", "{"), "feature.json", None, None, "no JSON", "", "run train_dnn"),
    ("exp", whole("feature.json", "[]"), "feature.json", None, None, "no JSON object", "{...}", "run train_dnn"),
    ("exp", whole("feature.json", "{}"), "feature.json", None, "kind", "the field is missing", "a string", "run train_dnn"),
    ("exp", whole("feature.json", '{"kind": 1}'), "feature.json", None, "kind", "found '1'", "a string", "run train_dnn"),
    ("exp", whole("ledger.jsonl", "{}\n{\n{}\n"), "ledger.jsonl", 2, None, "no JSON", "", "begin a new directory"),
    ("graph", whole("num_pdfs", "8"), "num_pdfs", None, None, "8 pdfs, graph.json says 7", "", "run make_graph"),
    ("frames", whole("index.json", "{}"), "index.json", None, "dim", "the field is missing", "a whole number", FRAMES),
    ("frames", whole("index.json", '{"dim": 1, "shards": ["x"]}'), "index.json", None, "shards", "broken index", "whole numbers",
     FRAMES),
    ("frames", whole("pdfs.0.i32", "short"), "pdfs.0.i32", None, None, "5 bytes", "40 bytes", FRAMES),
    ("decode", gone("lat.1.gz"), "lat.1.gz", None, None, "no such file", "", "run decode"),
    ("store", gone("index.json"), "index.json", None, None, "no such file", "", FRAMES),
    ("store", whole("index.json", "{"), "index.json", None, None, "no JSON", "", FRAMES),
    ("store", whole("index.json", '{"format": 1, "dim": 0, "num_pdfs": 1, "shards": []}'), "index.json", None, None,
     "sizes that cannot be", "above 0", FRAMES),
    ("store", whole("utterances", "a train 0 0 0 9"), "utterances", 1, None, "the last line has no end", "", FRAMES),
    ("store", whole("index.json", '{"format": 9, "dim": 1, "num_pdfs": 1, "shards": []}'), "index.json", None, None, "format 9",
     "format 1", FRAMES),
    ("store", gone("utterances"), "utterances", None, None, "no such file", "", FRAMES),
    ("store", whole("utterances", "a train\n"), "utterances", 1, None, "bad line", "KEY SUBSET", FRAMES),
    ("store", gone("feats.0.f32"), "feats.0.f32", None, None, "no such file", "", FRAMES),
    ("store", whole("feats.0.f32", "short"), "feats.0.f32", None, None, "5 bytes", "120 bytes", FRAMES),
    ("store", whole("utterances", "a train 0 0 1 9\n"), "utterances", None, "a", "overlap or leave a gap", "", FRAMES),
    ("store", whole("utterances", "a train 0 0 2 9\n"), "utterances", None, "a", "do not hold these frames", "", FRAMES),
    ("store", whole("utterances", "a train 0 0 0 9\n"), "utterances", None, None, "other numbers of frames", "", FRAMES),
    ("store", whole("utterances", "a train 0 0 0 0\n"), "", None, "a", "0 pdfs", "T > 0 pdfs", "again"),
    ("store", lambda f: (f / "feats.0.f32").write_bytes(b"\xff" * 120), "", None, "a", "not finite", "finite numbers", "again"),
    ("store", lambda f: (f / "pdfs.0.i32").write_bytes(b"\xff" * 40), "", None, "a", "pdf -1", "0 to 6", "again"),
    ("subset", both(), "", None, None, "subset heldout is empty", "", "larger share"),
    ("no subset", both(), "", None, None, "subset 'dev'", "train, heldout, combine", "name one of them"),
]  # fmt: skip

MODULES = (data_dir, data_files, directories, json_files, lang_files, store)


@pytest.fixture
def watched(monkeypatch):
    """Where errors are made: file and line."""
    seen: set[tuple[str, int]] = set()
    original = HouseBlendError.__init__

    def note(self: HouseBlendError, *words: object, **named: object) -> None:
        frame = sys._getframe(1)
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        original(self, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(HouseBlendError, "__init__", note)
    return seen


def _raise(failure: InputError) -> None:
    raise failure


def _directory(kind: str, folder: Path) -> Path:
    speakers = {"ann": 3, "bob": 5, "cyd": 2}
    if kind in ("data", "segments"):
        return make(folder, speakers, segments=kind == "segments")
    return WRITERS[kind](folder)


def _identity(row: tuple) -> str:
    return f"{row[0]}-{row[2]}-{row[5]}"


@pytest.mark.parametrize("row", RULES, ids=_identity)
def test_a_broken_rule_is_named(row, tmp_path):
    check, edit, file, number, key, what, expected, do = row
    kind, validator = CHECKS[check]
    folder = _directory(kind, tmp_path / "place")
    edit(folder)
    with pytest.raises(InputError) as caught:
        validator(folder)
    failure = caught.value
    assert Path(str(failure.file)) == (folder / file if file else folder)
    assert what in failure.what
    assert (failure.line, failure.key) == (number, key)
    assert expected in (failure.expected or "")
    assert bool(expected) == bool(failure.expected)
    assert do in (failure.do or "")
    for part in (str(failure.file), failure.what, failure.expected or "", failure.do or ""):
        assert part in str(failure)


def _made_errors(module: ModuleType) -> Iterable[tuple[int, int, str]]:
    """First and last line of every `InputError(...)` in a module, with its text."""
    source = inspect.getsource(module)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InputError":
            yield node.lineno, node.end_lineno or node.lineno, ast.get_source_segment(source, node) or ""


def test_every_rule_has_its_line(tmp_path_factory, watched):
    for check, edit, *_ in RULES:
        kind, validator = CHECKS[check]
        folder = _directory(kind, tmp_path_factory.mktemp("rule") / "place")
        edit(folder)
        with contextlib.suppress(InputError):
            validator(folder)
    missing = [
        f"{Path(str(module.__file__)).name}:{first}: {text}"
        for module in MODULES
        for first, last, text in _made_errors(module)
        if not any(file == module.__file__ and first <= number <= last for file, number in watched)
    ]
    assert not missing, "\n".join(missing)
