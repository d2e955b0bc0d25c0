"""Ranks on this machine: processes forked from this one, with shared memory; or turns in this process.

No program is started and nothing is imported again. As many ranks as there are slots share out the workers.
"""

import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from houseblend.base.log import warn
from houseblend.base.process import die_with_parent
from houseblend.base.workers import KilledError, signals_held
from houseblend.jobs.failures import POLICY
from houseblend.jobs.launchers.local import slots_for
from houseblend.jobs.spec import JobSpec
from houseblend.parallel.blending import run_round
from houseblend.parallel.group import Alone, Forked, RankEndedError, Rows
from houseblend.parallel.models import read_model
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.0
"""After a rank has ended without an answer, for others to tell what was the matter."""


class LocalExchange:
    """Trains the workers of a round on this machine.

    Args:
        slots: processes; default: what cores and memory allow, on a device other than the processor one.
    """

    name = "local"

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; see `run_round`. All of it begins again when a process was killed.

        Raises:
            HouseBlendError: the input is to blame, or processes were killed again and again.
        """
        wanted = self.slots if task.device == "cpu" else self.slots or 1
        size = min(slots_for(task.threads, JobSpec.memory_mb, wanted), task.plan.workers)
        if size == 1 and (task.threads == 1 or task.device != "cpu"):  # threads here would hang what is forked later
            return run_round(task, Alone(self.name, task.plan.workers), told)
        for _ in range(POLICY["killed"].retries):
            try:
                return _run_forked(task, size, told)
            except KilledError as failure:
                warn(f"{failure.what}; beginning the round again")
        return _run_forked(task, size, told)


def _run_forked(task: RoundTask, size: int, told: Told) -> RoundRecord | Refusal:
    fork = multiprocessing.get_context("fork")
    length = len(read_model(task).params)
    rows = Rows(task.plan.workers, length)
    stars = [fork.Pipe() for _ in range(size - 1)]
    answers = [fork.Pipe(duplex=False) for _ in range(size)]
    processes = []
    try:
        for rank in range(size):
            pipes = [one for one, _ in stars] if rank == 0 else [stars[rank - 1][1]]
            ends = [end for pair in (*stars, *answers) for end in pair]
            others = [end for end in ends if end not in pipes and end is not answers[rank][1]]
            process = fork.Process(target=_rank, args=(task, rank, size, rows, pipes, others, answers[rank][1]))
            with signals_held():
                process.start()
                processes.append(process)
        for one, other in [*stars, *((answer, None) for _, answer in answers)]:
            one.close()
            if other is not None:
                other.close()
        return _collect([one for one, _ in answers], rows, told)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _collect(answers: list[Connection], rows: Rows, told: Told) -> RoundRecord | Refusal:
    """Wait for all ranks, and tell of their progress; the first that fails, or is killed, ends it."""
    before = rows.frames.tolist()
    left, result, killed, deadline = dict(enumerate(answers)), None, None, math.inf
    while left and time.monotonic() < deadline:
        for connection in wait(list(left.values()), POLL_SECONDS):
            rank = next(number for number, one in left.items() if one is connection)
            found = _received(left.pop(rank))
            if isinstance(found, BaseException):
                raise found
            if found is None and killed is None:
                killed, deadline = rank, time.monotonic() + GRACE_SECONDS
            result = found if rank == 0 else result
        now = rows.frames.tolist()
        for worker, (old, new) in enumerate(zip(before, now, strict=True), start=1):
            if new > old:
                told(worker, int(new - old))
        before = now
    if killed is not None or result is None:
        raise KilledError(f"the process of rank {killed} was killed", do="try again, with fewer at a time")
    return result


def _received(answer: Connection) -> Any:
    try:
        return answer.recv()
    except EOFError:
        return None


def _rank(
    task: RoundTask, rank: int, size: int, rows: Rows, pipes: list[Connection], others: list[Connection], answer: Connection
) -> None:  # fmt: skip
    """What a forked process does: its part of the round, and an answer."""
    die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    for other in others:
        other.close()

    def told(worker: int, frames: int) -> None:
        rows.frames[worker - 1] += frames

    answer.send(_caught(lambda: run_round(task, Forked(rank, size, rows, pipes), told)))
    os._exit(0)


def _caught(work: Callable[[], Any]) -> Any:
    """What `work` returns, or the failure that it raises, for another process to raise."""
    try:
        return work()
    except RankEndedError:
        os._exit(1)  # what ended the other is told by its own answer
    except BaseException as failure:
        return failure
