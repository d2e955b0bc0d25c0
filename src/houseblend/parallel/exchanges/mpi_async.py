"""An asynchronous round on ranks of MPI: rank 0 is the server, the others share out the workers.

Parameters are flat, [n] float32.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from mpi4py import MPI

from houseblend.base.errors import InputError
from houseblend.parallel.asynchronous.round import asynchronous, end_round, pushes_of, turn_of
from houseblend.parallel.asynchronous.server import Pushes, Server, Turn
from houseblend.parallel.group import Group
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.round_worker import RoundWorker, read_start
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Answer, Given, Told

POLL_SECONDS = 1e-4
"""The server looks for pushes so often; the cores belong to the workers."""
_GO_ON, _BEGIN_AGAIN = 1, 2


def run_asynchronous_round(task: RoundTask, comm: MPI.Intracomm, group: Group, told: Told) -> RoundRecord | Refusal:
    """This rank's part of a round; the same answer on every rank.

    Args:
        task: the round.
        comm: the ranks, for pushes.
        group: the same; rank 0 has no workers in it.
        told: see `Told`; called at rank 0, with each push.

    Raises:
        InputError: there is one rank only; model, data or state are missing or do not fit.
    """
    if comm.size == 1:
        raise InputError("1 rank", key="mpi", expected="2 or more: a server, and ranks with workers")
    torch.set_num_threads(task.threads)
    strategy = asynchronous(task)
    start = read_start(task, strategy)
    workers = {n: RoundWorker(task, n, strategy, start, lambda worker, frames: None) for n in group.workers}
    counts = pushes_of(task, strategy)
    pushes: Mapping[int, Pushes] = {}
    if comm.rank == 0:
        server, frames = Server(strategy, start.shared), strategy.every * task.plan.minibatch_size
        serve(comm, server, sum(counts), len(start.model.params), lambda worker: told(worker, frames))
        pushes = {0: server.pushes}
    else:
        turns = {number: turn_of(worker, task, strategy, start.shared) for number, worker in workers.items()}
        work(comm, group, turns, {number: counts[number - 1] for number in turns})
    finished = {number: worker.finish(evaluate=False) for number, worker in workers.items()}
    return end_round(task, strategy, group, start.model, group.gather(pushes)[0], finished)


def serve(comm: MPI.Intracomm, server: Server, count: int, length: int, told: Callable[[int], None]) -> None:
    """Apply pushes as they come, and answer each; nobody waits for anybody but the server.

    Args:
        comm: the ranks.
        server: see `Server`.
        count: pushes of all workers.
        length: numbers of a push.
        told: called with the worker of each push.
    """
    sent, status = np.empty(length, np.float32), MPI.Status()
    under_way: list[tuple[MPI.Request, np.ndarray]] = []
    for _ in range(count):
        while not comm.iprobe(MPI.ANY_SOURCE, MPI.ANY_TAG, status):
            time.sleep(POLL_SECONDS)
        worker, rank = status.tag, status.source
        comm.Recv(sent, rank, worker)
        answer = server.push(worker, Given(torch.from_numpy(sent)))
        assert answer.shared is not None
        reply = answer.shared["c"].cpu().numpy()
        under_way = [one for one in under_way if not one[0].Test()]
        under_way.append((comm.Isend(reply, rank, _GO_ON if answer.restart is None else _BEGIN_AGAIN), reply))
        told(worker)
    MPI.Request.Waitall([request for request, _ in under_way])


def work(comm: MPI.Intracomm, group: Group, turns: Mapping[int, Turn], counts: Mapping[int, int]) -> None:
    """Let this rank's workers train in turn, and push.

    Args:
        comm: the ranks.
        group: the same; it counts bytes and waiting.
        turns: the workers' training.
        counts: pushes of each.
    """
    answers: dict[int, Answer] = {}
    for push in range(max(counts.values(), default=0)):
        for worker in (number for number, count in counts.items() if push < count):
            given = turns[worker].send(answers.pop(worker, None))
            began = time.monotonic()
            answers[worker] = exchange(comm, worker, given)
            group.waited += time.monotonic() - began
            group.bytes += 8 * len(given.params)
    for worker, answer in answers.items():
        with contextlib.suppress(StopIteration):
            turns[worker].send(answer)


def exchange(comm: MPI.Intracomm, worker: int, given: Given) -> Answer:
    """Push, and wait for the answer. What is not to be used is sent as NaN, so that the server refuses it.

    Args:
        comm: the ranks.
        worker: which.
        given: what it hands over.
    """
    params = torch.full_like(given.params, torch.nan) if given.failure else given.params
    comm.Send(params.cpu().numpy(), 0, worker)
    reply, status = np.empty(len(params), np.float32), MPI.Status()
    comm.Recv(reply, 0, MPI.ANY_TAG, status)
    c = torch.from_numpy(reply).to(params.device)
    return Answer({"c": c}, restart=c if status.tag == _BEGIN_AGAIN else None)
