"""A virtual clock: when workers of stated speeds push over a link of stated speed. It trains nothing.

The order of events depends on these numbers and a seed alone: not on this machine, nor on what is learnt.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from houseblend.base.seeds import seed_of
from houseblend.parallel.asynchronous.machine import Machine


class Clock:
    """The pushes of one round.

    Args:
        machine: speeds.
        steps: minibatches of each worker.
        every: minibatches from push to push.
        size: bytes of a push, and of what comes back.
        seed: of the run.
        number: of the round.

    Attributes:
        now: seconds when the last push so far was applied.
        waiting: seconds that each worker has waited for the server so far.
        training: seconds that each worker has trained so far.
    """

    def __init__(
        self, machine: Machine, steps: Sequence[int], every: int, size: int, seed: int = 0, number: int = 0
    ) -> None:  # fmt: skip
        self._machine, self._speeds, self._steps, self._every = machine, machine.speeds, steps, every
        self._transfer = size / machine.link_bandwidth if machine.link_bandwidth else 0.0
        self._chance = [
            np.random.default_rng(seed_of(seed, "virtual speed", number, worker)) for worker in range(1, len(steps) + 1)
        ]
        self.now, self.waiting, self.training = 0.0, [0.0] * len(steps), [0.0] * len(steps)

    def order(self) -> Iterator[int]:
        """Workers, from 1, as the server gets their pushes: who sends first; of two at once, the lower number.

        The link carries one push at a time into the server and one answer at a time out of it.
        """
        left = list(self._steps)
        waiting = [(self._stretch(worker, left), worker) for worker in range(len(left)) if left[worker]]
        heapq.heapify(waiting)
        into, out = 0.0, 0.0
        while waiting:
            sent, worker = heapq.heappop(waiting)
            into = max(into, sent) + self._transfer
            self.now = into + self._machine.link_latency
            out = max(out, self.now) + self._transfer
            back = out + self._machine.link_latency
            self.waiting[worker] += back - sent
            yield worker + 1
            if left[worker]:
                heapq.heappush(waiting, (back + self._stretch(worker, left), worker))

    def _stretch(self, worker: int, left: list[int]) -> float:
        """Seconds of a worker's minibatches until its next push; they are taken from those that are left."""
        count = min(self._every, left[worker])
        left[worker] -= count
        seconds, spread = self._speeds[worker % len(self._speeds)], self._machine.step_spread
        if spread:  # log-normal, of mean 1
            seconds *= float(np.exp(spread * self._chance[worker].standard_normal(count) - spread**2 / 2).mean())
        self.training[worker] += count * seconds
        return count * seconds
