"""Byte streams behind Kaldi's extended file names: files, offsets, gzip, pipes, standard input and output."""

import contextlib
import gzip
import os
import re
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import EXIT_OK, EXIT_READER_CLOSED, InputError

_CHUNK = 1 << 24
_KEPT = 1 << 16
_AHEAD = 1 << 10


class InputStream:
    """A forward stream that can step back a little, whatever is behind it.

    Args:
        raw: the bytes.
        name: what to call it in errors.
        size: its length in bytes if known.

    Attributes:
        ended: the last read met the end of the stream.
    """

    def __init__(self, raw: IO[bytes], name: str, size: int | None = None) -> None:
        self.name, self._raw, self._size = name, raw, size
        self._place = 0
        self._kept = bytearray()
        self._back = 0
        self.ended = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes; fewer only at the end. Memory grows with what is there, not with what is asked for."""
        taken = bytes(self._kept[len(self._kept) - self._back :][:size]) if self._back else b""
        self._back -= len(taken)
        parts = [taken]
        missing = size - len(taken)
        while missing > 0:
            part = self._raw.read(min(missing, _CHUNK))
            if not part:
                self.ended = True
                break
            parts.append(part)
            missing -= len(part)
            self._kept += part[-_KEPT:]
            if len(self._kept) > 2 * _KEPT:
                del self._kept[:-_KEPT]
        data = b"".join(parts) if len(parts) > 1 else taken
        self._place += len(data)
        return data

    def read_line(self) -> bytes:
        """The rest of the line, without its end; `ended` if it has none."""
        line = bytearray()
        while (part := self.read(_AHEAD)) and b"\n" not in part:
            line += part
        if part:
            end = part.index(b"\n")
            self.seek(end + 1 - len(part), os.SEEK_CUR)
            self.ended = False
            line += part[:end]
        return bytes(line)

    def tell(self) -> int:
        """Bytes read so far."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Step back to a place just read; the end is only asked for (SEEK_END) to learn the length."""
        if whence == os.SEEK_END:
            return self._size if self._size is not None else 1 << 62
        target = self._place + offset if whence == os.SEEK_CUR else offset
        self._back += self._place - target
        if not 0 <= self._back <= len(self._kept):
            raise ValueError("cannot step back so far")
        self._place = target
        return target


@contextlib.contextmanager
def open_stream(rxfilename: str) -> Iterator[InputStream]:
    """Open an extended file name: a file (gzip by its suffix), `file:offset`, `-`, or `command |` (bash, pipefail).

    The status of a command counts unless the reader stopped before its end; that one of its own parts stopped reading
    another before the end, as `head` does, is no failure.

    Raises:
        InputError: the file is missing or the command failed.
    """
    name = rxfilename.strip()
    if name in ("-", ""):
        yield InputStream(sys.stdin.buffer, "standard input")
    elif name.endswith("|"):
        yield from _open_command(name)
    else:
        path, offset = split_offset(name)
        try:
            with open(path, "rb") as file:
                file.seek(offset)
                if path.endswith(".gz"):
                    yield InputStream(gzip.open(file), name)  # type: ignore[arg-type]
                else:
                    yield InputStream(file, name, os.fstat(file.fileno()).st_size - offset if _regular(file) else None)
        except FileNotFoundError:
            raise InputError("no such file", file=path) from None
        except IsADirectoryError:
            raise InputError("this is a directory", file=path, expected="a file") from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as failure:
            raise InputError(f"broken gzip data: {failure}", file=path) from None


def split_offset(name: str) -> tuple[str, int]:
    """`file:offset` as its two parts; offset 0 where none is given."""
    found = re.fullmatch(r"(.+):(\d+)", name, flags=re.DOTALL)
    if found is None or os.path.exists(name):
        return name, 0
    return found[1], int(found[2])


@contextlib.contextmanager
def open_sink(wxfilename: str) -> Iterator[IO[bytes]]:
    """Open an extended file name for writing: a file (whole or absent), `-`, or `| command`.

    Raises:
        InputError: the command failed.
        OSError: the file cannot be written.
    """
    name = wxfilename.strip()
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
    stream = InputStream(process.stdout, name)
    try:
        yield stream
        if not stream.ended and not process.stdout.read(1):
            stream.ended = True
    finally:
        process.stdout.close()
        status = process.wait()
    if stream.ended and status not in (EXIT_OK, EXIT_READER_CLOSED):
        raise InputError(f"the command ended with status {status}", file=name, do="run it by hand")


def _regular(file: IO[bytes]) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
