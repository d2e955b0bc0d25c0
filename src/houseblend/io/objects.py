"""Kaldi's object streams: tokens, numbers, vectors and matrices, in binary or text (Kaldi's io-funcs, kaldi-matrix)."""

import contextlib
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import InputError

BINARY_MARKER = b"\0B"
_MAX_TOKEN = _AHEAD = 4096


class KaldiInput:
    """Reads basic objects from a stream positioned at the start of one Kaldi object.

    Args:
        data: the stream (seekable), read from its present position.
        name: what to call it in errors.

    Raises:
        InputError: from every method, naming the file and the place, when the stream holds something else.
    """

    def __init__(self, data: BinaryIO, name: object = "input") -> None:
        self.stream, self.name = data, name
        start = data.read(2)
        self.binary = start == BINARY_MARKER
        if not self.binary:
            data.seek(-len(start), os.SEEK_CUR)

    def fail(self, what: str, expected: str | None = None) -> InputError:
        """An error that names the present place in the stream."""
        place = self.stream.tell()
        if self.binary:
            return InputError(f"{what} at byte {place}", file=self.name, expected=expected)
        try:
            self.stream.seek(0)
        except ValueError:
            return InputError(f"{what} near byte {place}", file=self.name, expected=expected)
        line = self.stream.read(place).count(b"\n") + 1
        return InputError(what, file=self.name, line=line, expected=expected)

    def read_bytes(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        data = self.stream.read(size)
        if len(data) != size:
            raise self.fail("the file ends in the middle of an object", f"{size} more bytes")
        return data

    def read_token(self) -> str:
        """The next word; in binary it ends at one space, which is consumed."""
        if not self.binary:
            self._skip_space()
        word = bytearray()
        while (byte := self.stream.read(1)) and not byte.isspace():
            word += byte
            if len(word) > _MAX_TOKEN:
                raise self.fail("no token here")
        if not word:
            raise self.fail("the file ends where a token should stand")
        if not self.binary and byte:
            self.stream.seek(-1, os.SEEK_CUR)
        try:
            return word.decode()
        except UnicodeDecodeError:
            raise self.fail("a token is not UTF-8") from None

    def peek_token(self) -> str:
        """The next word, left unread; empty at the end of the stream."""
        place = self.stream.tell()
        if not self.binary:
            self._skip_space()
        if not self.stream.read(1):
            self.stream.seek(place)
            return ""
        self.stream.seek(-1, os.SEEK_CUR)
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
        return self._number("<i", 4, int)

    def read_uint(self) -> int:
        """An unsigned 32-bit integer (Kaldi writes its size byte as -4)."""
        return self._number("<I", -4, int)

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
            return np.array([self._parse(word, int) for word in self._bracketed()[0]], dtype=np.int32)
        if self.read_bytes(1) != b"\4":
            raise self.fail("no vector of 32-bit integers")
        size = struct.unpack("<i", self.read_bytes(4))[0]
        self._check_size(size, 4)
        return np.frombuffer(self.read_bytes(4 * size), dtype="<i4").copy()

    def read_vector(self) -> np.ndarray:
        """A float vector; shape [n], float32 or float64 as stored (text: float32)."""
        if not self.binary:
            return np.array([self._parse(word, float) for row in self._bracketed() for word in row], dtype=np.float32)
        dtype = self._matrix_type({"FV": "<f4", "DV": "<f8"})
        return self._array(dtype, self.read_int())

    def read_matrix(self) -> np.ndarray:
        """A float matrix; shape [rows, columns], float32 or float64 as stored (text: float32)."""
        if not self.binary:
            rows = [[self._parse(word, float) for word in row] for row in self._bracketed() if row]
            if any(len(row) != len(rows[0]) for row in rows):
                raise self.fail("the rows of a matrix differ in length")
            return np.array(rows, dtype=np.float32).reshape(len(rows), -1 if rows else 0)
        dtype = self._matrix_type({"FM": "<f4", "DM": "<f8"})
        rows, columns = self.read_int(), self.read_int()
        if rows < 0 or columns < 0:
            raise self.fail(f"a matrix of {rows} x {columns}")
        return self._array(dtype, rows * columns).reshape(rows, columns)

    def read_packed(self) -> np.ndarray:
        """A symmetric matrix stored as its lower triangle; shape [n, n], in the precision stored (text: float32)."""
        if self.binary:
            dtype = self._matrix_type({"FP": "<f4", "DP": "<f8"})
            size = self.read_int()
            packed = self._array(dtype, size * (size + 1) // 2)
        else:
            rows = [row for row in self._bracketed() if row]
            size = len(rows)
            packed = np.array([self._parse(word, float) for row in rows for word in row], dtype=np.float32)
            if len(packed) != size * (size + 1) // 2:
                raise self.fail("no lower triangle")
        full = np.zeros((size, size), dtype=packed.dtype)
        full[np.tril_indices(size)] = packed
        return full + np.tril(full, -1).T

    def _array(self, dtype: str, count: int) -> np.ndarray:
        size = np.dtype(dtype).itemsize
        self._check_size(count, size)
        return np.frombuffer(self.read_bytes(count * size), dtype=dtype).copy()

    def _matrix_type(self, known: dict[str, str]) -> str:
        token = self.read_token()
        if token not in known:
            raise self.fail(f"found {token[:60]!r}", " or ".join(known))
        return known[token]

    def _check_size(self, count: int, item_size: int) -> None:
        place = self.stream.tell()
        left = self.stream.seek(0, os.SEEK_END) - place
        self.stream.seek(place)
        if count < 0 or count * item_size > left:
            raise self.fail(f"{count} numbers are announced, {left} bytes are left")

    def _number(self, form: str, size_byte: int, kind: type) -> Any:
        if not self.binary:
            return self._parse(self.read_token(), kind)
        found = struct.unpack("<b", self.read_bytes(1))[0]
        if found != size_byte:
            raise self.fail(f"size byte {found}", str(size_byte))
        return struct.unpack(form, self.read_bytes(abs(size_byte)))[0]

    def _real(self) -> float:
        if not self.binary:
            return self._parse(self.read_token(), float)
        size = self.read_bytes(1)
        if size not in (b"\4", b"\10"):
            raise self.fail(f"size byte {size[0]}", "4 or 8")
        return struct.unpack("<f" if size == b"\4" else "<d", self.read_bytes(size[0]))[0]

    def _parse(self, word: str, kind: type) -> Any:
        try:
            return kind(word)
        except ValueError:
            raise self.fail(f"found {word[:60]!r}", "a number") from None

    def _bracketed(self) -> list[list[str]]:
        """The words between [ and ], line by line."""
        self.expect("[")
        text = bytearray()
        while b"]" not in (part := self.stream.read(_AHEAD)):
            if not part:
                raise self.fail("the file ends inside brackets", "]")
            text += part
        end = part.index(b"]")
        self.stream.seek(end + 1 - len(part), os.SEEK_CUR)
        text += part[:end]
        return [line.split() for line in text.decode(errors="replace").split("\n")]

    def _skip_space(self) -> None:
        while (byte := self.stream.read(1)).isspace():
            pass
        if byte:
            self.stream.seek(-1, os.SEEK_CUR)


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
            self.stream.write(_array_head(values, "V") + b"\4" + struct.pack("<i", len(values)) + _little(values))
        else:
            self.stream.write(b" [ " + b"".join(b"%s " % format_real(value) for value in values.tolist()) + b"]\n")

    def write_matrix(self, values: np.ndarray) -> None:
        """A float matrix, shape [rows, columns], in its own precision."""
        rows, columns = values.shape
        if self.binary:
            size = b"\4" + struct.pack("<i", rows) + b"\4" + struct.pack("<i", columns)
            self.stream.write(_array_head(values, "M") + size + _little(values))
        elif columns == 0:
            self.stream.write(b" [ ]\n")
        else:
            lines = (b"\n  " + b"".join(b"%s " % format_real(value) for value in row) for row in values.tolist())
            self.stream.write(b" [" + b"".join(lines) + b"]\n")

    def write_packed(self, values: np.ndarray) -> None:
        """The lower triangle of a symmetric matrix [n, n], in its own precision."""
        packed = values[np.tril_indices(len(values))]
        if self.binary:
            self.stream.write(_array_head(packed, "P") + b"\4" + struct.pack("<i", len(values)) + _little(packed))
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


def _little(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4" if values.dtype == np.float32 else "<f8").tobytes()


def read_stream(rxfilename: str | Path) -> bytes:
    """All bytes behind an extended file name: a file, `file:offset`, `-`, or `command |` (bash, pipefail).

    Raises:
        InputError: the file is missing or the command failed.
    """
    name = str(rxfilename).strip()
    if name == "-":
        return sys.stdin.buffer.read()
    if name.endswith("|"):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", name[:-1]], stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise InputError(f"the command ended with status {done.returncode}", file=name, do="run it by hand")
        return done.stdout
    offset = re.fullmatch(r"(.+):(\d+)", name, flags=re.DOTALL)
    try:
        if offset is None or os.path.exists(name):
            return Path(name).read_bytes()
        with open(offset[1], "rb") as file:
            file.seek(int(offset[2]))
            return file.read()
    except FileNotFoundError:
        raise InputError("no such file", file=name) from None
    except IsADirectoryError:
        raise InputError("this is a directory", file=name, expected="a file") from None


@contextlib.contextmanager
def open_input(source: str | Path | BinaryIO) -> Iterator[KaldiInput]:
    """Open one Kaldi object for reading.

    Args:
        source: an extended file name (see `read_stream`) or an open seekable stream.
    """
    if isinstance(source, str | Path):
        yield KaldiInput(BytesIO(read_stream(source)), source)
    else:
        yield KaldiInput(source, getattr(source, "name", "stream"))


@contextlib.contextmanager
def open_output(wxfilename: str | Path, binary: bool = True) -> Iterator[KaldiOutput]:
    """Open an extended file name (a file, `-`, or `| command`) to write one Kaldi object.

    A file appears whole or not at all.

    Raises:
        InputError: the command failed.
        OSError: the file cannot be written.
    """
    name = str(wxfilename).strip()
    if name == "-":
        yield KaldiOutput(sys.stdout.buffer, binary)
        sys.stdout.buffer.flush()
    elif name.startswith("|"):
        command = ["bash", "-o", "pipefail", "-c", name[1:]]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert process.stdin is not None
        try:
            yield KaldiOutput(process.stdin, binary)
        finally:
            process.stdin.close()
            status = process.wait()
        if status != 0:
            raise InputError(f"the command ended with status {status}", file=name, do="run it by hand")
    else:
        with atomic_open(name) as file:
            yield KaldiOutput(file, binary)
