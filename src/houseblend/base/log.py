"""Log lines and progress on stderr; stdout is for data only.

On a terminal a bar stands in the last line until the next line of the log, which takes its place whichever process writes
it; the bar comes back below with the next item, and goes when the work is done.
"""

import contextlib
import contextvars
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
_speaker = contextvars.ContextVar("speaker", default="")
"""Who of the program speaks, if several do."""
_BAR_SECONDS, _LINE_SECONDS = 0.2, 30.0
"""Between two states of a bar on a terminal, and between two lines of progress elsewhere."""
_ERASE = "\r\x1b[K"
"""Back to the beginning of a terminal's line, and the rest of it is blank."""


def program_name() -> str:
    """Name of the running program, as it stands in its log lines."""
    return os.path.basename(sys.argv[0]) or "houseblend"


@contextlib.contextmanager
def speaking_as(who: str) -> Iterator[None]:
    """Lines of the log that are written in the block say who writes them, for example "worker 2"."""
    token = _speaker.set(f", {who}")
    try:
        yield
    finally:
        _speaker.reset(token)


def _say(level: str, message: str) -> None:
    line = f"{level} ({program_name()}{_speaker.get()}) {message}\n"
    print(f"{_ERASE if _is_terminal() else ''}{line}", end="", file=sys.stderr, flush=True)
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


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """Progress of long work: a bar on a terminal, gone when the work is done; a plain line every 30 seconds elsewhere.

    Args:
        total: number of items expected.
        what: the items' name, for example "utterances".

    Attributes:
        done: items so far.
        before: those of them that an earlier run had done.
        note: what stands behind the bar.
    """

    def __init__(self, total: int, what: str) -> None:
        self.total, self.what, self.done, self.before, self.note = total, what, 0, 0, ""
        self._terminal = _is_terminal()
        self._every = _BAR_SECONDS if self._terminal else _LINE_SECONDS
        self._start = time.monotonic()
        self._next = self._start + self._every

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            print(_ERASE, end="", file=sys.stderr, flush=True)

    def add(self, count: int = 1) -> None:
        """Count `count` more items as done."""
        self.done += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            self._draw()

    def _draw(self) -> None:
        share = self.done / self.total if self.total else 1.0
        note = f", {self.note}" if self.note else ""
        if not self._terminal:
            log(f"{self.done} of {self.total} {self.what} ({share:.0%}), {self._time_left()} left{note}")
            return
        filled = int(30 * min(share, 1.0))
        bar = f"[{'#' * filled}{'.' * (30 - filled)}] {self.done}/{self.total} {self.what}, {self._time_left()} left{note}"
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        print(f"{_ERASE}{bar[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def _time_left(self) -> str:
        """What the rest takes at the speed so far, leaving out what was done before."""
        seconds = time.monotonic() - self._start
        new = self.done - self.before
        if new <= 0:
            return "? s"
        left = max(self.total - self.done, 0) * seconds / new
        return f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
