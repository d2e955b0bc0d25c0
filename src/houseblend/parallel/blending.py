"""A round on one rank: its workers take turns from blend to blend, then the round ends for all ranks as one.

Every rank runs this same function; what it decides follows from what all ranks know, so all decide alike.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Mapping

import torch

from houseblend.base.errors import NotFiniteError
from houseblend.base.log import warn
from houseblend.parallel.group import Group
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import LeftOut, Refusal, RoundRecord
from houseblend.parallel.round_end import end_round, mean_of_memories
from houseblend.parallel.round_worker import RoundWorker, read_start
from houseblend.parallel.strategy import Shared, Strategy
from houseblend.parallel.task import MemoryPolicy, RoundTask
from houseblend.parallel.worker import Answer, Given, Told, Worker


def run_round(task: RoundTask, group: Group, told: Told) -> RoundRecord | Refusal:
    """Train this rank's workers, blend, and write what the round leaves; the same answer on every rank.

    Raises:
        InputError: model, data or state are missing or do not fit.
    """
    torch.set_num_threads(task.threads)
    strategy = task.strategy_now()
    start = read_start(task, strategy)
    workers = {number: RoundWorker(task, number, strategy, start, told) for number in group.workers}
    blending = Blending(task.plan, task.memory, strategy, group, start.shared)
    try:
        blending.train(workers)
    except NoneFiniteError as failure:
        return Refusal(task.plan.round, task.attempt, task.plan, {}, {0: str(failure)}, blending.left_out)
    finished = {number: worker.finish() for number, worker in workers.items()}
    return end_round(task, strategy, group, start.model, blending.shared, finished, blending.left_out)


class NoneFiniteError(NotFiniteError):
    """No worker gave a finite number; every rank finds so at once."""


class Blending:
    """The blends inside a round.

    Args:
        plan: of the round.
        memory: what becomes of the optimizer's memory.
        strategy: as it is in this round.
        group: the ranks.
        shared: the strategy's arrays before the round.

    Attributes:
        shared: now.
        left_out: gives that were not finite.
    """

    def __init__(
        self, plan: RoundPlan, memory: MemoryPolicy, strategy: Strategy, group: Group, shared: Shared
    ) -> None:  # fmt: skip
        self.plan, self.memory, self.strategy, self.group, self.shared = plan, memory, strategy, group, shared
        self.left_out: list[LeftOut] = []
        self._under_way: deque[torch.Tensor] = deque()

    def train(self, workers: Mapping[int, Worker]) -> None:
        """Let the workers train to the end of their data, and blend as often as the strategy asks.

        Raises:
            NoneFiniteError: all workers had to be left out of a blend.
        """
        steps, blends = self.plan.steps, self.plan.inner_blends(self.strategy.every)
        turns = {number: worker.train(self.shared, steps, blends) for number, worker in workers.items()}
        answers: dict[int, Answer | None] = dict.fromkeys(turns)
        for blend in range(1, blends + 1):
            given = {number: turn.send(answers[number]) for number, turn in turns.items()}
            answers = self._blend(blend, given)
        for number, turn in turns.items():
            with contextlib.suppress(StopIteration):
                turn.send(answers[number])
        for mean in self._under_way:
            self.shared = self.strategy.blend(self.shared, mean)
            for worker in workers.values():
                worker.take(self.shared)

    def _blend(self, blend: int, given: Mapping[int, Given]) -> dict[int, Answer | None]:
        failures = self.group.gather({number: one.failure or _not_finite(one.params) for number, one in given.items()})
        bad = {number: failure for number, failure in failures.items() if failure}
        self.left_out += [LeftOut(blend, number, failure) for number, failure in bad.items()]
        for number in bad.keys() & given.keys():
            warn(f"round {self.plan.round}, blend {blend}: worker {number} is left out: {bad[number]}")
        if len(bad) == len(failures):
            raise NoneFiniteError(f"blend {blend}: no worker gave finite numbers, worker 1: {bad[1]}")
        weights = [0.0 if number in bad else 1.0 for number in failures]
        mean = self.group.mean({number: one.params for number, one in given.items()}, weights)
        arrived = self._arrived(mean)
        memory = None
        if self.memory.optimizer_memory == "average":
            memory = mean_of_memories(self.group, {n: one.memory for n, one in given.items() if n not in bad})
        return {number: Answer(arrived, memory, mean if number in bad else None) for number in given}

    def _arrived(self, mean: torch.Tensor) -> Shared | None:
        """The shared arrays after the blend that is `lag` blends old; None while there is none."""
        self._under_way.append(mean.clone() if self.strategy.lag else mean)
        if len(self._under_way) <= self.strategy.lag:
            return None
        self.shared = self.strategy.blend(self.shared, self._under_way.popleft())
        return self.shared


def _not_finite(params: torch.Tensor) -> str:
    """Why a give cannot enter a mean; a float64 sum of finite float32 numbers is finite."""
    return "" if math.isfinite(float(params.sum(dtype=torch.float64))) else "NaN or infinity among the parameters"
