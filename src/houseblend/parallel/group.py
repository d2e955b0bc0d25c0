"""Ranks that blend together: what they must be able to do, and the ways in which one machine does it.

A rank holds some of the workers, a block of neighbours, and takes turns among them. Sums are formed slice by slice: a
rank adds up the slice that it owns, of all workers, in worker order; so the bits do not depend on the number of ranks.
Parameters are flat, [n] float32.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

import torch

from houseblend.base.errors import HouseBlendError
from houseblend.nnet.average import mean_of

Item = TypeVar("Item")
Result = TypeVar("Result")


class RankEndedError(HouseBlendError):
    """Another rank is gone; this one cannot go on."""


class Group(Protocol):
    """The ranks of a round, seen from one of them.

    Attributes:
        name: of the exchange.
        rank: of this process, from 0.
        size: how many ranks there are.
        workers: numbers of this rank's workers, neighbours, perhaps none.
        num_workers: of all ranks.
        bytes: sent and received by this rank so far.
        waited: seconds spent waiting for other ranks.
        blending: seconds spent forming means.
    """

    name: str
    rank: int
    size: int
    workers: range
    num_workers: int
    bytes: int
    waited: float
    blending: float

    def mean(
        self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The weighted mean over all workers, the same bits on every rank.

        Args:
            given: by this rank's workers, flat float32 of any length, the same for all workers.
            weights: of all workers in order; what weighs 0 is not looked at.
            out: where to write it, of that length; else it is valid until the next mean.
        """
        ...

    def gather(self, items: Mapping[int, Item]) -> dict[int, Item]:
        """What all ranks give by number, in the order of the numbers; small things."""
        ...

    def among(self, members: range) -> AbstractContextManager[Group | None]:
        """The group that forms means of some neighbouring workers, with numbers and weights as in this one.

        All ranks enter it; it is None for a rank without any of them that need not take part.
        """
        ...

    def aside(self, work: Callable[[Group], Result]) -> Callable[[], Result]:
        """Begin what every rank does with a group, while it goes on; what comes back waits for the end of it.

        Works come to an end in the order in which they began. Ranks of one machine, which have no link to wait for, do it at once.
        """
        ...


def share_of(rank: int, size: int, count: int) -> range:
    """Numbers, from 1, of the workers of a rank: blocks of neighbours, as equal as can be."""
    return range(count * rank // size + 1, count * (rank + 1) // size + 1)


def slice_of(rank: int, size: int, length: int) -> slice:
    """The part of [0, length) that a rank adds up."""
    return slice(length * rank // size, length * (rank + 1) // size)


class Alone:
    """One process with all workers.

    Args:
        name: of the exchange.
        num_workers: how many.
    """

    rank, size, bytes, waited, blending = 0, 1, 0, 0.0, 0.0

    def __init__(self, name: str, num_workers: int) -> None:
        self.name, self.workers, self.num_workers = name, range(1, num_workers + 1), num_workers
        self._out: torch.Tensor | None = None

    def mean(
        self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See `Group.mean`."""
        began = time.monotonic()
        if out is None:
            like = next(iter(given.values()))
            if self._out is None or self._out.shape != like.shape:
                self._out = torch.empty_like(like)
            out = self._out
        mean_of(list(given.values()), [weights[worker - 1] for worker in given], out)
        self.blending += time.monotonic() - began
        return out

    def gather(self, items: Mapping[int, Item]) -> dict[int, Item]:
        """See `Group.gather`."""
        return dict(sorted(items.items()))

    def among(self, members: range) -> AbstractContextManager[Group]:
        """See `Group.among`."""
        return nullcontext(self)

    def aside(self, work: Callable[[Group], Result]) -> Callable[[], Result]:
        """See `Group.aside`."""
        result = work(self)
        return lambda: result


class Rows:
    """Memory that processes forked later share: a row of parameters for each worker, one for the mean, and progress.

    Args:
        num_workers: rows.
        length: numbers in a row.
    """

    def __init__(self, num_workers: int, length: int) -> None:
        self.given = _shared((num_workers, length), torch.float32)
        self.mean = _shared((length,), torch.float32)
        self.frames = _shared((num_workers,), torch.float64)


def _shared(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Zeros in memory that forked processes share; it has no file, so that no limit on files or on /dev/shm concerns it."""
    memory = mmap.mmap(-1, prod(shape) * dtype.itemsize)
    return torch.frombuffer(memory, dtype=dtype).view(shape)


class Forked:
    """A process among several that were forked from one (the exchange `local`), with shared rows and a pipe to the first of them.

    Args:
        rank, size: which of how many.
        rows: shared memory.
        pipes: of rank 0, one to each other rank in order; of another rank, the one to rank 0.
    """

    name = "local"

    def __init__(self, rank: int, size: int, rows: Rows, pipes: Sequence[Connection]) -> None:
        self.rank, self.size, self._rows, self._pipes = rank, size, rows, pipes
        self.num_workers = len(rows.given)
        self.workers = share_of(rank, size, self.num_workers)
        self.bytes, self.waited, self.blending = 0, 0.0, 0.0

    def mean(
        self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See `Group.mean`."""
        began = time.monotonic()
        length = len(next(iter(given.values()), self._rows.mean))
        for worker, flat in given.items():
            self._rows.given[worker - 1, :length].copy_(flat)
        self._meet()
        mine = slice_of(self.rank, self.size, length)
        mean_of([row[mine] for row in self._rows.given], weights, self._rows.mean[mine])
        self._meet()
        mean = self._rows.mean[:length]
        result = mean if out is None else out.copy_(mean)
        self.bytes += 4 * (len(given) + bool(given)) * length
        self.blending += time.monotonic() - began
        return result

    def gather(self, items: Mapping[int, Item]) -> dict[int, Item]:
        """See `Group.gather`.

        Raises:
            RankEndedError: the process at the other end of a pipe has ended.
        """
        try:
            return self._gather(items)
        except (EOFError, BrokenPipeError, ConnectionResetError) as failure:
            raise RankEndedError("another rank has ended") from failure

    def among(self, members: range) -> AbstractContextManager[Group]:
        """See `Group.among`: all meet, at the cost of a message, and share the sums."""
        return nullcontext(self)

    def aside(self, work: Callable[[Group], Result]) -> Callable[[], Result]:
        """See `Group.aside`."""
        result = work(self)
        return lambda: result

    def _gather(self, items: Mapping[int, Item]) -> dict[int, Item]:
        if self.rank:
            self._pipes[0].send(dict(items))
            return self._pipes[0].recv()
        found = dict(items)
        for pipe in self._pipes:
            found.update(pipe.recv())
        found = dict(sorted(found.items()))
        for pipe in self._pipes:
            pipe.send(found)
        return found

    def _meet(self) -> None:
        """Nobody goes on before all are here."""
        began = time.monotonic()
        self.gather({})
        self.waited += time.monotonic() - began
        self.blending -= time.monotonic() - began


def everywhere(group: Group, items: Sequence[Item], work: Callable[[Item], Any]) -> list[Any]:
    """`work(item)` of every item, shared out among the ranks, results in order on every rank."""
    mine = {number: work(item) for number, item in enumerate(items) if number % group.size == group.rank}
    return list(group.gather(mine).values())
