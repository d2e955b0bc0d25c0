"""A virtual clock: when workers of stated speeds push over a link of stated speed. It trains nothing.

The order of events depends on these numbers and a seed alone: not on this machine, nor on what is learnt.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name
from houseblend.base.seeds import seed_of


@dataclass(frozen=True)
class Machine:
    """Workers and the link to the server, for --exchange=virtual; or the training whose order of pushes is taken."""

    step_seconds: str = declared("1", "virtual: seconds of a minibatch, of each worker in turn; 1,1,1,2: one is slow")
    step_spread: float = declared(0.0, "virtual: standard deviation of their logarithm, from minibatch to minibatch")
    link_latency: float = declared(0.0, "virtual: seconds on the way to the server, and as many back")
    link_bandwidth: float = declared(0.0, "virtual: bytes a second into the server, and as many out; 0: no limit")
    replay: Path | None = declared(None, "virtual: take the order of pushes of this training, of the same options")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        if not all(0.0 < value < math.inf for value in self.speeds):
            raise UsageError(f"--step-seconds={self.step_seconds}", expected="positive numbers, 1,1,1,2")
        for name in ("step_spread", "link_latency", "link_bandwidth"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected="0 or more")

    @property
    def speeds(self) -> list[float]:
        """Seconds of a minibatch, of each worker in turn; not finite where no number stands."""
        return [_number(text) for text in self.step_seconds.split(",")]


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
    """

    def __init__(
        self, machine: Machine, steps: Sequence[int], every: int, size: int, seed: int = 0, number: int = 0
    ) -> None:  # fmt: skip
        self._machine, self._steps, self._every = machine, steps, every
        self._transfer = size / machine.link_bandwidth if machine.link_bandwidth else 0.0
        self._chance = [
            np.random.default_rng(seed_of(seed, "virtual speed", number, worker)) for worker in range(1, len(steps) + 1)
        ]
        self.now, self.waiting = 0.0, [0.0] * len(steps)

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
        speeds, spread = self._machine.speeds, self._machine.step_spread
        seconds = speeds[worker % len(speeds)]
        if spread == 0.0:
            return count * seconds
        # log-normal, of mean 1
        return seconds * float(np.exp(spread * self._chance[worker].standard_normal(count) - spread**2 / 2).sum())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
