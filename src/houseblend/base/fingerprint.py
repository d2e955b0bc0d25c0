"""Content hashes (SHA-256), and the record of a directory's files that saves hashing them twice."""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

_NO_CONTENT = re.compile(r"log|\..*|split\d+(utt)?")
_RESULTS = (".begun.json", "HCLG.fst", "lat.1.gz", "egs.1.ark")
"""Files by which a folder is known for what was made of the directory above: a step's output, Kaldi's graphs, lattices, examples."""
LEDGER = "ledger.jsonl"
"""By which a folder is known for that of a training."""
BETWEEN_ROUNDS = re.compile(r"\d+\.(grown\.)?(raw|nnet)|\d+\.state(\.\d+)?\.npz")
"""Names of the models and states of a training between its rounds: nobody reads them when it is done."""
_FEATURE_SCRIPTS = ("feats.scp", "cmvn.scp")
_WITHIN = re.compile(r"(:\d+)?(\[[^]]*\])?\s*$")
"""Offset and range behind the name of an archive."""
FileRecord = tuple[int, int, str]
"""Size in bytes, modification time in nanoseconds, SHA-256 of the content."""


def hash_bytes(data: bytes | memoryview) -> str:
    """SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file's content in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_json(value: object) -> str:
    """SHA-256 of `value` as JSON with sorted keys."""
    return hash_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def record_files(place: Path, known: dict[str, FileRecord]) -> dict[str, FileRecord]:
    """Records of a file (name ".") or of all files below a directory.

    Logs, hidden files, split-data's parts, what a training keeps between rounds, and what other steps have written below the
    directory do not count; the archives of features that a data directory names elsewhere do.
    A file whose size and time agree with `known` keeps the hash found there.
    """
    names = ["."] if place.is_file() else that_count(_content_files(place))
    return {name: _record(place / name if name != "." else place, known.get(name)) for name in names}


def that_count(names: Collection[str]) -> list[str]:
    """The files of a directory, or of a record of it, without those of trainings under way: `rounds/`, models and states by number."""
    trainings = [name.removesuffix(LEDGER) for name in names if name.rpartition("/")[2] == LEDGER]
    kept = list(names)
    for place in trainings:
        under_way = re.compile(re.escape(place) + f"(rounds/.*|{BETWEEN_ROUNDS.pattern})", re.DOTALL)
        kept = [name for name in kept if not under_way.fullmatch(name)]
    return kept


def walk_behind_links(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As os.walk, in the order of names, also behind links to directories; none is entered twice."""
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield parent, folders, sorted(files)


def _content_files(folder: Path) -> list[str]:
    found: list[str] = []
    for parent, folders, files in walk_behind_links(folder):
        folders[:] = (name for name in folders if not _NO_CONTENT.fullmatch(name) and not _is_result(parent, name))
        found += [os.path.relpath(os.path.join(parent, name), folder) for name in files if not name.startswith(".")]
    return sorted({*found, *_archives_elsewhere(folder)})


def _is_result(parent: str, name: str) -> bool:
    return any(os.path.exists(os.path.join(parent, name, mark)) for mark in _RESULTS)


def _archives_elsewhere(folder: Path) -> Iterator[str]:
    """The files outside a data directory that hold its features, as paths from it."""
    real = os.path.realpath(folder)
    lines = [line for name in _FEATURE_SCRIPTS if (folder / name).is_file() for line in _lines(folder / name)]
    for place in {_WITHIN.sub("", line.split(maxsplit=1)[-1]) for line in lines if line.strip()}:
        path = os.path.relpath(os.path.realpath(place), real)
        if path.startswith("..") and os.path.isfile(place):
            yield path


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()


def _record(path: Path, known: FileRecord | None) -> FileRecord:
    stat = path.stat()
    if known is not None and (stat.st_size, stat.st_mtime_ns) == (known[0], known[1]):
        return known[0], known[1], known[2]
    return stat.st_size, stat.st_mtime_ns, hash_file(path)
