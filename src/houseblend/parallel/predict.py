"""How long a round takes at N workers, by a description of machine and link: what makes `nnet-predict-speedup`.

It trains nothing: minibatches have seconds, blends have bytes. Every worker has a core or device of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.seeds import seed_of
from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine, Workload
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.group import share_of
from houseblend.parallel.strategy import Moment, Strategy, WorkerSide

_SAMPLE = 1200
"""Numbers of the vector that a strategy is asked with what part of it is sent."""


@dataclass(frozen=True)
class Prediction:
    """A round.

    Args:
        workers: how many.
        seconds: from its beginning to its end.
        waiting: of a worker, for others or for the link, in seconds, the mean over workers.
        sent: bytes that a worker sends.
    """

    workers: int
    seconds: float
    waiting: float
    sent: float


def predict(strategy: WorkerSide, machine: Machine, workload: Workload, workers: int, seed: int = 1) -> Prediction:
    """A round of so many workers, among whom its minibatches are shared out.

    Args:
        strategy: how they blend, or push.
        machine: speeds and link.
        workload: minibatches, parameters, what else takes time.
        workers: how many.
        seed: of the speeds' spread.
    """
    strategy = strategy.at(Moment(workers=workers, seen=1.0))
    steps = [len(share_of(worker, workers, workload.round_steps)) for worker in range(workers)]
    if isinstance(strategy, Asynchronous):
        clock = Clock(machine, steps, strategy.every, 4 * workload.parameters, seed)
        pushes = sum(1 for _ in clock.order())
        waiting, sent = sum(clock.waiting) / workers, 4.0 * workload.parameters * pushes / workers
        return Prediction(workers, clock.now + workload.round_seconds, waiting, sent)
    assert isinstance(strategy, Strategy)
    return _blended(strategy, machine, workload, steps, seed)


def _blended(strategy: Strategy, machine: Machine, workload: Workload, steps: Sequence[int], seed: int) -> Prediction:
    """Workers meet at each blend; with a lag they train on while it forms, and wait for the one `lag` blends ago."""
    workers, last = len(steps), max(steps)
    every, inside = strategy.every or last, strategy.inside
    seconds = _minibatches(machine, steps, seed)
    sent = round(workload.parameters * sent_share(strategy))
    blend, among = _exchange(machine, workload, workers, sent), _groups(strategy, workers)
    clock, busy, done, before, total = np.zeros(workers), seconds.sum(1).mean(), [0.0], 0, 0.0
    for step in range(1, last + 1):
        blends = step % every == 0 or step == last
        if not blends and not (inside and step % inside == 0):
            continue
        clock += seconds[:, before:step].sum(1)
        before = step
        if not blends:
            for members in among:
                part = slice(members.start - 1, members.stop - 1)
                clock[part] = clock[part].max() + _exchange(machine, workload, len(members), workload.parameters)
            total += 4 * workload.parameters
            continue
        done.append(max(clock.max(), done[-1]) + blend)
        total += 4 * sent
        if len(done) > strategy.lag + 1:
            clock = np.maximum(clock, done[-1 - strategy.lag])
    end = max(clock.max(), done[-1]) + workload.round_seconds
    return Prediction(workers, end, end - workload.round_seconds - busy, total if workers > 1 else 0.0)


def _minibatches(machine: Machine, steps: Sequence[int], seed: int) -> np.ndarray:
    """Seconds of each minibatch, [workers, the most minibatches]; log-normal around each worker's mean."""
    seconds = np.zeros((len(steps), max(steps)))
    for worker, count in enumerate(steps):
        chance = np.random.default_rng(seed_of(seed, "virtual speed", 0, worker + 1))
        spread = machine.step_spread
        drawn = np.exp(spread * chance.standard_normal(count) - spread**2 / 2)
        seconds[worker, :count] = machine.speeds[worker % len(machine.speeds)] * drawn
    return seconds


def _exchange(machine: Machine, workload: Workload, ranks: int, numbers: int) -> float:
    """Seconds of an exact mean: every rank gets its slice of all, adds it up, and hands out the mean of it."""
    adding = numbers * workload.sum_seconds
    if ranks == 1:
        return adding
    moved = 4 * numbers * (ranks - 1) / ranks
    transfer = moved / machine.link_bandwidth if machine.link_bandwidth else 0.0
    return 2 * (math.ceil(math.log2(ranks)) * machine.link_latency + transfer) + adding


def _groups(strategy: Strategy, workers: int) -> list[range]:
    count = min(strategy.groups, workers)
    return [share_of(number, count, workers) for number in range(count)]


def sent_share(strategy: Strategy) -> float:
    """The part of the parameters that a blend sends."""
    params = torch.zeros(_SAMPLE)
    shared = strategy.begin(params)
    _, sent = strategy.give(shared, strategy.join(shared), params)
    return len(sent) / _SAMPLE


def table(predictions: Sequence[Prediction]) -> str:
    """A line for each; the speed-up is over the first."""
    rows = ["workers   seconds  speed-up  efficiency  waiting  MB sent by each"]
    first = predictions[0]
    for one in predictions:
        ratio = first.seconds / one.seconds
        rows.append(
            f"{one.workers:7d} {one.seconds:9.4g} {ratio:9.2f} {ratio * first.workers / one.workers:10.0%} "
            f"{one.waiting / one.seconds:8.1%} {one.sent / 1e6:16.4g}"
        )
    return "\n".join(rows)
