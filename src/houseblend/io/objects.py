"""Kaldi's object streams: tokens, numbers, vectors and matrices, in binary or text (Kaldi's io-funcs, kaldi-matrix)."""

import contextlib
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io import streams
from houseblend.io.numbers import INT32, to_float, to_int
from houseblend.io.streams import InputStream, open_sink, open_stream, parsing

BINARY_MARKER = b"\0B"
MAX_DIM = 1 << 20
"""Largest dimension of what has no numbers of its own in a file, so that no file can ask for all memory."""
_MAX_TOKEN = 4096
_SPACE = re.compile(rb"\s")
_UINT32 = range(1 << 32)


class KaldiInput:
    """Reads basic objects from a stream positioned at the start of one Kaldi object.

    Args:
        stream: the bytes, read from its present position.

    Raises:
        InputError: from every method, naming the file and the place, when the stream holds something else.
    """

    def __init__(self, stream: InputStream) -> None:
        self.stream = stream
        self.binary = stream.peek(2) == BINARY_MARKER
        if self.binary:
            stream.read(2)

    @property
    def name(self) -> str:
        """What the stream is called in errors."""
        return self.stream.name

    def fail(self, what: str, expected: str | None = None) -> InputError:
        """An error that names the present place in the stream."""
        return self.stream.fail(what, text=not self.binary, expected=expected)

    def read_bytes(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        data = self.stream.read(size)
        if len(data) != size:
            raise self.fail("the file ends in the middle of an object", f"{size - len(data)} more bytes")
        return data

    def read_token(self) -> str:
        """The next word; in binary it ends at one space, which is consumed."""
        if not self.binary:
            self._skip_space()
        for size in (64, _MAX_TOKEN):
            ahead = self.stream.peek(size)
            space = _SPACE.search(ahead)
            if space is not None:
                break
        if space is None and (self.binary or len(ahead) == _MAX_TOKEN):
            raise self.fail("no token here" if ahead else "the file ends where a token should stand")
        word = self.stream.read(len(ahead) if space is None else space.start())
        if not word:
            raise self.fail("the file ends where a token should stand" if space is None else "no token here")
        if self.binary:
            self.stream.read(1)
        try:
            return word.decode()
        except UnicodeDecodeError:
            raise self.fail("a token is not UTF-8") from None

    def peek_token(self) -> str:
        """The next word, left unread; empty at the end of the stream."""
        if not self.binary:
            self._skip_space()
        if self.stream.at_end():
            return ""
        place = self.stream.tell()
        token = self.read_token()
        self.stream.seek(place)
        return token

    def expect(self, *tokens: str) -> None:
        """Read the tokens given, in this order."""
        for token in tokens:
            found = self.read_token()
            if found != token:
                raise self.fail(f"found {found[:60]!r}", token)

    def read_count(self, item_size: int) -> int:
        """A 32-bit number of items of at least `item_size` bytes each, all of which must still be there."""
        count = self.read_int()
        self._check_size(count, item_size)
        return count

    def read_int(self) -> int:
        """A 32-bit integer."""
        return self._number("<i", 4, INT32)

    def read_uint(self) -> int:
        """An unsigned 32-bit integer (Kaldi writes its size byte as -4)."""
        return self._number("<I", -4, _UINT32)

    def read_dim(self) -> int:
        """A 32-bit number of elements, from 1 to `MAX_DIM`."""
        dim = self.read_int()
        if not 1 <= dim <= MAX_DIM:
            raise self.fail(f"a dimension of {dim}", f"1 to {MAX_DIM}")
        return dim

    def read_float(self) -> float:
        """A floating-point number, stored in single or double precision."""
        return self._real()

    def read_double(self) -> float:
        """A floating-point number, stored in single or double precision."""
        return self._real()

    def read_bool(self) -> bool:
        """T or F."""
        letter = self.stream.read(1) if self.binary else self.read_token().encode()
        if letter not in (b"T", b"F"):
            raise self.fail(f"found {letter!r}", "T or F")
        return letter == b"T"

    def read_int_vector(self) -> np.ndarray:
        """A vector of 32-bit integers; shape [n], int32."""
        if not self.binary:
            return np.array([self._int(word, INT32) for row in self._bracketed() for word in row], dtype=np.int32)
        if self.read_bytes(1) != b"\4":
            raise self.fail("no vector of 32-bit integers")
        size = struct.unpack("<i", self.read_bytes(4))[0]
        return self._array("<i4", size)

    def read_vector(self) -> np.ndarray:
        """A float vector; shape [n], float32 or float64 as stored (text: float32)."""
        if not self.binary:
            return np.array([number for row in self._real_rows() for number in row], dtype=np.float32)
        dtype = self._matrix_type({"FV": "<f4", "DV": "<f8"})
        return self._array(dtype, self.read_int())

    def read_matrix(self, text_type: type[np.floating] = np.float32) -> np.ndarray:
        """A float matrix; shape [rows, columns], float32 or float64 as stored (text: `text_type`)."""
        if not self.binary:
            rows = [row for row in self._real_rows() if row]
            if any(len(row) != len(rows[0]) for row in rows):
                raise self.fail("the rows of a matrix differ in length")
            return np.array(rows, dtype=text_type).reshape(len(rows), -1 if rows else 0)
        dtype = self._matrix_type({"FM": "<f4", "DM": "<f8"})
        rows, columns = self.read_int(), self.read_int()
        if rows < 0 or columns < 0 or (rows == 0) != (columns == 0):
            raise self.fail(f"a matrix of {rows} x {columns}")
        return self._array(dtype, rows * columns).reshape(rows, columns)

    def read_packed(self) -> np.ndarray:
        """A symmetric matrix stored as its lower triangle; shape [n, n], in the precision stored (text: float32)."""
        if self.binary:
            dtype = self._matrix_type({"FP": "<f4", "DP": "<f8"})
            size = self.read_int()
            packed = self._array(dtype, size * (size + 1) // 2 if size >= 0 else -1)
        else:
            rows = [row for row in self._real_rows() if row]
            size = len(rows)
            packed = np.array([number for row in rows for number in row], dtype=np.float32)
            if [len(row) for row in rows] != list(range(1, size + 1)):
                raise self.fail("no lower triangle")
        full = np.zeros((size, size), dtype=packed.dtype)
        full[np.tril_indices(size)] = packed
        return full + np.tril(full, -1).T

    def _array(self, dtype: str, count: int) -> np.ndarray:
        size = np.dtype(dtype).itemsize
        self._check_size(count, size)
        array = self.stream.read_array(dtype, count)
        if len(array) != count:
            raise self.fail("the file ends in the middle of an object", f"{(count - len(array)) * size} more bytes")
        return array

    def _matrix_type(self, known: dict[str, str]) -> str:
        token = self.read_token()
        if token not in known:
            raise self.fail(f"found {token[:60]!r}", " or ".join(known))
        return known[token]

    def _check_size(self, count: int, item_size: int) -> None:
        left = self.stream.left()
        if count < 0 or count * item_size > left:
            raise self.fail(f"{count} items of {item_size} bytes are announced, {left} bytes can follow")

    def _number(self, form: str, size_byte: int, allowed: range) -> int:
        if not self.binary:
            return self._int(self.read_token(), allowed)
        found = struct.unpack("<b", self.read_bytes(1))[0]
        if found != size_byte:
            raise self.fail(f"size byte {found}", str(size_byte))
        return struct.unpack(form, self.read_bytes(abs(size_byte)))[0]

    def _real(self) -> float:
        if not self.binary:
            return self._float(self.read_token())
        size = self.read_bytes(1)
        if size not in (b"\4", b"\10"):
            raise self.fail(f"size byte {size[0]}", "4 or 8")
        return struct.unpack("<f" if size == b"\4" else "<d", self.read_bytes(size[0]))[0]

    def _int(self, word: str, allowed: range) -> int:
        try:
            return to_int(word, allowed)
        except ValueError:
            raise self.fail(f"found {word[:60]!r}", "a whole number of 32 bits") from None

    def _float(self, word: str) -> float:
        try:
            return to_float(word)
        except ValueError:
            raise self.fail(f"found {word[:60]!r}", "a number") from None

    def _real_rows(self) -> list[list[float]]:
        """The numbers between [ and ], line by line."""
        rows = self._bracketed()
        try:
            return [list(map(to_float, row)) for row in rows]
        except ValueError as failure:
            raise self.fail(f"in the brackets that end here: {failure}", "numbers") from None

    def _bracketed(self) -> list[list[str]]:
        """The words between [ and ], line by line."""
        self.expect("[")
        text = self.stream.read_until(b"]")
        if not text.endswith(b"]"):
            raise self.fail("the file ends inside brackets", "]")
        return [line.split() for line in text[:-1].decode(errors="replace").split("\n")]

    def _skip_space(self) -> None:
        """Read the blanks, which end somewhere."""
        skipped = 0
        while ahead := self.stream.peek(64):
            blanks = len(ahead) - len(ahead.lstrip())
            self.stream.read(blanks)
            skipped += blanks
            if blanks < len(ahead):
                return
            if skipped > streams.MAX_TEXT:
                raise self.fail(f"{skipped} blanks, and no end", "a token")


class KaldiOutput:
    """Writes basic objects as Kaldi does, byte for byte.

    Args:
        stream: where to write.
        binary: Kaldi's binary form; otherwise text (numbers with seven digits, as Kaldi prints them).
    """

    def __init__(self, stream: IO[bytes], binary: bool = True, marker: bool = True) -> None:
        self.stream, self.binary = stream, binary
        if binary and marker:
            stream.write(BINARY_MARKER)

    def write_token(self, token: str) -> None:
        """A word and one space."""
        self.stream.write(token.encode() + b" ")

    def write_int(self, value: int) -> None:
        """A 32-bit integer."""
        self.stream.write(b"\4" + struct.pack("<i", value) if self.binary else b"%d " % value)

    def write_uint(self, value: int) -> None:
        """An unsigned 32-bit integer."""
        self.stream.write(b"\xfc" + struct.pack("<I", value) if self.binary else b"%d " % value)

    def write_float(self, value: float) -> None:
        """A single-precision number."""
        self.stream.write(b"\4" + struct.pack("<f", value) if self.binary else b"%s " % format_real(value))

    def write_double(self, value: float) -> None:
        """A double-precision number."""
        self.stream.write(b"\10" + struct.pack("<d", value) if self.binary else b"%s " % format_real(value))

    def write_bool(self, value: bool) -> None:
        """T or F, followed by a space in text."""
        self.stream.write((b"T" if value else b"F") + (b"" if self.binary else b" "))

    def write_int_vector(self, values: Sequence[int] | np.ndarray) -> None:
        """A vector of 32-bit integers, shape [n]."""
        if self.binary:
            self.stream.write(b"\4" + struct.pack("<i", len(values)) + np.asarray(values, dtype="<i4").tobytes())
        else:
            self.stream.write(b"[ " + b"".join(b"%d " % value for value in values) + b"]\n")

    def write_vector(self, values: np.ndarray) -> None:
        """A float vector, shape [n], in its own precision."""
        if self.binary:
            self.stream.write(_array_head(values, "V") + b"\4" + struct.pack("<i", len(values)))
            self.stream.write(_little(values))
        else:
            self.stream.write(b" [ " + b"".join(b"%s " % format_real(value) for value in values.tolist()) + b"]\n")

    def write_matrix(self, values: np.ndarray) -> None:
        """A float matrix, shape [rows, columns], in its own precision."""
        rows, columns = values.shape
        if self.binary:
            size = b"\4" + struct.pack("<i", rows) + b"\4" + struct.pack("<i", columns)
            self.stream.write(_array_head(values, "M") + size)
            self.stream.write(_little(values))
        elif columns == 0:
            self.stream.write(b" [ ]\n")
        else:
            lines = (b"\n  " + b"".join(b"%s " % format_real(value) for value in row) for row in values.tolist())
            self.stream.write(b" [" + b"".join(lines) + b"]\n")

    def write_packed(self, values: np.ndarray) -> None:
        """The lower triangle of a symmetric matrix [n, n], in its own precision."""
        packed = values[np.tril_indices(len(values))]
        if self.binary:
            self.stream.write(_array_head(packed, "P") + b"\4" + struct.pack("<i", len(values)))
            self.stream.write(_little(packed))
            return
        rows = (b"".join(b"%s " % format_real(x) for x in row[: i + 1]) for i, row in enumerate(values.tolist()))
        self.stream.write(b"[\n" + b"\n".join(rows) + b"]\n")

    def newline(self) -> None:
        """A line break, in text only."""
        if not self.binary:
            self.stream.write(b"\n")


def format_real(value: float) -> bytes:
    """A number as Kaldi's output streams print it: seven significant digits."""
    return b"%.7g" % value


def _array_head(values: np.ndarray, letter: str) -> bytes:
    return (b"F" if values.dtype == np.float32 else b"D") + letter.encode() + b" "


def _little(values: np.ndarray) -> memoryview:
    return np.ascontiguousarray(values, dtype="<f4" if values.dtype == np.float32 else "<f8").reshape(-1).data.cast("B")


@contextlib.contextmanager
def open_input(rxfilename: str | Path, mapped: bool = False) -> Iterator[KaldiInput]:
    """Open one Kaldi object behind an extended file name for reading (see `open_stream`).

    Args:
        rxfilename: the extended file name.
        mapped: long arrays of a file are not copied: they are good as long as nobody shortens the file.

    Raises:
        InputError: the file is missing, the command failed, or the bytes are not what is read from them.
    """
    with open_stream(rxfilename, mapped) as stream, parsing(stream):
        yield KaldiInput(stream)


@contextlib.contextmanager
def open_output(wxfilename: str | Path, binary: bool = True) -> Iterator[KaldiOutput]:
    """Open an extended file name (see `open_sink`) to write one Kaldi object; a file appears whole or not at all.

    Raises:
        InputError: the command failed, or the directory does not exist.
        OSError: the file cannot be written.
    """
    with open_sink(wxfilename) as sink:
        yield KaldiOutput(sink, binary)
