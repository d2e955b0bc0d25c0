"""One case of the fuzz: break a file, read it, judge what happens."""

import contextlib
import io
import os
import random
import signal
import tempfile
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mutators import endless_piece, mutate

from houseblend.base.errors import HouseBlendError
from houseblend.io import streams

SECONDS = 30.0
FACTOR, ALLOWANCE = 10, 4 << 20
"""Memory: so many times the size of the files, and so many bytes besides."""
ENDLESS = 1 << 18
"""What stands for the limits on lines and on pieces from a pipe while a pipe has no end, in bytes."""
ENDLESS_SHARE = 0.04

Whole = Callable[[bytes, bytes], bool]


def never(part: bytes, honest: bytes) -> bool:
    """No beginning of the file is a file, unless only blanks are lost."""
    return part.rstrip() == honest.rstrip()


def after_lines(part: bytes, honest: bytes) -> bool:
    """A file of lines may end behind any line."""
    return part.endswith(b"\n") or not part or never(part, honest)


def anywhere(part: bytes, honest: bytes) -> bool:
    """The format has no end that could be missed."""
    return True


@dataclass(frozen=True)
class Reader:
    """A reader and what is fed to it.

    Args:
        name: for reports.
        make: writes honest files into an empty folder.
        read: reads what lies in the folder; what it returns is given to `judge`.
        targets: the files that are broken.
        whole: of a beginning of a file and the file: may the reader accept it?
        judge: of the folder and the value: what is wrong with accepting it, None if nothing.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    targets: tuple[str, ...]
    whole: Whole = never
    judge: Callable[[Path, Any], str | None] = field(default=lambda folder, value: None)
    piped: bool = True
    """May the files be pipes?"""


@dataclass(frozen=True)
class Breakage:
    """What a file becomes: `data`, and behind it without end `piece`, unless that is empty."""

    kind: str
    name: str
    data: bytes
    piece: bytes = b""


class Hang(BaseException):
    """A reader took too long."""


class Bench:
    """A folder with a reader's honest files, in which one at a time is broken.

    Args:
        reader: who reads.
        folder: empty folder.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.folder = reader, folder
        reader.make(folder)
        self.honest = {name: (folder / name).read_bytes() for name in reader.targets}
        reader.read(folder)

    @cached_property
    def num_truncations(self) -> int:
        """How many beginnings the files have."""
        return sum(map(len, self.honest.values()))

    def breakage(self, number: int, seed: int) -> Breakage:
        """Case `number`: from 0 the beginnings of all files, below 0 seeded ones."""
        if number >= 0:
            for name, data in self.honest.items():
                if number < len(data):
                    return Breakage("truncate", name, data[:number])
                number -= len(data)
        rng = random.Random(f"{seed}/{self.reader.name}/{number}")
        name = rng.choice([name for name in self.reader.targets if self.honest[name]])
        honest = self.honest[name]
        if self.reader.piped and rng.random() < ENDLESS_SHARE:
            return Breakage("endless pipe", name, honest[: rng.randrange(len(honest))], endless_piece(rng))
        kind, data = mutate(honest, rng)
        return Breakage(kind, name, data)

    def run(self, number: int, seed: int) -> tuple[str, str]:
        """Result of a case (accepted, refused or failed) and what to say of it."""
        case = self.breakage(number, seed)
        path, honest = self.folder / case.name, self.honest[case.name]
        try:
            if case.piece:
                with endless(path, case.data, case.piece):
                    result, words = self._read(ENDLESS)
            else:
                path.write_bytes(case.data)
                result, words = self._read()
                if result == "accepted" and honest.startswith(case.data) and not self.reader.whole(case.data, honest):
                    result, words = "failed", "accepted although it is cut off"
            return result, f"{case.kind} of {case.name}: {words}"
        finally:
            path.write_bytes(honest)

    def _read(self, size: int = 0) -> tuple[str, str]:
        size += sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        try:
            with _time_limit():
                value = self.reader.read(self.folder)
                complaint = self.reader.judge(self.folder, value)
            outcome = ("failed", complaint) if complaint else ("accepted", "")
        except HouseBlendError as failure:
            outcome = ("refused", str(failure)) if self._is_clear(str(failure)) else ("failed", f"unclear: {failure}")
        except Hang:
            outcome = "failed", f"no end within {SECONDS} s"
        except BaseException as failure:
            outcome = "failed", f"{type(failure).__name__}: {str(failure)[:200]} ({_place(failure)})"
        peak = tracemalloc.get_traced_memory()[1] - before
        if peak > FACTOR * size + ALLOWANCE:
            outcome = "failed", f"{peak} bytes of memory for {size} bytes of files"
        return outcome

    def _is_clear(self, message: str) -> bool:
        return str(self.folder) in message and len(message) < 2000


@contextlib.contextmanager
def endless(path: Path, data: bytes, piece: bytes) -> Iterator[None]:
    """A pipe in the file's place that gives `data` and then `piece` again and again; the readers' limits are lower."""
    path.unlink()
    os.mkfifo(path)
    pipe, done = os.open(path, os.O_RDWR | os.O_NONBLOCK), threading.Event()
    limits = streams.MAX_TEXT, streams.MAX_PIPED
    streams.MAX_TEXT = streams.MAX_PIPED = ENDLESS

    def feed() -> None:
        rest = data
        while not done.is_set():
            try:
                rest = rest[os.write(pipe, rest) :] or piece
            except BlockingIOError:
                done.wait(0.0005)

    writer = threading.Thread(target=feed)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()
        os.close(pipe)
        path.unlink()
        streams.MAX_TEXT, streams.MAX_PIPED = limits


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], bytes]]:
    """Catch what native code prints: yields a function that takes it; Python's own log goes nowhere."""
    with tempfile.TemporaryFile() as noise:
        kept = os.dup(2)
        os.dup2(noise.fileno(), 2)
        place = 0

        def take() -> bytes:
            nonlocal place
            data = os.pread(noise.fileno(), 4096, place)
            place = os.fstat(noise.fileno()).st_size
            return data

        try:
            with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                yield take
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def benches(readers: list[Reader]) -> Iterator[Iterator[Bench]]:
    """A bench for every reader, one after the other, in folders of memory where there are any."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    started = tracemalloc.is_tracing()
    tracemalloc.start()
    with tempfile.TemporaryDirectory(dir=memory) as folder:

        def each() -> Iterator[Bench]:
            for number, reader in enumerate(readers):
                place = Path(folder) / str(number)
                place.mkdir()
                yield Bench(reader, place)

        yield each()
    if not started:
        tracemalloc.stop()


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(failure: BaseException) -> str:
    trace = failure.__traceback__
    where = "?"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "houseblend" in name:
            where = f"{Path(name).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
