"""The server of an asynchronous round: it applies pushes one by one, and remembers what each worker took. No ranks, no files.

Parameters are flat, [n].
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

import torch

from houseblend.base.log import warn
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.blending import not_finite
from houseblend.parallel.records import LeftOut
from houseblend.parallel.strategy import Shared
from houseblend.parallel.worker import Answer, Given


@dataclass
class Pushes:
    """What a round's pushes were.

    Args:
        shared: the server's arrays after them.
        order: workers, in the order in which the server applied them.
        staleness: number of pushes by how many of others had come since the worker took.
        refused: those that were not finite; `blend` is the place in `order`, from 1.
    """

    shared: Shared
    order: list[int] = field(default_factory=list)
    staleness: Counter[int] = field(default_factory=Counter)
    refused: list[LeftOut] = field(default_factory=list)


class Server:
    """Holds the parameters that workers push to.

    Args:
        strategy: as it is in this round.
        shared: its arrays before the round.

    Attributes:
        pushes: what has come so far.
    """

    def __init__(self, strategy: Asynchronous, shared: Shared) -> None:
        self._strategy = strategy
        self._first = shared["c"]
        self._taken: dict[int, tuple[torch.Tensor, int]] = {}
        self._applied = 0
        self.pushes = Pushes(shared)

    def push(self, worker: int, given: Given) -> Answer:
        """Apply what a worker sends, or refuse it; returns what it gets back. Who is refused begins again from that."""
        pushes, (taken, at) = self.pushes, self._taken.get(worker, (self._first, 0))
        pushes.order.append(worker)
        if failure := given.failure or not_finite(given.params):
            pushes.refused.append(LeftOut(len(pushes.order), worker, failure))
            warn(f"push {len(pushes.order)}: worker {worker} is refused: {failure}")
            reply = pushes.shared["c"]
        else:
            staleness = self._applied - at
            pushes.staleness[staleness] += 1
            pushes.shared, reply = self._strategy.push(pushes.shared, given.params, taken, staleness)
            self._applied += 1
        self._taken[worker] = reply, self._applied
        return Answer({"c": reply}, restart=reply if failure else None)


Turn = Generator[Given, Answer | None, None]
"""A worker's training, from push to push."""


def drive(server: Server, turns: Mapping[int, Turn], order: Iterable[int]) -> None:
    """Let workers train and push in one process.

    Args:
        server: what they push to.
        turns: the workers' training.
        order: which worker pushes next; each as often as its training has pushes.
    """
    answers: dict[int, Answer] = {}
    for worker in order:
        answers[worker] = server.push(worker, turns[worker].send(answers.pop(worker, None)))
    for worker, answer in answers.items():
        with contextlib.suppress(StopIteration):
            turns[worker].send(answer)
