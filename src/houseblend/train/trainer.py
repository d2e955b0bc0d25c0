"""One step of training after another, as nnet3's NnetTrainer takes them (Kaldi's nnet3/nnet-training, nnet-utils)."""

import math
from dataclasses import dataclass, field

import torch

from houseblend.base.errors import NotFiniteError
from houseblend.nnet.components.base import Update
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Parameters
from houseblend.train.examples import Minibatch
from houseblend.train.objective import Objective, objective_and_derivative

BATCH_NORM_STATS_SCALE = 0.8
"""After every minibatch batch norm's statistics weigh less by this, so that those of the last few count."""


@dataclass(frozen=True)
class UpdateRule:
    """What is done with the gradient.

    Args:
        momentum: share of the previous change that is kept; the new one counts 1 - momentum.
        max_param_change: largest norm of the change of all parameters in one minibatch; 0 for no limit.
        l2_regularize_factor: factor on every component's l2-regularize; 1 / number of workers whose models are averaged.
        update: ng takes natural gradient where a component has it, simple-ng that of each minibatch on its own,
            sgd the plain gradient everywhere.
    """

    momentum: float = 0.0
    max_param_change: float = 2.0
    l2_regularize_factor: float = 1.0
    update: Update = "ng"


@dataclass
class Counts:
    """How often the limits on the change acted: globally, and by component."""

    max_change_global: int = 0
    max_change_component: dict[str, int] = field(default_factory=dict)


class Trainer:
    """Trains a network in place.

    Args:
        network: to train; its statistics begin anew.
        rule: the update rule.
        seed: of the dropout masks, which depend on the frames' positions in the order of data besides.
    """

    def __init__(self, network: Network, rule: UpdateRule, seed: int = 0) -> None:
        self.network, self.rule, self.seed = network, rule, seed
        network.zero_statistics()
        self.delta: Parameters = network.parameters.zeros_like()
        self.objective = Objective()
        self.counts = Counts()
        self.num_minibatches = 0

    def step(self, batch: Minibatch) -> float:
        """Train on one minibatch; returns its objective (the sum).

        Raises:
            NotFiniteError: the objective or the change left the finite numbers; the network is not to be used.
        """
        device = self.network.device
        y = self.network.forward(batch.x_NWD.to(device), self.seed, batch.position)
        value, derivative = objective_and_derivative(y, batch if device.type == "cpu" else _moved(batch, device))
        total = float(value)
        if not math.isfinite(total):
            raise NotFiniteError(
                f"the objective of minibatch {self.num_minibatches} is {total}", do="lower the learning rate"
            )
        self.network.backward(derivative, self.delta, self.rule.update)
        self._regularize(batch.num_sequences)
        self._apply()
        for component in self.network.batch_norms():
            component.scale_count(BATCH_NORM_STATS_SCALE)
        self.objective.log_prob += total
        self.objective.weight += float(batch.weights.sum(dtype=torch.float64))
        self.num_minibatches += 1
        return total

    def _regularize(self, num_sequences: int) -> None:
        """Add -2 * l2 * learning rate * examples * parameters (nnet3's ApplyL2Regularization)."""
        for component in self.network.updatable():
            scale = (
                -2.0
                * component.l2_regularize
                * component.learning_rate
                * num_sequences
                * self.rule.l2_regularize_factor
            )
            if scale:
                self.delta.span(component.name).add_(self.network.parameters.span(component.name), alpha=scale)

    def _apply(self) -> None:
        """Add (1 - momentum) * delta, limited by component and in all; keep momentum * delta (UpdateNnetWithMaxChange)."""
        share = 1.0 - self.rule.momentum
        scales: list[tuple[str, float]] = []
        squared = 0.0
        for component in self.network.updatable():
            norm = float(torch.linalg.vector_norm(self.delta.span(component.name))) * share
            scale = 1.0
            if component.max_change > 0 and norm > component.max_change:
                scale = component.max_change / norm
                hits = self.counts.max_change_component
                hits[component.name] = hits.get(component.name, 0) + 1
            scales.append((component.name, scale))
            squared += (scale * norm) ** 2
        change = math.sqrt(squared)
        if not math.isfinite(change):
            raise NotFiniteError(
                f"the change of minibatch {self.num_minibatches} is {change}", do="lower the learning rate"
            )
        overall = 1.0
        if self.rule.max_param_change > 0 and change > self.rule.max_param_change:
            overall = self.rule.max_param_change / change
            self.counts.max_change_global += 1
        for name, scale in scales:
            self.network.parameters.span(name).add_(self.delta.span(name), alpha=share * overall * scale)
        self.delta.flat.mul_(self.rule.momentum)


def _moved(batch: Minibatch, device: torch.device) -> Minibatch:
    x, rows, pdfs, weights = (tensor.to(device) for tensor in (batch.x_NWD, batch.rows, batch.pdfs, batch.weights))
    return Minibatch(x, rows, pdfs, weights, batch.position, batch.num_sequences)
