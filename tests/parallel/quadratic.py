"""Workers on least squares in float64: the smallest learner, for what is proved of strategies."""

import numpy as np
import torch

from houseblend.parallel.blending import Blending
from houseblend.parallel.group import Alone
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.strategy import Moment
from houseblend.parallel.task import MemoryPolicy
from houseblend.parallel.worker import Worker

DIM = 12


class NoMemory:
    """Nothing is remembered."""

    def arrays(self):
        return {}

    def load(self, arrays):
        pass

    def reset(self):
        pass


class Quadratic:
    """SGD on |X p - y|^2 / 2 a row, summed over the minibatch, with a proximal term if there is a pull."""

    def __init__(self, params, rate):
        self.params, self.rate, self.memory = params.clone(), rate, NoMemory()

    def gradient(self, batch):
        x, y = batch
        return x.T @ (x @ self.params - y)

    def step(self, batch, pull=None):
        g = self.gradient(batch)
        if pull is not None:
            anchor, strength = pull
            g = g + strength * (self.params - anchor)
        self.params -= self.rate * g
        return 0.0

    def check(self):
        pass

    def restart(self, params):
        self.params.copy_(params)


class Batch(tuple):
    """Rows and targets; its length is the number of rows."""

    def __len__(self):
        return len(self[0])


class Problem:
    """Data of all rounds for several workers, unequal in number where asked for, and where all begin."""

    def __init__(self, seed, workers=4, rounds=3, steps=24, short=0):
        chance = np.random.default_rng(seed)
        self.workers, self.rounds, self.steps = workers, rounds, steps
        truth = torch.from_numpy(chance.normal(size=DIM))
        self.start = torch.from_numpy(chance.normal(size=DIM))
        self.rate = 0.02

        def batch():
            x = torch.from_numpy(chance.normal(size=(3, DIM)))
            return Batch((x, x @ truth + 0.1 * torch.from_numpy(chance.normal(size=3))))

        counts = [steps - (short if worker == 1 else 0) for worker in range(workers)]
        self.data = [[[batch() for _ in range(count)] for count in counts] for _ in range(rounds)]

    def plan(self, number):
        intervals = [(0, 3 * len(batches)) for batches in self.data[number]]
        return RoundPlan(number, intervals, self.rate, 3, 0.0, 1, number / self.rounds)


def blend(problem, strategy):
    """The model after each round, by the house's worker, blending and kernel, in float64."""
    models, shared, owns, params = [], None, None, None
    for number in range(problem.rounds):
        plan = problem.plan(number)
        now = strategy.at(Moment(problem.workers, problem.rate, plan.seen))
        if shared is None:
            shared = now.begin(problem.start)
            params = [problem.start] * problem.workers
            owns = [now.join(shared) for _ in range(problem.workers)]
        workers = {
            n: Worker(n, Quadratic(p, problem.rate), iter(data), now, own)
            for n, (p, own, data) in enumerate(zip(params, owns, problem.data[number], strict=True), start=1)
        }
        group = Alone("local", problem.workers)
        blending = Blending(plan, MemoryPolicy(), now, group, shared)
        blending.train(workers)
        ones = [1.0] * problem.workers
        given = {n: now.give(blending.shared, w.own, w.learner.params) for n, w in workers.items()}
        mean = group.mean({n: sent for n, (_, sent) in given.items()}, ones, torch.empty_like(given[1][1]))
        shared = now.blend(blending.shared, mean)
        after = {n: now.take(shared, given[n][0], w.learner.params) for n, w in workers.items()}
        shows = {n: now.show(shared, own, p) for n, (own, p) in after.items()}
        models.append(group.mean(shows, ones).clone())
        owns, params = [own for own, _ in after.values()], [p for _, p in after.values()]
        shared = now.lasting(shared) or shared
    return models
