"""A logical worker: a generator that trains, and yields where a blend is due. It knows no ranks and no files.

Parameters are flat, [n].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from houseblend.base.errors import NotFiniteError
from houseblend.base.log import warn
from houseblend.parallel.strategy import Own, Shared, WorkerSide

Told = Callable[[int, int], None]
"""Called with a worker and the frames that it has just learnt."""


class Memory(Protocol):
    """What an optimizer remembers from minibatch to minibatch."""

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of it all."""
        ...

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from such a copy."""
        ...

    def reset(self) -> None:
        """Forget."""
        ...


class Learner(Protocol):
    """What a worker trains: a network's trainer, or anything else with flat parameters.

    Attributes:
        params: the trained parameters, flat [n]; a blend writes into them.
        memory: the optimizer's.
    """

    @property
    def params(self) -> torch.Tensor:
        """See above."""
        ...

    @property
    def memory(self) -> Memory:
        """See above."""
        ...

    def step(self, batch: Any, pull: tuple[torch.Tensor, float] | None = None) -> Any:
        """Learn a minibatch, perhaps pulled to an anchor [n] with a strength.

        Raises:
            NotFiniteError: see `check`.
        """
        ...

    def check(self) -> None:
        """Wait for what it is learning.

        Raises:
            NotFiniteError: a minibatch since the last check left the finite numbers: the parameters are not to be used.
        """
        ...

    def restart(self, params: torch.Tensor) -> None:
        """Begin again from other parameters, flat [n], with nothing remembered."""
        ...


@dataclass
class Given:
    """What a worker hands over for a blend.

    Args:
        params: what enters the mean, flat [n]; valid until the worker goes on.
        memory: the optimizer's, where the policy asks for it.
        failure: why the worker's parameters are not to be used; empty for none.
    """

    params: torch.Tensor
    memory: dict[str, np.ndarray] = field(default_factory=dict)
    failure: str = ""


@dataclass
class Answer:
    """What a worker goes on with.

    Args:
        shared: the strategy's arrays after the blend; None where it is not yet formed.
        memory: the mean of all workers', where the policy asks for it.
        restart: the mean, for a worker whose give was left out.
        params: the mean of its group, between blends of all, [n].
    """

    shared: Shared | None
    memory: dict[str, np.ndarray] | None = None
    restart: torch.Tensor | None = None
    params: torch.Tensor | None = None


class Worker:
    """One of the workers of a round.

    Args:
        number: which, from 1.
        learner: what it trains.
        batches: its minibatches, in order; `len(batch)` frames each.
        strategy: as it is in this round.
        own: its arrays in the strategy.
        memory: what becomes of the optimizer's memory at a blend: reset, keep or average.
        told: see `Told`.

    Attributes:
        failure: why its parameters are not to be used; empty for none.
        reading, training: seconds spent waiting for data, and learning.
    """

    def __init__(
        self, number: int, learner: Learner, batches: Iterator[Any], strategy: WorkerSide, own: Own, memory: str = "keep",
        told: Told = lambda worker, frames: None,
    ) -> None:  # fmt: skip
        self.number, self.learner, self.strategy, self.own = number, learner, strategy, own
        self._batches, self._policy, self._told = batches, memory, told
        self.failure, self.reading, self.training = "", 0.0, 0.0

    def train(self, shared: Shared, steps: int, blends: int) -> Generator[Given, Answer | None, None]:
        """Train to the end of the round's data; yields what is given at each blend, and each mean of a group, inside the round.

        Args:
            shared: the strategy's arrays before the round.
            steps: minibatches that all workers count to, whether they have them or not.
            blends: inside the round, one every `strategy.every` minibatches.
        """
        every, inside = self.strategy.every, self.strategy.inside
        for step in range(1, steps + 1):
            blends_now = every and step % every == 0 and step // every <= blends
            meets_its_group = inside and step % inside == 0 and step < steps
            self._step(shared, gives=bool(blends_now or meets_its_group or step == steps))
            if blends_now:
                answer = yield self.give(shared)
                assert answer is not None
                shared = self.go_on(answer, shared)
            elif meets_its_group:
                answer = yield Given(self.learner.params, self._memory_to_give(), self.failure)
                assert answer is not None
                self.go_on(answer, shared)

    def give(self, shared: Shared) -> Given:
        """What it gives to a blend of all."""
        self.own, sent = self.strategy.give(shared, self.own, self.learner.params)
        return Given(sent, self._memory_to_give(), self.failure)

    def _step(self, shared: Shared, gives: bool) -> None:
        """One minibatch, if there is one and the worker is sane; all are looked at before it gives what it has learnt."""
        began = time.monotonic()
        batch = next(self._batches, None)
        read = time.monotonic()
        self.reading += read - began
        if self.failure:
            return
        try:
            if batch is not None:
                self.learner.step(batch, self.strategy.pull(shared, self.own))
            if gives:
                self.learner.check()
        except NotFiniteError as failure:
            self.failure = f"not finite: {failure}"
            warn(f"worker {self.number}: {self.failure}")
        if batch is not None:
            self.own = self.strategy.watch(self.own, self.learner.params)
            self._told(self.number, len(batch))
        self.training += time.monotonic() - read

    def _memory_to_give(self) -> dict[str, np.ndarray]:
        return self.learner.memory.arrays() if self._policy == "average" else {}

    def go_on(self, answer: Answer, shared: Shared) -> Shared:
        """Go on from a blend; returns the strategy's arrays after it."""
        shared = shared if answer.shared is None else answer.shared
        if answer.restart is not None:
            self.own, params = self.strategy.rejoin(shared, self.own, answer.restart)
            self.failure = ""
            self.learner.restart(params)
        elif answer.shared is not None:
            self.own, params = self.strategy.take(shared, self.own, self.learner.params)
            self.learner.params.copy_(params)
        elif answer.params is not None:
            self.learner.params.copy_(answer.params)
        if answer.memory is not None:
            self.learner.memory.load(answer.memory)
        elif self._policy == "reset":
            self.learner.memory.reset()
        return shared
