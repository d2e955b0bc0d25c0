"""Readers of archives, scripts, recordings, lattices, examples: honest files and what may be accepted of broken ones."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
from cases import Reader, after_lines, anywhere

from houseblend.decode import lattice as lattices
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.frames import egs, nnet2_egs
from houseblend.io.audio import encode_wav
from houseblend.io.holders import encode
from houseblend.io.objects import KaldiOutput
from houseblend.io.tables import Table, read_object, read_script, read_table, write_object, write_table
from houseblend.io.text import MARK
from houseblend.lang import fst_table
from houseblend.lang.fst import Arc, Graph

CHANCE = np.random.default_rng(1)
KNOWN = (lattices, egs, nnet2_egs, fst_table)
"""Their kinds are known to the tables once they are imported."""

MATRICES = {"utt1": CHANCE.normal(size=(3, 4)).astype(np.float32), "utt2": CHANCE.normal(size=(2, 2))}
LATTICE = CompactLattice(
    [[LatticeArc(3, Weight(1.5, 20.25, (4, 4, 9)), 1), LatticeArc(5, Weight(2.5, 18.0, (7,)), 1)], []],
    [None, Weight(0.5, 0.0, (11, 12))], 0,
)  # fmt: skip
GRAPH = Graph([[Arc(1, 2, 0.5, 1), Arc(3, 0, 1.25, 2)], [Arc(2, 4, 0.0, 2)], []], [float("inf"), 2.0, 0.25], 0)
ENTRIES: dict[str, dict[str, Any]] = {
    "matrix": MATRICES,
    "vector": {"a": np.array([1.5, -2, 3], dtype=np.float32), "b": np.array([0.25, 1e10])},
    "int": {"a": 5, "b": -70000},
    "float": {"a": 1.5, "b": -2.25e-8},
    "int-vector": {"a": np.array([1, 2, 2, 70000], dtype=np.int32), "b": np.zeros(0, dtype=np.int32)},
    "int-pairs": {"a": [(1, 2), (3, 4)], "b": [(0, 9)]},
    "posterior": {"a": [[(1, 0.5), (2, 0.5)], [(3, 1.0)]], "b": [[(0, 1.0)]]},
    "gauss-posterior": {
        "a": [[(3, np.array([0.25, 0.75], dtype=np.float32)), (1, np.ones(1, dtype=np.float32))], []],
        "b": [[(0, np.array([0.5, 0.25, 0.25], dtype=np.float32))]],
    },
    "token": {"utt1": "spk1", "utt2": "spk2"},
    "tokens": {"utt1": ["one", "two"], "utt2": ["three"]},
    "lattice": {"a": LATTICE, "b": LATTICE.scaled(2.0, 0.5)},
    "fst": {"a": GRAPH.to_kaldifst()},
}
WITHOUT_BINARY = ("token", "tokens")


def archive(kind: str, binary: bool) -> Reader:
    """A reader of archives of one kind."""
    data = b"".join(key.encode() + b" " + encode(kind, value, binary) for key, value in ENTRIES[kind].items())

    def make(folder: Path) -> None:
        (folder / "a.ark").write_bytes(data)

    def read(folder: Path) -> list[tuple[str, Any]]:
        return list(read_table(f"ark:{folder}/a.ark", kind))

    def judge(folder: Path, found: list[tuple[str, Any]]) -> str | None:
        return same_bytes(kind, found, (folder / "a.ark").read_bytes()) if binary else None

    name = f"{kind} archive, {'binary' if binary else 'text'}"
    return Reader(name, make, read, ("a.ark",), whole=entries(kind, binary), judge=judge)


def entries(kind: str, binary: bool) -> Callable[[bytes, bytes], bool]:
    """A beginning of an archive is an archive where it ends behind an entry; in text, blanks may be lost."""
    pieces = [key.encode() + b" " + encode(kind, value, binary) for key, value in ENTRIES[kind].items()]
    ends = [b"".join(pieces[:count]) for count in range(len(pieces) + 1)]
    return lambda part, honest: part in ends or (not binary and any(part.rstrip() == end.rstrip() for end in ends))


def same_bytes(kind: str, found: list[tuple[str, Any]], data: bytes) -> str | None:
    """Binary forms hold nothing twice and nothing besides: what was read says every byte, but for blanks before keys.

    A single number may be stored in double precision, which takes four bytes more; a byte order mark is passed over.
    """
    data = data.removeprefix(MARK)
    written = sum(len(key.encode()) + 1 + len(encode(kind, value, True)) for key, value in found)
    blanks = len(data) - len(b"".join(data.split()))
    spare = blanks + 4 * len(found) * (kind == "float")
    return None if len(data) - written <= spare else f"{written} of {len(data)} bytes mean something"


def _make_compressed(folder: Path) -> None:
    for method, name in ((1, "a"), (3, "b"), (5, "c")):
        with write_table(f"ark:{folder}/{name}", "matrix", method) as write:
            write(name, np.linspace(-3, 3, 24, dtype=np.float32).reshape(6, 4))
    (folder / "a.ark").write_bytes(b"".join((folder / name).read_bytes() for name in "abc"))
    for name in "abc":
        (folder / name).unlink()


def _at_compressed_end(part: bytes, honest: bytes) -> bool:
    return len(part) in (0, honest.index(b"b \0B"), honest.index(b"c \0B"))


def _make_script(folder: Path) -> None:
    with write_table(f"ark,scp:{folder}/a.ark,{folder}/a.scp", "matrix") as write:
        for key, value in MATRICES.items():
            write(key, value)
    lines = (folder / "a.scp").read_text().splitlines()
    (folder / "a.scp").write_text(f"{lines[0]}\n{lines[1]}\nutt3 {lines[0].split()[1]}[0:1,1:2]\n")


def _read_table_by_key(folder: Path) -> Any:
    table = Table(f"scp:{folder}/a.scp", "matrix")
    return [table[key] for key in table]


def _script_whole(part: bytes, honest: bytes) -> bool:
    if honest.startswith(b"utt1 /"):
        return after_lines(part, honest)
    return False


def _make_gzip(folder: Path) -> None:
    data = b"".join(key.encode() + b" " + encode("matrix", value, True) for key, value in MATRICES.items())
    (folder / "a.ark.gz").write_bytes(gzip.compress(data, mtime=0))


def _make_objects(folder: Path) -> None:
    write_object(f"{folder}/matrix", "matrix", MATRICES["utt1"])
    write_object(f"{folder}/matrix.txt", "matrix", MATRICES["utt2"], binary=False)
    write_object(f"{folder}/vector", "vector", MATRICES["utt1"][0])


def _read_objects(folder: Path) -> Any:
    matrices = [read_object(f"{folder}/matrix{suffix}", "matrix") for suffix in ("", ".txt")]
    return [*matrices, read_object(f"{folder}/vector", "vector")]


SAMPLES = CHANCE.integers(-3000, 3000, (60, 2)).astype(np.int16)
WINDOWS = CHANCE.normal(size=(6, 3)).astype(np.float32)


def recording(form: str, subtype: str) -> Reader:
    """A reader of one form of recordings."""

    def make(folder: Path) -> None:
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, SAMPLES, 8000, format=form, subtype=subtype)
        (folder / "a.wav").write_bytes(buffer.getvalue())

    def judge(folder: Path, found: tuple[int, np.ndarray]) -> str | None:
        rate, samples = found
        ok = (
            rate > 0
            and samples.ndim == 2
            and samples.size > 0
            and samples.dtype == np.float32
            and np.isfinite(samples).all()
        )
        return None if ok else f"{samples.shape} at {rate} Hz"

    return Reader(
        f"recording, {form} {subtype}",
        make,
        lambda folder: read_object(f"{folder}/a.wav", "wav"),
        ("a.wav",),
        judge=judge,
    )


def _make_wav_table(folder: Path) -> None:
    data = b"".join(key + b" " + encode_wav(8000, SAMPLES[:20]) for key in (b"a", b"b"))
    (folder / "w.ark").write_bytes(data)
    (folder / "w.scp").write_text(f"a {folder}/w.ark:2\nb {folder}/w.ark:{2 + len(data) // 2}\n")


def _read_wav_table(folder: Path) -> Any:
    return dict(read_table(f"ark:{folder}/w.ark", "wav")), dict(read_table(f"scp:{folder}/w.scp", "wav"))


def _make_numpy(folder: Path) -> None:
    kaldiio.save_ark(f"{folder}/n.ark", MATRICES, scp=f"{folder}/n.scp", write_function="numpy")


def _read_numpy(folder: Path) -> Any:
    return [dict(read_table(f"{form}:{folder}/n.{form}", "matrix")) for form in ("ark", "scp")]


def _make_audio(folder: Path) -> None:
    for number, form in enumerate(("flac", "wav")):
        entry = {f"utt{number}": (8000, SAMPLES)}
        keywords = {"write_function": "soundfile", "write_kwargs": {"format": form}}
        kaldiio.save_ark(f"{folder}/a.ark", entry, append=number > 0, **keywords)


def _at_second(part: bytes, honest: bytes) -> bool:
    return len(part) in (0, honest.index(b"utt1 "))


def _make_egs(folder: Path) -> None:
    def example(compressed: bool) -> bytes:
        buffer = io.BytesIO()
        out = KaldiOutput(buffer)
        out.write_token("<Nnet3Eg>")
        out.write_token("<NumIo>")
        out.write_int(2)
        for name, rows in (("input", [(n, t) for n in range(2) for t in range(-1, 2)]), ("output", [(0, 0), (1, 0)])):
            out.write_token("<NnetIo>")
            out.write_token(name)
            out.write_token("<I1V>")
            out.write_int(len(rows))
            for n, t in rows:
                buffer.write(b"\x7f")
                for number in (n, t, 0):
                    out.write_int(number)
            if name == "input":
                buffer.write(encode("matrix", WINDOWS, True, 1 if compressed else None)[2:])
            else:
                out.write_token("SM")
                out.write_int(2)
                for pdf in (1, 3):
                    out.write_token("SV")
                    for number in (4, 1, pdf):
                        out.write_int(number)
                    out.write_float(1.0)
            out.write_token("</NnetIo>")
        out.write_token("</Nnet3Eg>")
        return buffer.getvalue()

    (folder / "egs.ark").write_bytes(b"eg1 " + example(False) + b"eg2 " + example(True))


def _judge_egs(folder: Path, found: list[egs.Example]) -> str | None:
    for example in found:
        if not np.isfinite(example.x_NWD).all() or not np.isfinite(example.weights).all():
            return "not finite"
        if len(example.rows) and not 0 <= example.rows.min() <= example.rows.max() < example.num_outputs:
            return "targets without outputs"
        if len(example.pdfs) and example.pdfs.min() < 0:
            return "a pdf below 0"
    return None


def _make_nnet2_egs(folder: Path) -> None:
    def example(simple: bool) -> bytes:
        buffer = io.BytesIO()
        out = KaldiOutput(buffer)
        out.write_token("<NnetExample>")
        out.write_token("<Lab1>" if simple else "<Lab2>")
        if simple:
            out.write_int_vector([3])
        else:
            for number in (1, 2, 0):
                out.write_int(number)
            out.write_float(0.25)
            out.write_int(2)
            out.write_float(0.5)
        out.write_token("<InputFrames>")
        buffer.write(encode("matrix", WINDOWS, True, 1 if simple else None)[2:])
        out.write_token("<LeftContext>")
        out.write_int(1)
        out.write_token("<SpkInfo>")
        out.write_vector(np.empty(0, np.float32))
        out.write_token("</NnetExample>")
        return buffer.getvalue()

    (folder / "egs.ark").write_bytes(b"eg1 " + example(False) + b"eg2 " + example(True))


def _judge_nnet2_egs(folder: Path, found: list[tuple[str, nnet2_egs.Nnet2Example]]) -> str | None:
    for _, example in found:
        if not np.isfinite(example.frames_TD).all() or not 0 <= example.left_context < len(example.frames_TD):
            return "frames that are not finite, or a context beyond them"
        if any(pdf < 0 or not np.isfinite(weight) for pdf, weight in example.labels):
            return "a pdf below 0, or a weight that is not finite"
    return None


def _judge_lattices(folder: Path, found: dict[str, CompactLattice]) -> str | None:
    for lattice in found.values():
        if lattice.start >= 0:
            lattice.finals[lattice.start]
    return None


def _segments(folder: Path) -> Any:
    from houseblend.feat.segments import read_segments

    return list(read_segments(folder / "segments"))


READERS = [
    *(archive(kind, binary) for kind in ENTRIES for binary in (True, False) if not (binary and kind in WITHOUT_BINARY)),
    Reader("matrix archive, compressed", _make_compressed, lambda f: dict(read_table(f"ark:{f}/a.ark", "matrix")),
           ("a.ark",), whole=_at_compressed_end),
    Reader("matrix archive, gzip", _make_gzip, lambda f: dict(read_table(f"ark:{f}/a.ark.gz", "matrix")), ("a.ark.gz",)),
    Reader("matrix script", _make_script, lambda f: dict(read_table(f"scp:{f}/a.scp", "matrix")), ("a.scp", "a.ark"),
           whole=_script_whole),
    Reader("matrix script, by key", _make_script, _read_table_by_key, ("a.scp", "a.ark"), whole=_script_whole),
    Reader("archive, by key", lambda f: (f / "a.ark").write_bytes(b"a 1\nb 2 3\n") and None,
           lambda f: Table(f"ark:{f}/a.ark", "int-vector")["a"], ("a.ark",), whole=after_lines),
    Reader("script lines", _make_script, lambda f: list(read_script(f"{f}/a.scp")), ("a.scp",), whole=after_lines),
    Reader("objects without key", _make_objects, _read_objects, ("matrix", "matrix.txt", "vector")),
    Reader("segments", lambda f: (f / "segments").write_text("a-1 a 0.25 1.5\na-2 a 1.5 2\n") and None, _segments,
           ("segments",), whole=after_lines),
    *(recording(form, subtype) for form, subtype in (
        ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAVEX", "PCM_16"), ("FLAC", "PCM_16"),
        ("NIST", "PCM_16"), ("NIST", "ULAW"))),
    Reader("HTK features", lambda f: write_object(f"{f}/a.htk", "htk", MATRICES["utt1"]), lambda f: read_object(f"{f}/a.htk", "htk"),
           ("a.htk",)),
    Reader("recordings in archive and script", _make_wav_table, _read_wav_table, ("w.ark", "w.scp"), whole=anywhere),
    Reader("numpy arrays by kaldiio", _make_numpy, _read_numpy, ("n.ark", "n.scp"), whole=anywhere),
    Reader("recordings by kaldiio", _make_audio, lambda f: dict(read_table(f"ark:{f}/a.ark", "wav")), ("a.ark",), whole=_at_second),
    Reader("examples of nnet3", _make_egs, lambda f: list(egs.read_egs(f"ark:{f}/egs.ark")), ("egs.ark",),
           whole=lambda part, honest: len(part) in (0, honest.index(b"eg2 ")), judge=_judge_egs),
    Reader("examples of nnet2", _make_nnet2_egs, lambda f: list(nnet2_egs.read_nnet2_egs(f"ark:{f}/egs.ark")), ("egs.ark",),
           whole=lambda part, honest: len(part) in (0, honest.index(b"eg2 ")), judge=_judge_nnet2_egs),
]  # fmt: skip
