"""Byte streams behind Kaldi's extended file names: files, offsets, gzip, pipes, standard input and output.

Nothing that a file says of its own size is believed: memory grows with what is there, and what has no end (a line, a
matrix in text, an array from a pipe) is cut off with an error.
"""

import contextlib
import gzip
import io
import mmap
import os
import re
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import EXIT_OK, EXIT_READER_CLOSED, InputError
from houseblend.io.text import BLANKS, MARK, decode_line

MAX_TEXT = 1 << 28
"""Longest line, or piece of text in brackets, in bytes."""
MAX_PIPED = 1 << 32
"""Most that is read in one piece where it cannot be known how many bytes follow."""
_CHUNK = 1 << 24
_AHEAD = 1 << 13
_KEPT = 1 << 13
_LONG = 1 << 16
AGAIN = "make it again or copy it again"


class InputStream:
    """A forward stream that can step back a little, whatever is behind it.

    Args:
        raw: the bytes.
        name: what to call it in errors.
        size: its length in bytes if known.
        start: which byte of the file its first one is, for errors.
        mapped: long arrays are views of the file, which nobody may shorten meanwhile; writing to them leaves it as it is.

    Attributes:
        ended: the end of the stream has been met.
    """

    def __init__(
        self, raw: IO[bytes], name: object, size: int | None = None, start: int = 0, mapped: bool = False
    ) -> None:
        self.name, self._raw, self._size, self._start = str(name), raw, size, start
        self._map = mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_COPY) if mapped and size else None
        self._buffer, self._at, self._taken = b"", 0, 0
        self.ended = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes; fewer only at the end. Memory grows with what is there, not with what is asked for."""
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        if len(data) == size:
            return data
        parts, missing = [data], size - len(data)
        while missing > 0 and self._fill(missing, size - missing):
            part = self._buffer[self._at : self._at + missing]
            self._at += len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def read_array(self, dtype: str, count: int) -> np.ndarray:
        """At most `count` numbers, fewer only at the end; shape [n]. Long ones of a file go straight to their place."""
        item = np.dtype(dtype).itemsize
        if self._size is None or not _LONG < count * item <= self.left():
            data = self.read(count * item)
            return np.frombuffer(data, dtype, len(data) // item).copy()
        if self._map is not None:
            array = np.frombuffer(self._map, dtype, count, self._start + self.tell())
            self._skip(count * item)
            return array
        array = np.empty(count, dtype)
        place = array.view(np.uint8).data
        done = min(len(self._buffer) - self._at, len(place))
        place[:done] = self._buffer[self._at : self._at + done]
        self._at += done
        while done < len(place) and not self.ended:
            more = self._raw.readinto(place[done:])  # type: ignore[attr-defined]
            done, self._taken, self.ended = done + more, self._taken + more, not more
            self._buffer = bytes(place[max(done - _KEPT, 0) : done])
            self._at = len(self._buffer)
        return array[: done // item]

    def _skip(self, size: int) -> None:
        """Go on behind bytes of a file that are there."""
        self._taken = self.tell() + size
        self._raw.seek(self._start + self._taken)
        self._buffer, self._at = b"", 0

    def peek(self, size: int) -> bytes:
        """At most `size` bytes (up to some thousand), left unread."""
        data = self.read(size)
        self._at -= len(data)
        return data

    def readline(self) -> bytes:
        """The rest of the line with its end; without one at the end of the stream."""
        return self.read_until(b"\n")

    def next_line(self) -> bytes | None:
        """The rest of the line without its end; None at the end of the stream.

        Raises:
            InputError: the line has no end: the file is cut off, or was written by hand and never ended.
        """
        line = self.readline()
        if not line:
            return None
        if not line.endswith(b"\n"):
            raise self.fail("the last line has no end", text=True, expected="a newline", do=f"complete it, or {AGAIN}")
        return line[:-1]

    def read_until(self, mark: bytes) -> bytes:
        """All up to and with the next `mark`, one byte; without it if the stream ends before.

        Raises:
            InputError: it does not come within `MAX_TEXT` bytes.
        """
        parts, size = [], 0
        while True:
            stop = self._buffer.find(mark, self._at) + 1
            end = stop or len(self._buffer)
            parts.append(self._buffer[self._at : end])
            size += end - self._at
            self._at = end
            if stop or not self._fill(_AHEAD, size):
                return b"".join(parts)
            if size > MAX_TEXT:
                raise self.fail(f"no {mark!r} within {MAX_TEXT} bytes", expected="shorter lines and matrices in text")

    def tell(self) -> int:
        """Bytes read so far."""
        return self._taken - len(self._buffer) + self._at

    def seek(self, place: int) -> None:
        """Step back to a place just read."""
        back = self.tell() - place
        if not 0 <= back <= self._at:
            raise ValueError("cannot step back so far")
        self._at -= back

    def left(self) -> int:
        """Bytes that can follow: what is left of the file, or a limit where that is not known."""
        return MAX_PIPED if self._size is None else self._size - self.tell()

    def read_all(self) -> bytes:
        """All that follows; InputError beyond `MAX_PIPED` bytes where the size is not known."""
        data = self.read(self.left())
        if not self.at_end():
            raise self.fail(f"no end within {MAX_PIPED} bytes", expected="a file, if it is that large")
        return data

    def at_end(self) -> bool:
        """Whether nothing follows."""
        return not self.peek(1)

    def expect_end(self) -> None:
        """Refuse anything but blanks behind the last object of a file."""
        if self.peek(_AHEAD).strip():
            raise self.fail("more follows where the file should end", expected="one object")

    def fail(
        self, what: str, *, text: bool = False, key: object = None, expected: str | None = None, do: str | None = None
    ) -> InputError:
        """An error at the present place: its line, if this is text in a file that can be read again, or its byte."""
        line = self._line() if text else None
        place = "" if line is not None else f" at byte {self._start + self.tell()}"
        return InputError(f"{what}{place}", file=self.name, key=key, line=line, expected=expected, do=do or AGAIN)

    def _line(self) -> int | None:
        """Number of the line that the last byte read belongs to; None where the stream cannot be read again."""
        try:
            place = self._raw.seek(0, os.SEEK_CUR)
            self._raw.seek(0)
        except (OSError, ValueError):
            return None
        lines, left = 1, max(self._start + self.tell() - 1, 0)
        while left > 0 and (part := self._raw.read(min(left, _CHUNK))):
            lines += part.count(b"\n")
            left -= len(part)
        self._raw.seek(place)
        return lines

    def _fill(self, wanted: int, taken: int) -> bool:
        """Fetch what comes next, not more than was taken already or is there; False at the end."""
        size = max(min(wanted, _CHUNK, max(taken, 1 << 16)), _AHEAD)
        if self._size is not None:
            size = min(size, max(self._size - self._taken, 1))
        try:
            fresh = self._raw.read1(size)  # type: ignore[attr-defined]
        except (gzip.BadGzipFile, EOFError, zlib.error) as failure:
            raise InputError(f"broken gzip data: {failure}", file=self.name, do=AGAIN) from None
        kept = self._buffer[max(len(self._buffer) - _KEPT, 0) :]
        self._buffer, self._at = kept + fresh, len(kept)
        self._taken += len(fresh)
        self.ended = not fresh
        return not self.ended


def in_memory(data: bytes, name: object = "memory") -> InputStream:
    """A stream of bytes at hand."""
    return InputStream(io.BytesIO(data), name, len(data))


@contextlib.contextmanager
def parsing(stream: InputStream, what: str = "data") -> Iterator[None]:
    """Turn what goes wrong in the conversion of a stream's bytes into an error that names its place.

    Numbers that leave the range of their type become infinite without a word: readers check their results.

    Raises:
        InputError: in place of errors of struct, of unicode, and of values; and those that name no file.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except InputError as failure:
        if failure.file is None:
            raise failure.but(file=stream.name, do=failure.do or AGAIN) from None
        raise
    except (struct.error, ValueError, OverflowError, RecursionError) as failure:
        raise stream.fail(f"broken {what}: {failure}") from failure


@contextlib.contextmanager
def open_stream(rxfilename: str | Path, mapped: bool = False) -> Iterator[InputStream]:
    """Open an extended file name: a file (gzip by its suffix), `file:offset`, `-`, or `command |` (bash, pipefail).

    A byte order mark at the head is passed over: no binary file of Kaldi's, of audio, or of gzip begins with its bytes.

    The status of a command counts unless the reader stopped before its end; that one of its own parts stopped reading
    another before the end, as `head` does, is no failure.

    Args:
        rxfilename: the extended file name.
        mapped: as in `InputStream`, for a file that is not packed.

    Raises:
        InputError: the file is missing or the command failed.
    """
    name = str(rxfilename).strip(BLANKS)
    if name in ("-", ""):
        yield _behind_mark(InputStream(sys.stdin.buffer, "standard input"))
    elif name.endswith("|"):
        yield from _open_command(name)
    else:
        path, offset = split_offset(name)
        with _open_file(path) as file:
            if path.endswith(".gz"):
                packed = InputStream(_Unpacked(file), name)  # type: ignore[arg-type]
                if packed.at_end() and not file.tell():
                    raise InputError("the file is empty", file=path, expected="gzip data", do=AGAIN)
                yield _behind_mark(packed)
                return
            size = os.fstat(file.fileno()).st_size if _regular(file) else None
            if 0 < offset >= (size or 0):
                has = "this is a pipe" if size is None else f"the file has {size}"
                raise InputError(f"byte {offset} is asked for, {has}", file=path, do=AGAIN)
            if offset:
                file.seek(offset)
            stream = InputStream(file, path, None if size is None else size - offset, offset, mapped)
            yield stream if offset else _behind_mark(stream)


class _Packed:
    """Packed bytes, counted: zeros may follow gzip data, and in a pipe they may never end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.barren = file, 0

    def read(self, size: int) -> bytes:
        """At most so many; BadGzipFile when nothing has come out of more than any piece may have."""
        data = self._file.read(size)
        self.barren += len(data)
        if self.barren > MAX_TEXT:
            raise gzip.BadGzipFile(f"nothing comes out of {MAX_TEXT} bytes")
        return data

    def seek(self, place: int) -> int:
        """Go to a byte, as one that reads it all again does."""
        return self._file.seek(place)


class _Unpacked(gzip.GzipFile):
    """What comes out of gzip data."""

    def __init__(self, file: IO[bytes]) -> None:
        self._packed = _Packed(file)
        super().__init__(fileobj=self._packed)  # type: ignore[arg-type]

    def read1(self, size: int = -1) -> bytes:
        """Bytes as they come."""
        self._packed.barren = 0
        return super().read1(size)


def _behind_mark(stream: InputStream) -> InputStream:
    if stream.peek(len(MARK)) == MARK:
        stream.read(len(MARK))
    return stream


def read_text(rxfilename: str | Path, most: int | None = None) -> str:
    """All of a small text file behind an extended file name, without a byte order mark.

    Raises:
        InputError: it is missing, has lines that `text.decode` refuses, or more than `most` bytes.
    """
    with open_stream(rxfilename) as stream:
        limit = MAX_TEXT if most is None else most
        data = stream.read(limit)
        if len(data) == limit:
            raise stream.fail("no end", expected="a small text file")
    return "\n".join(decode_line(line, rxfilename, number) for number, line in enumerate(data.split(b"\n"), start=1))


def split_offset(name: str) -> tuple[str, int]:
    """`file:offset` as its two parts; offset 0 where none is given."""
    found = re.fullmatch(r"(.+):(\d{1,18})", name, flags=re.DOTALL)
    if found is None or os.path.exists(name):
        return name, 0
    return found[1], int(found[2])


@contextlib.contextmanager
def open_sink(wxfilename: str | Path) -> Iterator[IO[bytes]]:
    """Open an extended file name for writing: a file (whole or absent), `-`, or `| command`.

    Raises:
        InputError: the command failed.
        OSError: the file cannot be written.
    """
    name = str(wxfilename).strip(BLANKS)
    if name in ("-", ""):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif name.startswith("|"):
        process = subprocess.Popen(["bash", "-o", "pipefail", "-c", name[1:]], stdin=subprocess.PIPE)
        assert process.stdin is not None
        try:
            yield process.stdin
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        if status != 0:
            raise InputError(f"the command ended with status {status}", file=name, do="run it by hand")
    else:
        if not Path(name).parent.is_dir():
            raise InputError("the directory does not exist", file=Path(name).parent, do="make it first")
        with atomic_open(name) as file:
            yield file


def _open_command(name: str) -> Iterator[InputStream]:
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", name[:-1]], stdout=subprocess.PIPE)
    assert process.stdout is not None
    stream, broken = InputStream(process.stdout, name), None
    try:
        yield _behind_mark(stream)
        stream.at_end()
    except InputError as failure:
        broken = failure
    finally:
        process.stdout.close()
        status = process.wait()
    if stream.ended and status not in (EXIT_OK, EXIT_READER_CLOSED):
        raise InputError(f"the command ended with status {status}", file=name, do="run it by hand") from broken
    if broken is not None:
        raise broken


def _open_file(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise InputError("no such file", file=path, do="check the name, or run what makes it") from None
    except IsADirectoryError:
        raise InputError("this is a directory", file=path, expected="a file", do="name one in it") from None
    except (OSError, ValueError) as failure:
        raise InputError(f"cannot be opened: {failure}", file=path, do="check the name and its permissions") from None


def _regular(file: IO[bytes]) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
