"""Ranks of MPI: workers are shared out among them, means are formed slice by slice. With `mpi_async` the only module that knows mpi4py.

Rank 0 runs the step and its rounds; the others serve it. A rank that ends, raises or hangs ends all of them, named.
Parameters are flat, [n] float32.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from houseblend.base.errors import EXIT_BUG, EXIT_FAILURE, InputError, class_and_message
from houseblend.base.log import error, log, warn
from houseblend.nnet.average import mean_of
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.blending import run_round
from houseblend.parallel.exchanges.mpi_async import run_asynchronous_round
from houseblend.parallel.group import Group, Item, Result, share_of, slice_of
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told

IDLE_SECONDS = 0.01
BEAT_SECONDS, SILENCE_SECONDS = 2.0, 30.0
"""From one sign of life to the next, and without any of them a rank counts as hanging."""
PATIENCE_SECONDS = 600.0
"""The same in an asynchronous round, where the others go on without it."""
SAYING_SECONDS = 1.0
"""From the last words to the end: mpiexec drops what it has not passed on."""
_WORK, _BEAT = 1, 2


class MpiGroup:
    """The ranks of a communicator; see `Group`.

    Args:
        comm: the communicator.
        num_workers: of all ranks.
        reduction: exact or allreduce.
        beside: a communicator of the same ranks, for what goes on beside training; made when it is needed, if not given.
        shares: each rank's workers, neighbours; as equal as can be, if not given.
    """

    name = "mpi"

    def __init__(
        self, comm: MPI.Intracomm, num_workers: int, reduction: str, beside: MPI.Intracomm | None = None,
        shares: Sequence[range] | None = None,
    ) -> None:  # fmt: skip
        self._comm, self._reduction, self._beside = comm, reduction, beside
        self._twin: MpiGroup | None = None
        self._thread = ThreadPoolExecutor(1, "blend")
        self.rank, self.size, self.num_workers = comm.rank, comm.size, num_workers
        self._shares = shares or [share_of(rank, self.size, num_workers) for rank in range(self.size)]
        self.workers = self._shares[self.rank]
        self.bytes, self.waited, self.blending = 0, 0.0, 0.0
        self._buffers: dict[str, np.ndarray] = {}

    def mean(
        self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See `Group.mean`."""
        began = time.monotonic()
        self._comm.Barrier()
        met = time.monotonic()
        length = self._length(given)
        result = self._buffer("mean", length) if out is None else out.cpu().numpy()
        if self._reduction == "exact":
            self._add_slices(given, weights, result)
        else:
            self._allreduce(given, weights, result)
        self.waited += met - began
        self.blending += time.monotonic() - met
        device = next((flat.device for flat in given.values()), torch.device("cpu"))
        return torch.from_numpy(result).to(device) if out is None else out.copy_(torch.from_numpy(result))

    def gather(self, items: Mapping[int, Item]) -> dict[int, Item]:
        """See `Group.gather`."""
        began = time.monotonic()
        found = {number: item for one in self._comm.allgather(dict(items)) for number, item in one.items()}
        self.waited += time.monotonic() - began
        return dict(sorted(found.items()))

    @contextmanager
    def among(self, members: range) -> Iterator[MpiGroup | None]:
        """See `Group.among`: the ranks that have any of them, by a communicator of their own."""
        shares = [range(max(one.start, members.start), min(one.stop, members.stop)) for one in self._shares]
        comm = MPI.Intracomm(self._comm.Split(0 if shares[self.rank] else MPI.UNDEFINED, self.rank))
        if comm == MPI.COMM_NULL:
            yield None
            return
        part = type(self)(comm, self.num_workers, self._reduction, shares=[one for one in shares if one])
        yield part
        self.bytes, self.waited = self.bytes + part.bytes, self.waited + part.waited
        self.blending += part.blending
        comm.Free()

    def aside(self, work: Callable[[Group], Result]) -> Callable[[], Result]:
        """See `Group.aside`: in a thread, which MPI's progress needs, with a communicator that nothing else uses."""
        if self._twin is None:
            self._twin = type(self)(self._beside or self._comm.Dup(), self.num_workers, self._reduction)
        twin = self._twin
        found = self._thread.submit(work, twin)

        def result() -> Result:
            began = time.monotonic()
            answer = found.result()
            self.waited += time.monotonic() - began
            self.bytes, twin.bytes = self.bytes + twin.bytes, 0
            return answer

        return result

    def _length(self, given: Mapping[int, torch.Tensor]) -> int:
        """Numbers of a give; a rank without workers is told."""
        if all(self._shares):
            return len(next(iter(given.values())))
        return max(self._comm.allgather(max((len(flat) for flat in given.values()), default=0)))

    def _add_slices(self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: np.ndarray) -> None:
        """Every rank gets its slice of what all workers give, adds up in worker order, and hands out the mean.

        Ranks hold blocks of neighbours, so the rows arrive in worker order.
        """
        length = len(out)
        parts = [slice_of(rank, self.size, length) for rank in range(self.size)]
        sizes = [part.stop - part.start for part in parts]
        mine = sizes[self.rank]
        givers = [worker for share in self._shares for worker in share]
        sent, received = self._packed(given, parts), self._buffer("received", len(givers) * mine)
        to_each = [len(given) * size for size in sizes]
        from_each = [len(share) * mine for share in self._shares]
        self._comm.Alltoallv([sent, to_each], [received, from_each])
        rows = torch.from_numpy(received).view(len(givers), mine)
        part = torch.from_numpy(self._buffer("part", mine))
        mean_of(list(rows), [weights[worker - 1] for worker in givers], part)
        self._comm.Allgatherv([part.numpy(), mine], [out, sizes])
        self.bytes += 4 * (
            sum(to_each) + sum(from_each) - 2 * to_each[self.rank] + length - mine + mine * (self.size - 1)
        )

    def _packed(self, given: Mapping[int, torch.Tensor], parts: Sequence[slice]) -> np.ndarray:
        """For each rank in turn, its slice of each of this rank's workers; one worker's lie so already."""
        flats = [flat.cpu().numpy() for flat in given.values()]
        if len(flats) == 1:
            return flats[0]
        sent = self._buffer("sent", sum(map(len, flats)))
        place = 0
        for part in parts:
            for flat in flats:
                sent[place : place + part.stop - part.start] = flat[part]
                place += part.stop - part.start
        return sent

    def _allreduce(self, given: Mapping[int, torch.Tensor], weights: Sequence[float], out: np.ndarray) -> None:
        """MPI's own sum in float32, in whatever order; the bits depend on the number of ranks."""
        part = torch.from_numpy(self._buffer("part", len(out))).zero_()
        for number, flat in given.items():
            if weights[number - 1]:
                part.add_(flat.cpu(), alpha=weights[number - 1] / sum(weights))
        self._comm.Iallreduce(part.numpy(), out).Wait()
        self.bytes += 8 * len(out)

    def _buffer(self, name: str, length: int) -> np.ndarray:
        """Memory [length] that is kept for the next time."""
        if name not in self._buffers or len(self._buffers[name]) < length:
            self._buffers[name] = np.empty(length, np.float32)
        return self._buffers[name][:length]


def all_ranks(num_workers: int) -> MpiGroup:
    """The group of all ranks, each of which runs the same script."""
    return MpiGroup(MPI.COMM_WORLD, num_workers, "exact")


class MpiExchange:
    """Trains the workers of a round on all ranks; rank 0 has it.

    Args:
        reduction: exact: float64 in worker order, the same bits on any number of ranks; allreduce: MPI's float32 sum.
    """

    name = "mpi"

    def __init__(self, reduction: str) -> None:
        self.reduction = reduction

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; see `run_round`."""
        world = World.current()
        world.send_all((task, self.reduction))
        return world.run(task, self.reduction, told)


class World:
    """The ranks that were started together.

    Args:
        wanted: how many there must be; None takes them as they are.

    Raises:
        InputError: there are others; a wrong `srun --mpi` starts so many single ones.
    """

    _current: World | None = None

    def __init__(self, wanted: int | None) -> None:
        self.comm = MPI.COMM_WORLD
        self._beats, self._beside = self.comm.Dup(), self.comm.Dup()
        self._in_round, self._patience = False, SILENCE_SECONDS
        if wanted is not None and self.comm.size != wanted:
            raise InputError(
                f"{self.comm.size} ranks", expected=f"{wanted}", key="mpi",
                do="under srun name the right --mpi (see srun --mpi=list), or give --ranks as many as are started",
            )  # fmt: skip
        if self.comm.size > 1 and MPI.Query_thread() < MPI.THREAD_MULTIPLE:
            raise InputError(
                "an MPI without threads", key="mpi", expected="MPI_THREAD_MULTIPLE", do="take another build of it"
            )
        World._current = self
        atexit.register(self._leave)
        log(f"rank {self.comm.rank} of {self.comm.size}: process {os.getpid()} on {socket.gethostname()}")
        if self.comm.size > 1:
            threading.Thread(target=self._watch, name="watch", daemon=True).start()

    @classmethod
    def current(cls) -> World:
        """The world that was entered."""
        assert cls._current is not None
        return cls._current

    def send_all(self, message: Any) -> None:
        """Tell all other ranks."""
        for rank in range(1, self.comm.size):
            self.comm.send(message, rank, _WORK)

    def serve(self) -> None:
        """What a rank other than 0 does: rounds, until rank 0 has no more. It sleeps in between."""
        while True:
            while not self.comm.iprobe(0, _WORK):
                time.sleep(IDLE_SECONDS)
            message = self.comm.recv(source=0, tag=_WORK)
            if message is None:
                return
            task, reduction = message
            try:
                self.run(task, reduction, lambda worker, frames: None)
            except BaseException as failure:
                kind, words = class_and_message(failure)
                what = f"rank {self.comm.rank}: {traceback.format_exc() if kind == 'bug' else words}"
                self._end_all(what, EXIT_BUG if kind == "bug" else EXIT_FAILURE)

    def run(self, task: RoundTask, reduction: str, told: Told) -> RoundRecord | Refusal:
        """This rank's part of a round."""
        self._in_round = True
        if isinstance(task.strategy, Asynchronous):
            self._patience = PATIENCE_SECONDS
            shares = [share_of(rank - 1, self.comm.size - 1, task.plan.workers) for rank in range(1, self.comm.size)]
            group = MpiGroup(self.comm, task.plan.workers, reduction, shares=[range(0), *shares])
            found = run_asynchronous_round(task, self._beside, group, told)
        else:
            found = run_round(task, MpiGroup(self.comm, task.plan.workers, reduction, self._beside), told)
        self._in_round, self._patience = False, SILENCE_SECONDS
        return found

    def _end_all(self, why: str, status: int) -> None:
        """End all ranks, when mpiexec has had time to pass on why."""
        error(why)
        time.sleep(SAYING_SECONDS)
        self.comm.Abort(status)

    def _leave(self) -> None:
        """At the end of the process: let the others go, or take them along where they wait in the middle of a round."""
        if self._in_round:
            time.sleep(SAYING_SECONDS)
            self.comm.Abort(EXIT_FAILURE)
        if self.comm.rank == 0:
            self.send_all(None)

    def _watch(self) -> None:
        """Send signs of life to the next rank, and end everything when those of the one before stay away."""
        rank, size = self.comm.rank, self.comm.size
        before, silence, said, last, warned = (rank - 1) % size, 0.0, 0.0, time.monotonic(), False
        while True:
            now = time.monotonic()
            silence += min(now - last, BEAT_SECONDS)  # a pause of this process is not the other's silence
            last = now
            if now - said > BEAT_SECONDS:
                self._beats.send(None, (rank + 1) % size, _BEAT)
                said = now
            while self._beats.iprobe(before, _BEAT):
                self._beats.recv(source=before, tag=_BEAT)
                silence = 0.0
            if silence > SILENCE_SECONDS:
                hangs = f"rank {before} has given no sign of life for {silence:.0f} s (told by rank {rank})"
                if before == 0 or silence > self._patience:
                    self._end_all(hangs, EXIT_FAILURE)
                elif not warned:
                    warn(f"{hangs}; the others go on")
                warned = True
            else:
                warned = False
            time.sleep(BEAT_SECONDS / 8)
