"""A round on one rank: its workers take turns from blend to blend, then the round ends for all ranks as one.

Every rank runs this same function; what it decides follows from what all ranks know, so all decide alike.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from houseblend.base.errors import NotFiniteError
from houseblend.base.log import warn
from houseblend.parallel.group import Group, share_of
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
        self._under_way: deque[Callable[[], Formed]] = deque()

    def train(self, workers: Mapping[int, Worker]) -> None:
        """Let the workers train to the end of their data, and blend as often as the strategy asks.

        Raises:
            NoneFiniteError: all workers had to be left out of a blend.
        """
        every, inside = self.strategy.every, self.strategy.inside
        steps, blends = self.plan.steps, self.plan.inner_blends(every)
        turns = {number: worker.train(self.shared, steps, blends) for number, worker in workers.items()}
        answers: Mapping[int, Answer | None] = dict.fromkeys(turns)
        with contextlib.ExitStack() as stack:
            parts = [(members, stack.enter_context(self.group.among(members))) for members in self._groups()]
            for step in range(1, steps):
                blend = every and step % every == 0
                if blend or (inside and step % inside == 0):
                    given = {number: turn.send(answers[number]) for number, turn in turns.items()}
                    answers = self._blended(step // every, given) if blend else self._inside(parts, given)
        for number, turn in turns.items():
            with contextlib.suppress(StopIteration):
                turn.send(answers[number])
        while self._under_way:
            for number, answer in self._arrived(workers).items():
                workers[number].go_on(answer, self.shared)

    def end(self, workers: Mapping[int, Worker]) -> list[float]:
        """Blend once more, where no gate judges the workers; returns the weights of all, 0 where one was left out.

        Raises:
            NoneFiniteError: all workers had to be left out.
        """
        blend = self.plan.inner_blends(self.strategy.every) + 1
        self._begin(blend, {number: worker.give(self.shared) for number, worker in workers.items()})
        for number, answer in self._arrived(workers).items():
            workers[number].go_on(answer, self.shared)
        bad = {one.worker for one in self.left_out if one.blend == blend}
        return [float(number not in bad) for number in range(1, self.plan.workers + 1)]

    def _groups(self) -> list[range]:
        """Numbers of the workers that are averaged between blends: blocks of neighbours, as equal as can be."""
        count = min(self.strategy.groups, self.plan.workers) if self.strategy.group_period else 0
        return [share_of(number, count, self.plan.workers) for number in range(count)]

    def _inside(
        self, parts: Sequence[tuple[range, Group | None]], given: Mapping[int, Given]
    ) -> Mapping[int, Answer | None]:
        """Each worker goes on from the mean of its group; one that is not finite sits out until the next blend."""
        answers: dict[int, Answer | None] = {}
        for members, part in parts:
            if part is not None:
                mine = {number: one for number, one in given.items() if number in members}
                formed = form(part, 0, mine, self.memory.optimizer_memory).kept()
                for number in mine:
                    answers[number] = Answer(None, formed.memory, params=None if number in formed.bad else formed.mean)
        return answers

    def _blended(self, blend: int, given: Mapping[int, Given]) -> Mapping[int, Answer | None]:
        """What each worker goes on with after a blend of all, which may still be under way."""
        self._begin(blend, given)
        return self._arrived(given) if len(self._under_way) > self.strategy.lag else dict.fromkeys(given, Answer(None))

    def _begin(self, blend: int, given: Mapping[int, Given]) -> None:
        """Form the mean, now or while training goes on; then it is formed of copies."""
        policy = self.memory.optimizer_memory
        if self.strategy.lag == 0:
            formed = form(self.group, blend, given, policy)
            self._under_way.append(lambda: formed)
        else:
            copies = {number: replace(one, params=one.params.clone()) for number, one in given.items()}
            self._under_way.append(self.group.aside(lambda group: form(group, blend, copies, policy).kept()))

    def _arrived(self, numbers: Iterable[int]) -> Mapping[int, Answer]:
        """What this rank's workers go on with after the mean that began first."""
        formed = self._under_way.popleft()()
        self.left_out += [LeftOut(formed.blend, number, failure) for number, failure in formed.bad.items()]
        for number in formed.bad.keys() & set(numbers):
            warn(f"round {self.plan.round}, blend {formed.blend}: worker {number} is left out: {formed.bad[number]}")
        if formed.mean is None:
            raise NoneFiniteError(f"blend {formed.blend}: no worker gave finite numbers, worker 1: {formed.bad[1]}")
        self.shared = self.strategy.blend(self.shared, formed.mean)
        return {n: Answer(self.shared, formed.memory, formed.mean if n in formed.bad else None) for n in numbers}


@dataclass
class Formed:
    """A mean.

    Args:
        blend: which, from 1.
        bad: workers that were left out, and why.
        mean: of the others, flat, valid until the next one is formed; None if there are no others.
        memory: that of their optimizers, where the policy asks for it.
    """

    blend: int
    bad: dict[int, str]
    mean: torch.Tensor | None
    memory: dict[str, np.ndarray] | None = None

    def kept(self) -> Formed:
        """The same, with a mean that the next one leaves alone."""
        return self if self.mean is None else replace(self, mean=self.mean.clone())


def form(group: Group, blend: int, given: Mapping[int, Given], policy: str) -> Formed:
    """The mean of what all workers give that can be used.

    Args:
        group: the ranks.
        blend: which, from 1.
        given: by this rank's workers.
        policy: what becomes of the optimizer's memory.
    """
    failures = group.gather({number: one.failure or not_finite(one.params) for number, one in given.items()})
    bad = {number: failure for number, failure in failures.items() if failure}
    if len(bad) == len(failures):
        return Formed(blend, bad, None)
    weights = [float(n in failures and n not in bad) for n in range(1, group.num_workers + 1)]
    mean = group.mean({n: one.params for n, one in given.items()}, weights)
    memory = None
    if policy == "average":
        memory = mean_of_memories(group, {n: one.memory for n, one in given.items() if n not in bad})
    return Formed(blend, bad, mean, memory)


def not_finite(params: torch.Tensor) -> str:
    """Why what a worker gives, [n], cannot be used, or nothing; a float64 sum of finite float32 numbers is finite."""
    return "" if math.isfinite(float(params.sum(dtype=torch.float64))) else "NaN or infinity among the parameters"
