"""Work shared out, results in order: among forked processes here; among jobs of a batch system in `jobs/parts`."""

import contextlib
import multiprocessing
import signal
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from houseblend.base.errors import HouseBlendError
from houseblend.base.log import Progress
from houseblend.base.process import die_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


Begin = Callable[[], Callable[[Item], Result]]
"""What a worker begins with: it reads what the work needs, and returns the function that works on an item, which must not
depend on what earlier items changed. It may be sent to another machine: a function of a module, or a `functools.partial` of
one with values that are small, or say where files are."""


class KilledError(HouseBlendError):
    """A process that shared the work was killed."""

    failure_class = "killed"


class Workers(ABC):
    """Those among whom the work of a step is shared out. The results do not depend on who or how many they are.

    Attributes:
        jobs: how many at a time.
    """

    jobs: int

    def share_out(self, begin: Begin[Item, Result], items: Sequence[Item], what: str) -> Iterator[Result]:
        """The results of all items, in their order, with progress.

        Args:
            begin: what a worker begins with.
            items: what to work on.
            what: the items' name, for example "utterances".

        Raises:
            HouseBlendError: a worker was killed, or a job failed; and whatever `begin` and the work raise.
        """
        with Progress(len(items), what) as progress:
            for result in self.results(begin, items, what):
                yield result
                progress.add()

    @abstractmethod
    def results(self, begin: Begin[Item, Result], items: Sequence[Item], what: str) -> Iterator[Result]:
        """See `share_out`."""


@dataclass(frozen=True)
class Forked(Workers):
    """Processes forked from this one, which inherit what it has read; with one, the work is done here."""

    jobs: int

    def results(self, begin: Begin[Item, Result], items: Sequence[Item], what: str) -> Iterator[Result]:
        """See `Workers`."""
        return in_processes(begin(), items, self.jobs)


CHUNK, CHUNKS_AHEAD, FEW = 32, 4, 8
"""The most items that are sent at once, fewer towards the end, so that all processes end together; how many such parcels
for each process are under way; items of each process that are so few that the first of them is shared out, too."""
_ENDING = {signal.SIGTERM, signal.SIGINT}
_inherited: tuple[Callable[[Any], Any], Sequence[Any]] | None = None
"""In a forked process: the function and items of its pool."""


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """Iterate over `work(item)` in the order of the items.

    Several jobs are forked processes, which inherit `work`, all that it refers to, and the items; only results travel,
    and few of them wait in memory. Of many items the first is worked on in this process, so that what it imports, loads
    and compiles is there for all others.

    Args:
        work: must not depend on what earlier items changed.
        items: what to work on.
        jobs: processes; with one, or one item, the work is done in this process.

    Raises:
        KilledError: a process was killed; and whatever `work` raises.
    """
    if jobs <= 1 or len(items) < 2:
        yield from map(work, items)
        return
    if len(items) > FEW * jobs:
        yield work(items[0])
        items = items[1:]
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(jobs, len(items)), fork, _inherit, (work, items)) as processes:
        try:
            waiting: deque[Future[list[Result]]] = deque()
            sent = 0
            while sent < len(items):
                chunk = max(1, min(CHUNK, (len(items) - sent) // (4 * jobs)))
                with signals_held():
                    waiting.append(processes.submit(_call, range(sent, sent + chunk)))
                sent += chunk
                if len(waiting) == CHUNKS_AHEAD * jobs:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            raise KilledError("a worker process was killed", do="try again, with fewer at a time") from None
        finally:
            processes.shutdown(cancel_futures=True)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Signals that end a program wait: what a handler raises while a process is forked, Python drops."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _inherit(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    global _inherited
    die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    _inherited = (work, items)


def _call(indices: range) -> list[Any]:
    assert _inherited is not None
    work, items = _inherited
    return [work(items[index]) for index in indices]
