"""Objects that ESPnet-style tools write into archives with kaldiio, and that Kaldi does not know.

A mark, the number of bytes of a length, the length (little-endian), and a whole file: `NPY` for numpy's, `AUDIO` for one
that libsndfile reads (WAV, FLAC). `PKL` stands before a pickled object, which is never read. The only importer of kaldiio,
which reads the arrays, after their header is checked against the bytes that are there; recordings are read by `audio`, as
everywhere, since libsndfile alone believes their headers.
"""

import math
from io import BytesIO
from typing import Any

import numpy as np

from houseblend.io.streams import InputStream, in_memory

_NUMPY, _AUDIO, _PICKLE = b"NPY", b"AUDIO", b"PKL"
_TAKES = {
    "matrix": (2, "f", "real numbers in two dimensions"),
    "vector": (1, "f", "real numbers in one dimension"),
    "int-vector": (1, "iu", "whole numbers in one dimension"),
    "wav": (0, "", "a recording"),
}
"""Kinds of object (see `holders`) in whose place such ones may stand: dimensions, kinds of numbers, both in words."""
KINDS = tuple(_TAKES)
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def is_foreign(stream: InputStream) -> bool:
    """Whether such an object stands at the stream's present place."""
    return stream.peek(len(_AUDIO)).startswith((_NUMPY, _AUDIO, _PICKLE))


def read_foreign(stream: InputStream, kind: str) -> Any:
    """Read the object as one of this kind.

    Raises:
        InputError: it is pickled, truncated, broken or of another kind, or kaldiio is not installed.
    """
    if stream.peek(len(_PICKLE)) == _PICKLE:
        expected = "numbers or audio: what is pickled can run any command when it is read"
        raise stream.fail("a pickled object", expected=expected, do='write it with write_function="numpy"')
    if stream.peek(len(_NUMPY)) == _NUMPY:
        return _as_kind(_read_array(stream), kind, stream)
    if kind != "wav":
        raise stream.fail("a recording", expected=_TAKES[kind][2], do="make features of it")
    from houseblend.io.audio import read_audio

    whole, start = _whole(stream, _AUDIO)
    return read_audio(in_memory(whole[start:], stream.name))


def _whole(stream: InputStream, mark: bytes) -> tuple[bytes, int]:
    """All bytes of an object, and where the file in it begins."""
    head = stream.read(len(mark) + 1)
    width = head[-1] if len(head) > len(mark) else 0
    head += stream.read(width)
    size = int.from_bytes(head[len(mark) + 1 :], "little")
    data = stream.read(size) if width <= 8 and size <= stream.left() else b""
    if not data or len(data) < size:
        raise stream.fail("a truncated object", expected=f"{size} bytes" if 0 < width <= 8 else "its length")
    return head + data, len(head)


def _read_array(stream: InputStream) -> np.ndarray:
    try:
        from kaldiio import matio
    except ImportError:
        what = "a numpy array, as ESPnet-style tools write it with kaldiio"
        raise stream.fail(what, expected="Kaldi's format, or kaldiio", do="pip install 'houseblend[espnet]'") from None
    whole, start = _whole(stream, _NUMPY)
    try:
        _check_header(whole[start:])
        array: Any = matio.read_kaldi(BytesIO(whole))
    except Exception as failure:  # numpy parses the header as Python does, and what that raises is not told
        raise stream.fail(f"no numpy array that is whole: {str(failure)[:120]}") from None
    return array


def _check_header(data: bytes) -> None:
    """Whether the shape that a numpy file announces is that of the bytes that are there, and no object is among them."""
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"format {version[0]}.{version[1]}")
    shape, _, dtype = _HEADERS[version](file)
    there = len(data) - file.tell()
    if dtype.kind not in "fiu" or math.prod(shape) * dtype.itemsize != there or min(shape, default=0) < 0:
        raise ValueError(f"{there} bytes, announced are numbers of type {dtype} in shape {shape}")


def _as_kind(array: np.ndarray, kind: str, stream: InputStream) -> np.ndarray:
    dimensions, numbers, expected = _TAKES[kind]
    if array.ndim != dimensions or array.dtype.kind not in numbers:
        raise stream.fail(f"a numpy array of {array.dtype} in shape {array.shape}", expected=expected)
    if kind != "int-vector":
        return np.array(array, np.float64 if array.dtype.itemsize == 8 else np.float32, order="C")
    if len(array) and not -(2**31) <= array.min() <= array.max() < 2**31:
        raise stream.fail("whole numbers beyond 32 bits", expected="numbers of 32 bits")
    return array.astype(np.int32)
