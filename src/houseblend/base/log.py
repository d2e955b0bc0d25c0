"""Log lines and progress on stderr; stdout is for data only."""

import contextlib
import io
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from houseblend.base.errors import class_and_message

_copies: list[io.FileIO] = []
"""Files that take every line of the log, too."""


def program_name() -> str:
    """Name of the running program, as it stands in its log lines."""
    return os.path.basename(sys.argv[0]) or "houseblend"


def _say(level: str, message: str) -> None:
    line = f"{level} ({program_name()}) {message}\n"
    print(line, end="", file=sys.stderr, flush=True)
    for file in _copies:
        with contextlib.suppress(OSError):
            file.write(line.encode())


@contextlib.contextmanager
def copied_to(path: Path, head: str) -> Iterator[None]:
    """Append `head`, all lines of the log, and what ends the block, if it ends badly, to a file.

    A full disk costs lines of the file and nothing else.
    """
    with open(path, "ab", buffering=0) as file:
        _copies.append(file)
        try:
            with contextlib.suppress(OSError):
                file.write(f"{head}\n".encode())
            yield
        except BaseException as failure:
            kind, message = class_and_message(failure)
            with contextlib.suppress(OSError):
                file.write(f"{traceback.format_exc() if kind == 'bug' else f'ERROR {message}'}\n".encode())
            raise
        finally:
            _copies.remove(file)


def log(message: str) -> None:
    """Write an information line."""
    _say("LOG", message)


def warn(message: str) -> None:
    """Write a warning line."""
    _say("WARNING", message)


def error(message: str) -> None:
    """Write an error line."""
    _say("ERROR", message)


class Progress:
    """Progress of long work: a bar on a terminal, a plain line every 30 seconds elsewhere.

    Args:
        total: number of items expected.
        what: the items' name, for example "utterances".
    """

    def __init__(self, total: int, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self._terminal = sys.stderr.isatty()
        self._start = time.monotonic()
        self._next = self._start + (0.2 if self._terminal else 30.0)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._draw()
            print(file=sys.stderr)

    def add(self, count: int = 1) -> None:
        """Count `count` more items as done."""
        self.done += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (0.2 if self._terminal else 30.0)
            self._draw()

    def _draw(self) -> None:
        share = self.done / self.total if self.total else 1.0
        if not self._terminal:
            log(f"{self.done} of {self.total} {self.what} ({share:.0%})")
            return
        filled = int(30 * min(share, 1.0))
        seconds = time.monotonic() - self._start
        bar = "#" * filled + "." * (30 - filled)
        print(f"\r[{bar}] {self.done}/{self.total} {self.what} {seconds:.0f}s ", end="", file=sys.stderr, flush=True)
