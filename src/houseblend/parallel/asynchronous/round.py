"""An asynchronous round: workers and server in one process, and the end of the round, which every exchange shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.text import lines_of
from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.server import Pushes, Server, Turn, drive
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.group import Alone, Group
from houseblend.parallel.model import Model
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.round_end import After, Ended, conclude
from houseblend.parallel.round_worker import Finished, RoundWorker, read_start
from houseblend.parallel.strategy import Shared
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told, Worker

ORDER = "order.txt"
"""In a round's folder: the worker of each push, a line a push."""
_REPLAY = "replay a training of the same options"


def run_virtual_round(task: RoundTask, machine: Machine, told: Told) -> RoundRecord | Refusal:
    """Train a round in this process, in the order of a virtual clock, or of a round that was.

    Args:
        task: the round.
        machine: speeds, or what to replay.
        told: see `Told`.

    Raises:
        InputError: model, data or state are missing or do not fit, or another number of pushes is replayed.
    """
    torch.set_num_threads(task.threads)
    strategy = asynchronous(task)
    start = read_start(task, strategy)
    server = Server(strategy, start.shared)
    workers = {n: RoundWorker(task, n, strategy, start, told) for n in range(1, task.plan.workers + 1)}
    clock = Clock(machine, steps_of(task), strategy.every, 4 * len(start.model.params), task.seed, task.plan.round)
    order = clock.order()
    if machine.replay is not None:
        path = machine.replay / "rounds" / Path(task.folder).name / ORDER
        order = iter(read_order(path, pushes_of(task, strategy)))
    turns = {n: turn_of(worker, task, strategy, start.shared) for n, worker in workers.items()}
    drive(server, turns, order)
    finished = {number: worker.finish(evaluate=False) for number, worker in workers.items()}
    if machine.replay is None:
        for number, one in finished.items():
            one.report.seconds["virtual training"] = round(clock.training[number - 1], 6)
            one.report.seconds["virtual waiting"] = round(clock.waiting[number - 1], 6)
    return end_round(task, strategy, Alone("virtual", task.plan.workers), start.model, server.pushes, finished)


def asynchronous(task: RoundTask) -> Asynchronous:
    """The method of a round that is known to be asynchronous."""
    strategy = task.method_now()
    assert isinstance(strategy, Asynchronous)
    return strategy


def steps_of(task: RoundTask) -> list[int]:
    """Minibatches of each worker."""
    return [math.ceil((end - begin) / task.plan.minibatch_size) for begin, end in task.plan.intervals]


def pushes_of(task: RoundTask, strategy: Asynchronous) -> list[int]:
    """Pushes of each worker; the last one may be of fewer minibatches."""
    return [math.ceil(steps / strategy.every) for steps in steps_of(task)]


def turn_of(worker: Worker, task: RoundTask, strategy: Asynchronous, shared: Shared) -> Turn:
    """A worker's training from the server's first arrays, from push to push."""
    pushes = pushes_of(task, strategy)[worker.number - 1]
    return worker.train({"c": shared["c"]}, pushes * strategy.every, pushes)


def end_round(
    task: RoundTask, strategy: Asynchronous, group: Group, model: Model, pushes: Pushes, finished: Mapping[int, Finished]
) -> RoundRecord | Refusal:  # fmt: skip
    """Evaluate the server's model, write it, what lasts, and the order of pushes into the task's folder; on every rank alike.

    Args:
        task: the round.
        strategy: as it is in this round.
        group: the ranks.
        model: that before the round; it becomes the one after it.
        pushes: what the server had.
        finished: this rank's workers.
    """
    if group.rank == 0:
        write_text(Path(task.folder) / ORDER, "".join(f"{worker}\n" for worker in pushes.order))
    if reason := task.gate.refuses_round(len(pushes.refused), len(pushes.order)):
        reports = group.gather({number: one.report for number, one in finished.items()})
        return Refusal(task.plan.round, task.attempt, task.plan, reports, {0: reason}, pushes.refused)
    after = {
        number: After(*strategy.resume(pushes.shared, one.own, one.model.params)) for number, one in finished.items()
    }
    ended = Ended(
        pushes.shared, strategy.show(pushes.shared), after, [1.0] * task.plan.workers, {},
        pushes.refused, len(pushes.order), staleness=dict(sorted(pushes.staleness.items())),
    )  # fmt: skip
    return conclude(task, group, model, finished, ended)


def read_order(path: Path, pushes: Sequence[int]) -> list[int]:
    """The workers of a round's pushes, as `end_round` wrote them.

    Args:
        path: the file.
        pushes: how many each worker has.

    Raises:
        InputError: there is no such file, a line names no worker, or a worker has another number of pushes.
    """
    if not path.exists():
        raise InputError("no order of pushes", file=path, do=_REPLAY)
    order = []
    for line, text in enumerate(lines_of(path.read_text(encoding="utf-8", errors="replace")), start=1):
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= len(pushes)):
            raise InputError(
                f"found {text[:40]!r}", file=path, line=line, expected=f"a worker, 1 to {len(pushes)}", do=_REPLAY
            )
        order.append(int(text))
    for worker, expected in enumerate(pushes, start=1):
        if (found := order.count(worker)) != expected:
            raise InputError(f"{found} pushes of worker {worker}", file=path, expected=f"{expected}", do=_REPLAY)
    return order
