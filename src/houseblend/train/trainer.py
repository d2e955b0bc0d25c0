"""One step of training after another on minibatches of examples: the learner that is a network."""

import math
from dataclasses import asdict
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

BATCH_NORM_STATS_SCALE = 0.8
"""After every minibatch batch norm's statistics weigh less by this, so that those of the last few count."""


class Trainer:
    """Trains a network in place.

    Args:
        network: to train; its statistics begin anew.
        rule: the update rule.
        seed: of the dropout masks, which depend on the frames' positions in the order of data besides.

    Attributes:
        objective: sums over all minibatches, each before it was trained on.
        counts: how often limits on the change acted.
        num_minibatches: steps taken.
    """

    def __init__(self, network: Network, rule: UpdateRule, seed: int = 0) -> None:
        self.network, self.rule, self.seed = network, rule, seed
        network.zero_statistics()
        self._optimizer = Optimizer(network, rule)
        self._product_dtype = None if rule.compute_dtype == "float32" else getattr(torch, rule.compute_dtype)
        self.objective = Objective()
        self.counts = self._optimizer.counts
        self.num_minibatches = 0

    @property
    def params(self) -> torch.Tensor:
        """The trained parameters, flat [n], a view: they may be overwritten between steps."""
        return self.network.parameters.trained

    @property
    def memory(self) -> Memory:
        """What the optimizer remembers between steps."""
        return self._optimizer.memory

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

    def step(self, batch: Minibatch, pull: Pull | None = None) -> float:
        """Train on one minibatch; returns its objective (the sum).

        Args:
            batch: of examples.
            pull: anchor a, flat [n], and strength s: -s/2 ||params - a||^2 is added to the objective that is followed.

        Raises:
            NotFiniteError: the objective or a change that is limited left the finite numbers; the network is not to be
                used. A change that nothing limits is seen in the next objective.
        """
        interval = self.rule.backstitch_training_interval
        is_due = self.num_minibatches % interval == self.seed % interval
        backstitch = self.rule.backstitch_training_scale > 0 and is_due
        try:
            total = self._optimizer.step(partial(self._derive, batch), batch.num_sequences, pull, backstitch)
        except NotFiniteError as failure:
            raise failure.but(what=f"minibatch {self.num_minibatches}: {failure.what}") from None
        for component in self.network.batch_norms():
            component.scale_count(BATCH_NORM_STATS_SCALE)
        self.objective.log_prob += total
        self.objective.weight += float(batch.weights.sum(dtype=torch.float64))
        self.num_minibatches += 1
        return total

    def restart(self, params: torch.Tensor) -> None:
        """Begin again from other parameters, flat [n]: memory and statistics are forgotten."""
        self.params.copy_(params)
        self.memory.reset()
        self.network.zero_statistics()

    def _derive(self, batch: Minibatch, sink: Sink) -> float:
        """The objective of a minibatch; what its gradient is made of goes to `sink`."""
        device = self.network.device
        with self.network.products_in(self._product_dtype):
            y = self.network.forward(
                batch.x_NWD.to(device), training=Randomness(self.seed, batch.position, len(batch.x_NWD))
            )
            value, derivative = objective_and_derivative(y, batch if device.type == "cpu" else _moved(batch, device))
            total = float(value)
            if not math.isfinite(total):
                raise NotFiniteError(f"the objective is {total}", do="lower the learning rate")
            self.network.backward(derivative, sink)
        return total


def _moved(batch: Minibatch, device: torch.device) -> Minibatch:
    x, rows, pdfs, weights = (tensor.to(device) for tensor in (batch.x_NWD, batch.rows, batch.pdfs, batch.weights))
    return Minibatch(x, rows, pdfs, weights, batch.position, batch.num_sequences)
