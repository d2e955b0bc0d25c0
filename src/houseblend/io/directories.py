"""Validators of the toolkit's kinds of directory: data, lang, ali, model, exp, graph, frames, decode.

They look at what a reader of the directory relies on: the files are there, whole, and agree with each other. What lies
inside a model or graph is checked by who reads it.
"""

from collections.abc import Callable
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import LEDGER
from houseblend.io.data_dir import MAKE, validate_any_data
from houseblend.io.json_files import parse_json, read_json
from houseblend.io.lang_files import read_symbol_table, require_content, validate_lang
from houseblend.io.numbers import INT32, to_int
from houseblend.io.tables import read_table
from houseblend.io.text import MARK

ALIGN, TRAIN, GRAPH, FRAMES, DECODE = "run align", "run train_dnn", "run make_graph", "run make_frames", "run decode"


def validate(kind: str, path: Path) -> None:
    """Check a directory of the kind named; kinds that are not in `KINDS` are not checked.

    Raises:
        InputError: naming file and line, what was expected and what to do.
    """
    if not path.is_dir():
        raise InputError("no such directory", file=path, expected=f"a directory of kind {kind}", do=MAKE)
    if kind in KINDS:
        KINDS[kind](path)


def validate_ali(path: Path) -> None:
    """Check an alignment directory: its model, and every alignment (ids from 1, no utterance twice).

    Raises:
        InputError: a file is missing, truncated, or an alignment cannot be right.
    """
    _require_model(path, ALIGN)
    seen: set[str] = set()
    for file in _numbered(path, "ali", ALIGN):
        for key, ids in read_table(f"ark:{file}", "int-vector"):
            if key in seen:
                raise InputError("aligned twice", file=file, key=key, do=ALIGN)
            if len(ids) == 0 or ids.min() < 1:
                raise InputError("no alignment", file=file, key=key, expected="transition-ids from 1", do=ALIGN)
            seen.add(key)
    if not seen:
        raise InputError("no utterance is aligned", file=path, do=ALIGN)


def validate_model(path: Path) -> None:
    """Check what every step reads of a model directory: final.mdl and tree (one made by Kaldi may hold no more).

    Raises:
        InputError: one is missing or does not begin as such a file.
    """
    _require_model_files(path, "run train_mono or train_dnn")


def validate_exp(path: Path) -> None:
    """Check a model directory: final.mdl, tree, phones.txt, feature.json, cmvn_opts, and the ledger if there is one.

    Raises:
        InputError: a file is missing or broken.
    """
    _require_model(path, TRAIN)
    read_json(path / "feature.json", {"kind": str, "options": dict, "fingerprint": str}, TRAIN)
    require_content(path / "cmvn_opts", TRAIN)
    if (path / LEDGER).exists():
        lines = (path / LEDGER).read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], start=1):
            parse_json(line, path / LEDGER, {}, "begin a new directory", number)


def validate_graph(path: Path) -> None:
    """Check a graph directory: HCLG.fst, symbol tables, number of pdfs.

    Raises:
        InputError: a file is missing or broken.
    """
    require_content(path / "HCLG.fst", GRAPH)
    read_symbol_table(path / "words.txt", GRAPH)
    read_symbol_table(path / "phones.txt", GRAPH)
    num_pdfs = read_count(path / "num_pdfs", GRAPH)
    if (path / "graph.json").exists():
        recorded = read_json(path / "graph.json", {"num_pdfs": int}, GRAPH)["num_pdfs"]
        if recorded != num_pdfs:
            raise InputError(f"{num_pdfs} pdfs, graph.json says {recorded}", file=path / "num_pdfs", do=GRAPH)


def validate_frames(path: Path) -> None:
    """Check a frame store: its model, its index, and the sizes of its shards (validate-frames reads all of it).

    Raises:
        InputError: a file is missing or has another size.
    """
    _require_model(path, FRAMES)
    require_content(path / "utterances", FRAMES)
    index = read_json(path / "index.json", {"dim": int, "shards": list}, FRAMES)
    if not all(type(frames) is int for frames in index["shards"]):
        raise InputError("broken index", file=path / "index.json", key="shards", expected="whole numbers", do=FRAMES)
    for number, frames in enumerate(index["shards"]):
        for name, size in ((f"feats.{number}.f32", 4 * frames * index["dim"]), (f"pdfs.{number}.i32", 4 * frames)):
            require_content(path / name, FRAMES)
            found = (path / name).stat().st_size
            if found != size:
                raise InputError(f"{found} bytes", file=path / name, expected=f"{size} bytes", do=FRAMES)


def validate_decode(path: Path) -> None:
    """Check a decode directory: the lattice files are there.

    Raises:
        InputError: one is missing or empty.
    """
    _numbered(path, "lat", DECODE)


KINDS: dict[str, Callable[[Path], None]] = {
    "data": validate_any_data,
    "lang": validate_lang,
    "ali": validate_ali,
    "model": validate_model,
    "exp": validate_exp,
    "graph": validate_graph,
    "frames": validate_frames,
    "decode": validate_decode,
}


def _require_model(path: Path, do: str) -> None:
    """final.mdl and tree look like such files, and phones.txt is a symbol table."""
    _require_model_files(path, do)
    read_symbol_table(path / "phones.txt", do)


def _require_model_files(path: Path, do: str) -> None:
    """final.mdl and tree look like such files."""
    for name, mark in (("final.mdl", b"<TransitionModel>"), ("tree", b"ContextDependency")):
        require_content(path / name, do)
        with open(path / name, "rb") as file:
            start = file.read(len(mark) + 2)
        if mark not in start:
            raise InputError(f"the file begins with {start!r}", file=path / name, expected=mark.decode(), do=do)


def _numbered(path: Path, stem: str, do: str) -> list[Path]:
    """The files stem.1.gz to stem.n.gz, n from num_jobs."""
    files = []
    for number in range(1, read_count(path / "num_jobs", do) + 1):
        files.append(path / f"{stem}.{number}.gz")
        require_content(files[-1], do)
    return files


def read_count(path: Path, do: str) -> int:
    """The number above 0 in a file such as num_jobs; `do` is what errors advise.

    Raises:
        InputError: the file is missing, or holds something else.
    """
    require_content(path, do)
    text = path.read_bytes().removeprefix(MARK).decode(errors="replace").strip()
    try:
        return to_int(text, range(1, INT32.stop))
    except ValueError:
        raise InputError(f"found {text[:60]!r}", file=path, line=1, expected="a number above 0", do=do) from None
