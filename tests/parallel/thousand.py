"""A thousand workers on softmax regression, pushed by a virtual clock: the smallest network, for what the driver costs."""

import numpy as np
import torch
from quadratic import Batch, NoMemory

from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.server import Pushes, Server, drive
from houseblend.parallel.strategies.asgd import Asgd
from houseblend.parallel.strategy import Moment
from houseblend.parallel.worker import Worker

WORKERS, RATE = 1000, 0.0005


class Softmax:
    """Softmax regression [8 classes] on rows of 16 numbers: a network without hidden layers, its gradient by hand."""

    def __init__(self, params, rate):
        self.params, self.rate, self.memory = params.clone(), rate, NoMemory()
        self.weight = self.params.view(8, 16)

    def step(self, batch, pull=None):
        x, target = batch
        y = torch.softmax(x @ self.weight.t(), 1)
        self.weight.addmm_((y - target).t(), x, alpha=-self.rate)
        return 0.0

    def check(self):
        pass

    def restart(self, params):
        self.params.copy_(params)


def batches_of(seed: int) -> list[Batch]:
    """Minibatches of 16 rows, whose classes a linear map decides."""
    chance = np.random.default_rng(seed)
    truth = torch.from_numpy(chance.normal(size=(16, 8))).float()
    rows = [torch.from_numpy(chance.normal(size=(16, 16))).float() for _ in range(50)]
    return [Batch((x, torch.nn.functional.one_hot((x @ truth).argmax(1), 8).float())) for x in rows]


def train(batches: list[Batch], pushes: int) -> Pushes:
    """Every worker pushes so often, after a minibatch each."""
    strategy = Asgd(1).at(Moment(WORKERS, RATE))
    shared = strategy.begin(torch.zeros(128))
    turns = {}
    for n in range(1, WORKERS + 1):
        data = (batches[(n + i) % len(batches)] for i in range(pushes))
        turns[n] = Worker(n, Softmax(shared["c"], RATE), data, strategy, {}).train(shared, pushes, pushes)
    server = Server(strategy, shared)
    drive(server, turns, Clock(Machine("1", 0.2), [pushes] * WORKERS, 1, 512).order())
    return server.pushes


def accuracy(pushes: Pushes, batches: list[Batch]) -> float:
    """Share of rows that the server's parameters classify rightly."""
    weight = pushes.shared["c"].view(8, 16)
    return float(torch.stack([((x @ weight.t()).argmax(1) == y.argmax(1)).float().mean() for x, y in batches]).mean())
