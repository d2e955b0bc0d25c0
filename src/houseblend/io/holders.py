"""The kinds of object that a table can hold, and how each is read and written (Kaldi's util/kaldi-holder).

| kind | Python value |
|---|---|
| matrix | array of shape [rows, columns], float32 or float64 |
| vector | array of shape [n], float32 or float64 |
| int-vector | int32 array of shape [n] |
| int-pairs | list of (int, int) |
| posterior | list over frames of lists of (index, weight) |
| int, float, token, tokens | int, float, str, list of str |
| htk | features in an HTK file: float32 array of shape [rows, columns] |
| wav | (rate in Hz, float32 samples on the int16 scale, shape [samples, channels]) |
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.compression import compress, decompress
from houseblend.io.foreign import KINDS, is_foreign, read_foreign
from houseblend.io.numbers import to_float, to_int
from houseblend.io.objects import BINARY_MARKER, KaldiInput, KaldiOutput, format_real
from houseblend.io.streams import InputStream, in_memory, parsing
from houseblend.io.text import decode as decode_text
from houseblend.io.text import spoken_words, words_of

Read = Callable[[InputStream], Any]
Write = Callable[[Any, bool], bytes]


@dataclass(frozen=True)
class Holder:
    """How a kind is read from a stream at its first byte, and what bytes it is written as (value, binary?)."""

    read: Read
    write: Write


_HOLDERS: dict[str, Holder] = {}


def register_kind(kind: str, read: Read, write: Write) -> None:
    """Teach the tables a kind: `read(stream)` from its first byte, `write(value, binary) -> bytes`."""
    _HOLDERS[kind] = Holder(read, write)


def decode(kind: str, stream: InputStream) -> Any:
    """The object of this kind at the stream's present place; InputError if there is none."""
    with parsing(stream, kind):
        if kind in KINDS and is_foreign(stream):
            return read_foreign(stream, kind)
        return _HOLDERS[kind].read(stream)


def encode(kind: str, value: Any, binary: bool, compression_method: int | None = None) -> bytes:
    """The bytes of one object behind its key."""
    if compression_method is not None:
        return _HOLDERS["compressed-matrix"].write((value, compression_method), binary)
    return _HOLDERS[kind].write(value, binary)


def _through_objects(
    read: Callable[[KaldiInput], Any], write: Callable[[KaldiOutput, Any], None]
) -> tuple[Read, Write]:
    def read_object(stream: InputStream) -> Any:
        return read(KaldiInput(stream))

    def write_bytes(value: Any, binary: bool) -> bytes:
        buffer = BytesIO()
        write(KaldiOutput(buffer, binary), value)
        return buffer.getvalue()

    return read_object, write_bytes


def _by_line(
    read_binary: Callable[[KaldiInput], Any],
    write_binary: Callable[[KaldiOutput, Any], None],
    parse: Callable[[list[str]], Any],
    words: Callable[[Any], str],
    expected: str,
    split: Callable[[str], list[str]] = words_of,
) -> tuple[Read, Write]:
    """Kinds whose text form is the rest of the line."""

    def read(stream: InputStream) -> Any:
        if stream.peek(2) == BINARY_MARKER:
            return read_binary(KaldiInput(stream))
        line = stream.next_line()
        if line is None:
            raise stream.fail("the archive ends behind a key", text=True, expected="an object")
        try:
            found = split(decode_text(line))
        except ValueError as failure:
            raise stream.fail(str(failure), text=True, expected=expected) from None
        try:
            return parse(found)
        except (ValueError, IndexError, OverflowError):
            raise stream.fail(f"cannot read {line[:60]!r}", text=True, expected=expected) from None

    def write(value: Any, binary: bool) -> bytes:
        if not binary:
            return words(value).encode() + b"\n"
        buffer = BytesIO()
        write_binary(KaldiOutput(buffer), value)
        return buffer.getvalue()

    return read, write


def _read_ints(stream: KaldiInput) -> np.ndarray:
    data = stream.read_bytes(5 * stream.read_count(5))
    items = np.frombuffer(data, dtype=np.dtype([("size", "i1"), ("value", "<i4")]))
    if (items["size"] != 4).any():
        raise stream.fail("no vector of 32-bit integers")
    return items["value"].astype(np.int32)


def _write_ints(stream: KaldiOutput, values: Any) -> None:
    items = np.empty(len(values), dtype=np.dtype([("size", "i1"), ("value", "<i4")]))
    items["size"], items["value"] = 4, values
    stream.write_int(len(values))
    stream.stream.write(items.tobytes())


def _read_pairs(stream: KaldiInput) -> list[tuple[int, int]]:
    return [(stream.read_int(), stream.read_int()) for _ in range(stream.read_count(10))]


def _write_pairs(stream: KaldiOutput, pairs: Any) -> None:
    stream.write_int(len(pairs))
    for pair in pairs:
        stream.write_int(pair[0])
        stream.write_int(pair[1])


def _parse_pairs(words: list[str]) -> list[tuple[int, int]]:
    groups = " ".join(words).split(";") if words else []
    pairs = [tuple(to_int(word) for word in group.split()) for group in groups]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("pairs")
    return [(pair[0], pair[1]) for pair in pairs]


def _read_posterior(stream: KaldiInput) -> list[list[tuple[int, float]]]:
    frames = stream.read_count(5)
    return [[(stream.read_int(), stream.read_float()) for _ in range(stream.read_count(10))] for _ in range(frames)]


def _write_posterior(stream: KaldiOutput, posterior: Any) -> None:
    stream.write_int(len(posterior))
    for frame in posterior:
        stream.write_int(len(frame))
        for index, weight in frame:
            stream.write_int(index)
            stream.write_float(weight)


def _parse_posterior(words: list[str]) -> list[list[tuple[int, float]]]:
    frames: list[list[str]] = []
    is_open = False
    for word in words:
        if (word == "[") == is_open:
            raise ValueError("brackets")
        if word == "[":
            frames.append([])
        elif word != "]":
            frames[-1].append(word)
        is_open = word != "]"
    if is_open:
        raise ValueError("brackets")
    return [[(to_int(i), to_float(w)) for i, w in zip(frame[::2], frame[1::2], strict=True)] for frame in frames]


def _posterior_words(posterior: Any) -> str:
    frames = ("[ " + "".join(f"{i} {format_real(w).decode()} " for i, w in frame) + "]" for frame in posterior)
    return "".join(f"{frame} " for frame in frames)


def _read_gauss_posterior(stream: KaldiInput) -> list[list[tuple[int, np.ndarray]]]:
    frames = stream.read_count(2)
    return [[(stream.read_int(), stream.read_vector()) for _ in range(stream.read_count(4))] for _ in range(frames)]


def _write_gauss_posterior(stream: KaldiOutput, posterior: Any) -> None:
    stream.write_int(len(posterior))
    for frame in posterior:
        stream.write_int(len(frame))
        for pdf, weights in frame:
            stream.write_int(pdf)
            stream.write_vector(weights)
    stream.newline()


def _read_wav(stream: InputStream) -> Any:
    from houseblend.io.audio import read_audio

    return read_audio(stream)


def _write_wav(value: Any, binary: bool) -> bytes:
    from houseblend.io.audio import encode_wav

    return encode_wav(*value)


def _read_htk(stream: InputStream) -> Any:
    from houseblend.io.htk import read_htk

    return read_htk(stream)


def _write_htk(value: Any, binary: bool) -> bytes:
    from houseblend.io.htk import encode_htk

    return encode_htk(value)


def _read_matrix(stream: InputStream) -> np.ndarray:
    """A matrix, compressed or not; shape [rows, columns]."""
    return (_read_compressed if stream.peek(4) == b"\0BCM" else _read_plain)(stream)


def _read_plain(stream: InputStream) -> np.ndarray:
    return KaldiInput(stream).read_matrix()


def _read_compressed(stream: InputStream) -> np.ndarray:
    """Kaldi's CM, CM2, CM3 (matrix/compressed-matrix): a header of the global range and the size, then bytes."""
    stream.read(2)
    return _read_bare_compressed(stream)


def _read_bare_compressed(stream: InputStream) -> np.ndarray:
    """The same without the binary marker, as it stands inside other objects."""
    token = stream.peek(4).partition(b" ")[0].decode(errors="replace")
    cell = {"CM": 1, "CM2": 2, "CM3": 1}.get(token)
    head = stream.read(len(token) + 17)[-16:] if cell else b""
    if cell is None or len(head) < 16:
        raise stream.fail("no compressed matrix", expected="CM, CM2 or CM3, and its header")
    minimum, span, rows, columns = struct.unpack("<ffii", head)
    size = rows * columns * cell + (8 * columns if token == "CM" else 0)
    if rows < 0 or columns < 0 or (rows == 0) != (columns == 0) or not math.isfinite(minimum + span):
        raise stream.fail(f"a compressed matrix of {rows} x {columns}, from {minimum:g} over {span:g}")
    body = stream.read(size) if size <= stream.left() else b""
    if len(body) != size:
        raise stream.fail(f"a truncated matrix of {rows} x {columns}", expected=f"{size} more bytes")
    return decompress(token, minimum, span, rows, columns, body)


def _write_matrix(values: np.ndarray, binary: bool) -> bytes:
    buffer = BytesIO()
    KaldiOutput(buffer, binary).write_matrix(values)
    return buffer.getvalue()


def _write_compressed(value: tuple[np.ndarray, int], binary: bool) -> bytes:
    """A matrix by Kaldi's method 1 to 7; as text, the values that are left of it."""
    matrix, method = np.asarray(value[0], dtype=np.float32), value[1]
    if not np.isfinite(matrix).all():
        raise InputError("a matrix that is not finite cannot be compressed", do="write it without compression")
    data = BINARY_MARKER + compress(matrix, method)
    return data if binary else _write_matrix(_read_matrix(in_memory(data)), False)


def _only(words: list[str]) -> str:
    (word,) = words
    return word


def _write_real(stream: KaldiOutput, value: Any) -> None:
    stream.stream.write(b"\4" + struct.pack("<f", value))


register_kind("matrix", _read_matrix, _write_matrix)
register_kind("compressed-matrix", _read_matrix, _write_compressed)
register_kind("bare-compressed-matrix", _read_bare_compressed, _write_compressed)
register_kind("vector", *_through_objects(KaldiInput.read_vector, KaldiOutput.write_vector))
register_kind(
    "int",
    *_by_line(
        KaldiInput.read_int, KaldiOutput.write_int, lambda w: to_int(_only(w)), lambda v: f"{v} ", "a whole number"
    ),
)
register_kind(
    "float",
    *_by_line(
        KaldiInput.read_float,
        _write_real,
        lambda w: to_float(_only(w)),
        lambda v: format_real(v).decode() + " ",
        "a number",
    ),
)
register_kind(
    "int-vector",
    *_by_line(_read_ints, _write_ints, lambda w: np.array([to_int(x) for x in w], dtype=np.int32),
              lambda v: "".join(f"{x} " for x in v), "whole numbers"),
)  # fmt: skip
register_kind(
    "int-pairs",
    *_by_line(
        _read_pairs,
        _write_pairs,
        _parse_pairs,
        lambda v: " ; ".join(f"{a} {b}" for a, b in v) + " ",
        "pairs of whole numbers, A B ; C D",
    ),
)
register_kind(
    "posterior",
    *_by_line(
        _read_posterior, _write_posterior, _parse_posterior, _posterior_words, "[ PDF WEIGHT ... ] for every frame"
    ),
)
register_kind("gauss-posterior", *_through_objects(_read_gauss_posterior, _write_gauss_posterior))
register_kind("wav", _read_wav, _write_wav)
register_kind("htk", _read_htk, _write_htk)


def _register_words(kind: str, parse: Callable[[list[str]], Any], words: Callable[[Any], str], expected: str) -> None:
    def no_binary(stream: KaldiInput) -> Any:
        raise stream.fail("binary data", "text")

    read, _ = _by_line(no_binary, lambda stream, value: None, parse, words, expected, spoken_words)
    register_kind(kind, read, lambda value, binary: words(value).encode() + b"\n")


_register_words("token", _only, str, "one word")
_register_words("tokens", list, " ".join, "words")
