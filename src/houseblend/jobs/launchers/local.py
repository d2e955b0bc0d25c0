"""Jobs as processes of this machine: as many at a time as cores, memory and cards allow."""

import os
import signal
import subprocess
from collections import deque

from houseblend.base.log import log
from houseblend.base.process import available_cores, available_memory_mb, die_with_parent
from houseblend.jobs.cards import cards_here, lock_file, take_cards
from houseblend.jobs.launcher import Batch, End, Handle


class LocalLauncher:
    """Runs jobs on this machine, those that are tried again first. They die with this process.

    Args:
        slots: jobs at a time; default: what cores and memory allow. Where there are cards, jobs that need some have each its own.
    """

    name = "local"
    poll_seconds = 0.02
    patience_seconds = 0.0

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots
        self._waiting: deque[tuple[Handle, Batch, int]] = deque()
        self._running: dict[tuple[Handle, int], subprocess.Popen] = {}
        self._ended: dict[Handle, dict[int, End]] = {}
        self._has_told = False

    def submit(self, batch: Batch) -> Handle:
        """See `Launcher`."""
        handle = str(len(self._ended) + 1)
        self._ended[handle] = {}
        jobs = [(handle, batch, number) for number in batch.numbers]
        if batch.attempt:
            self._waiting.extendleft(reversed(jobs))
        else:
            self._waiting.extend(jobs)
        self._start()
        return handle

    def ended(self, handle: Handle) -> dict[int, End]:
        """See `Launcher`."""
        for (its, number), process in list(self._running.items()):
            if (status := process.poll()) is not None:
                del self._running[its, number]
                self._ended[its][number] = _end(status)
        self._start()
        return self._ended[handle]

    def cancel(self, handle: Handle) -> None:
        """See `Launcher`."""
        self._waiting = deque(job for job in self._waiting if job[0] != handle)
        for key in [key for key in self._running if key[0] == handle]:
            process = self._running.pop(key)
            process.kill()
            process.wait()

    def _start(self) -> None:
        while self._waiting:
            handle, batch, number = self._waiting[0]
            if len(self._running) >= slots_for(batch.spec.cores, batch.memory_mb, self.slots):
                return
            cards = take_cards(batch.spec.gpus)
            if cards is None:
                self._tell_of_waiting()
                return
            self._waiting.popleft()
            self._running[handle, number] = subprocess.Popen(
                batch.command(number), stdin=subprocess.DEVNULL, preexec_fn=_begin, pass_fds=cards.locks,
                env={**os.environ, **cards.environment},
            )  # fmt: skip
            cards.close()

    def _tell_of_waiting(self) -> None:
        """Say once that all cards are taken by others."""
        if not self._running and not self._has_told:
            log(f"waiting for a card: others have locked {', '.join(map(str, map(lock_file, cards_here())))}")
            self._has_told = True


def slots_for(cores: int, memory_mb: int, wanted: int | None = None) -> int:
    """How many run at a time: as many as wanted, or as the machine's cores and free memory allow; at least one."""
    room = min(available_cores() // cores, available_memory_mb() // max(memory_mb, 1))
    return max(1, room if wanted is None else wanted)


def _begin() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


def _end(status: int) -> End:
    if status == 0:
        return End("ended", "ok")
    if status < 0:
        return End("killed", "node lost", status, f"the job's wrapper was ended by {signal.Signals(-status).name}")
    return End("ended", "failed", status)
