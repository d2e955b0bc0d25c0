"""One step of training after another on minibatches of examples: the learner that is a network."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch

from houseblend.base.errors import NotFiniteError
from houseblend.nnet.network import Network
from houseblend.nnet.plan import Sink
from houseblend.nnet.randomness import Randomness
from houseblend.train.examples import Minibatch
from houseblend.train.objective import Objective, objective_and_derivative
from houseblend.train.update.memory import Memory
from houseblend.train.update.optimizer import Optimizer, Pull
from houseblend.train.update.rule import UpdateRule

READ_EVERY = 50
"""Minibatches after which the host reads, at the latest, what became of them."""
BATCH_NORM_STATS_SCALE = 0.8
"""After every minibatch batch norm's statistics weigh less by this, so that those of the last few count."""


@dataclass
class Counts:
    """How often the limits on the change acted: globally, and by component."""

    max_change_global: int = 0
    max_change_component: dict[str, int] = field(default_factory=dict)


class Trainer:
    """Trains a network in place; what the device says of each minibatch waits there until the host wants to know it.

    Args:
        network: to train; its statistics begin anew.
        rule: the update rule.
        seed: of the dropout masks, which depend on the frames' positions in the order of data besides.

    Attributes:
        params: the trained parameters, flat [n], a view: they may be overwritten between steps.
        num_minibatches: steps taken.
    """

    def __init__(self, network: Network, rule: UpdateRule, seed: int = 0) -> None:
        self.network, self.rule, self.seed = network, rule, seed
        network.zero_statistics()
        self._optimizer = Optimizer(network, rule)
        self._product_dtype = None if rule.compute_dtype == "float32" else getattr(torch, rule.compute_dtype)
        self.params = network.parameters.trained
        self.num_minibatches = 0
        self._objective, self._counts = Objective(), Counts()
        told = self._optimizer.told
        self._unread = told.new_empty(READ_EVERY, 1 + len(told))
        """Objective, and what the optimizer told, of each minibatch since the host read last."""
        self._weights: list[float] = []
        """Of these minibatches."""

    @property
    def memory(self) -> Memory:
        """What the optimizer remembers between steps."""
        return self._optimizer.memory

    @property
    def objective(self) -> Objective:
        """Sums over all minibatches, each before it was trained on; see `check`."""
        self.check()
        return self._objective

    @property
    def counts(self) -> Counts:
        """How often limits on the change acted; see `check`."""
        self.check()
        return self._counts

    @property
    def frames(self) -> float:
        """Weight of all minibatches."""
        return self.objective.weight

    @property
    def mean_objective(self) -> float:
        """Per frame, in nats."""
        return self.objective.per_frame

    @property
    def limits(self) -> dict[str, Any]:
        """The `counts`, by name."""
        return asdict(self.counts)

    def step(self, batch: Minibatch, pull: Pull | None = None) -> torch.Tensor:
        """Train on one minibatch; returns its objective (the sum), a scalar on the device.

        Args:
            batch: of examples.
            pull: anchor a, flat [n], and strength s: -s/2 ||params - a||^2 is added to the objective that is followed.

        Raises:
            NotFiniteError: see `check`.
        """
        interval = self.rule.backstitch_training_interval
        is_due = self.num_minibatches % interval == self.seed % interval
        backstitch = self.rule.backstitch_training_scale > 0 and is_due
        total = self._optimizer.step(partial(self._derive, batch), batch.num_sequences, pull, backstitch)
        for component in self.network.batch_norms():
            component.scale_count(BATCH_NORM_STATS_SCALE)
        torch.cat([total.view(1), self._optimizer.told], out=self._unread[len(self._weights)])
        self._weights.append(batch.weight)
        self.num_minibatches += 1
        if len(self._weights) == READ_EVERY:
            self.check()
        return total

    def check(self) -> None:
        """Read what became of the minibatches since the last check; the objectives and changes of all were finite, if it returns.

        Raises:
            NotFiniteError: naming the first minibatch whose objective, or change that is limited, was not; it and those after it
                count for nothing, and the network is not to be used. A change that nothing limits is seen in the next objective.
        """
        weights, self._weights = self._weights, []
        first = self.num_minibatches - len(weights)
        rows = self._unread[: len(weights)].tolist() if weights else []
        for number, (row, weight) in enumerate(zip(rows, weights, strict=True), first):
            if not math.isfinite(sum(row[:2])):
                self.num_minibatches = number
                fault = f"the norm of its change is {row[1]}" if math.isfinite(row[0]) else f"the objective is {row[0]}"
                raise NotFiniteError(f"minibatch {number}: {fault}", do="lower the learning rate")
            self._count(row, weight)

    def _count(self, row: Sequence[float], weight: float) -> None:
        log_prob, _, by_all, *by_component = row
        self._objective.log_prob += log_prob
        self._objective.weight += weight
        self._counts.max_change_global += int(by_all)
        hits = self._counts.max_change_component
        for component, times in zip(self.network.updatable(), by_component, strict=True):
            if times:
                hits[component.name] = hits.get(component.name, 0) + int(times)

    def restart(self, params: torch.Tensor) -> None:
        """Begin again from other parameters, flat [n]: memory and statistics are forgotten."""
        self.params.copy_(params)
        self.memory.reset()
        self.network.zero_statistics()

    def _derive(self, batch: Minibatch, sink: Sink) -> torch.Tensor:
        """The objective of a minibatch, a scalar; what its gradient is made of goes to `sink`."""
        device = self.network.device
        moved = batch if device.type == "cpu" else batch.to(device)
        with self.network.products_in(self._product_dtype):
            y = self.network.forward(moved.x_NWD, training=Randomness(self.seed, batch.position, len(batch.x_NWD)))
            total, derivative = objective_and_derivative(y, moved)
            self.network.backward(derivative, sink)
        return total
