"""A small valid directory of every kind, as little as the validators ask for."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from houseblend.io.holders import encode

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def write_lang(folder: Path) -> Path:
    """A lang directory that Kaldi's prepare_lang.sh wrote."""
    shutil.copytree(GOLDEN / "lang", folder, ignore=shutil.ignore_patterns("kenlm"))
    (folder / "oov.txt").write_text("<SIL>\n")
    return folder


def write_kaldi_model(folder: Path) -> Path:
    """The beginnings of a model and a tree: as little as Kaldi's own programs leave."""
    folder.mkdir()
    (folder / "final.mdl").write_bytes(b"\0B<TransitionModel> <Topology> ...")
    (folder / "tree").write_bytes(b"ContextDependency 1 0 ToPdf ...")
    return folder


def write_model(folder: Path) -> Path:
    """The same with what our steps put beside it."""
    write_kaldi_model(folder)
    (folder / "phones.txt").write_text("<eps> 0\nSIL 1\nA 2\n#0 3\n")
    (folder / "feature.json").write_text(json.dumps({"kind": "mfcc", "options": {}, "fingerprint": "ab"}))
    (folder / "cmvn_opts").write_text("--norm-means=true\n")
    return folder


def write_alignments(path: Path, ids: dict[str, list[int]]) -> None:
    """A file of alignments."""
    with gzip.open(path, "wb") as file:
        for key, numbers in ids.items():
            file.write(f"{key} ".encode() + encode("int-vector", np.array(numbers, dtype=np.int32), binary=True))


def write_ali(folder: Path) -> Path:
    """Two files of alignments."""
    write_model(folder)
    for number in (1, 2):
        write_alignments(folder / f"ali.{number}.gz", {f"{name}{number}": list(range(1, 20)) for name in "ab"})
    (folder / "num_jobs").write_text("2\n")
    return folder


def write_exp(folder: Path) -> Path:
    """An experiment of one round."""
    write_model(folder)
    (folder / "ledger.jsonl").write_text('{"format": 1, "kind": "round"}\n')
    return folder


def write_graph(folder: Path) -> Path:
    """A graph directory with its record."""
    folder.mkdir()
    (folder / "HCLG.fst").write_bytes(b"fst")
    for name in ("words.txt", "phones.txt"):
        (folder / name).write_text("<eps> 0\none 1\n")
    (folder / "num_pdfs").write_text("7\n")
    (folder / "graph.json").write_text('{"num_pdfs": 7}')
    return folder


def write_frames(folder: Path) -> Path:
    """A frame store of ten frames."""
    write_model(folder)
    (folder / "index.json").write_text('{"format": 1, "dim": 3, "num_pdfs": 7, "shards": [10]}')
    (folder / "utterances").write_text("a train 0 0 0 10\n")
    (folder / "feats.0.f32").write_bytes(bytes(120))
    (folder / "pdfs.0.i32").write_bytes(bytes(40))
    return folder


def write_decode(folder: Path) -> Path:
    """A decode directory."""
    folder.mkdir()
    (folder / "num_jobs").write_text("1\n")
    (folder / "lat.1.gz").write_bytes(b"lattices")
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "lang": write_lang,
    "model": write_kaldi_model,
    "ali": write_ali,
    "exp": write_exp,
    "graph": write_graph,
    "frames": write_frames,
    "decode": write_decode,
}
