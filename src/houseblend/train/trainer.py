"""One step of training after another, as nnet3's NnetTrainer takes them (Kaldi's nnet3/nnet-training, nnet-utils)."""

import math
from dataclasses import dataclass, field

import torch

from houseblend.base.errors import NotFiniteError, UsageError
from houseblend.nnet.components.base import Update
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Parameters
from houseblend.nnet.products import COMPUTE_DTYPES, ComputeDtype
from houseblend.train.examples import Minibatch
from houseblend.train.objective import Objective, objective_and_derivative

BATCH_NORM_STATS_SCALE = 0.8
"""After every minibatch batch norm's statistics weigh less by this, so that those of the last few count."""


@dataclass(frozen=True)
class UpdateRule:
    """How the gradient is computed, and what is done with it.

    Args:
        momentum: share of the previous change that is kept; the new one counts 1 - momentum.
        max_param_change: largest norm of the change of all parameters in one minibatch; 0 for no limit.
        l2_regularize_factor: factor on every component's l2-regularize; 1 / number of workers whose models are averaged.
        update: ng takes natural gradient where a component has it, simple-ng that of each minibatch on its own,
            sgd the plain gradient everywhere.
        backstitch_scale: before its step, a minibatch is stepped away from by this share of it; 0 for no backstitch.
        backstitch_interval: minibatches from one backstitch to the next.
        compute_dtype: to which the factors of the layers' products are rounded; parameters, natural gradient and all
            else are float32.

    Raises:
        UsageError: backstitch with momentum, or an unknown type.
    """

    momentum: float = 0.0
    max_param_change: float = 2.0
    l2_regularize_factor: float = 1.0
    update: Update = "ng"
    backstitch_scale: float = 0.0
    backstitch_interval: int = 1
    compute_dtype: ComputeDtype = "float32"

    def __post_init__(self) -> None:
        if self.backstitch_scale and self.momentum:
            raise UsageError("backstitch and momentum", expected="one of them")
        if self.compute_dtype not in COMPUTE_DTYPES:
            raise UsageError(f"--compute-dtype={self.compute_dtype}", expected=" or ".join(COMPUTE_DTYPES))


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
        self._is_direct = self._adds_directly()
        self.objective = Objective()
        self.counts = Counts()
        self.num_minibatches = 0

    def step(self, batch: Minibatch) -> float:
        """Train on one minibatch; returns its objective (the sum).

        Raises:
            NotFiniteError: the objective or a change that is limited left the finite numbers; the network is not to be
                used. A change that nothing limits is seen in the next objective.
        """
        interval = self.rule.backstitch_interval
        if self.rule.backstitch_scale > 0 and self.num_minibatches % interval == self.seed % interval:
            total = self._backstitch(batch, self.rule.backstitch_scale)
        else:
            total = self._accumulate(batch)
            if not self._is_direct:
                self._regularize(batch.num_sequences)
                self._apply(1.0 - self.rule.momentum)
        for component in self.network.batch_norms():
            component.scale_count(BATCH_NORM_STATS_SCALE)
        self.objective.log_prob += total
        self.objective.weight += float(batch.weights.sum(dtype=torch.float64))
        self.num_minibatches += 1
        return total

    def _backstitch(self, batch: Minibatch, scale: float) -> float:
        """A step back by `scale`, then from there one forward by 1 + scale (Wang et al. 2017); returns the first objective."""
        self.network.freeze_natural_gradient(True)
        total = self._accumulate(batch)
        self._apply(-scale, limit=scale)
        self.network.freeze_natural_gradient(False)
        self._accumulate(batch)
        self._regularize(batch.num_sequences / (1.0 + scale))
        self._apply(1.0 + scale, limit=1.0 + scale)
        return total

    def _adds_directly(self) -> bool:
        """Whether the direction is the change: nothing of it is kept, limited or regularized."""
        rule, components = self.rule, list(self.network.updatable())
        kept_or_limited = rule.momentum or rule.backstitch_scale or rule.max_param_change > 0
        return not kept_or_limited and not any(c.max_change > 0 or c.l2_regularize for c in components)

    def _accumulate(self, batch: Minibatch) -> float:
        """Add rate times direction to `delta`, or to the parameters if it is the change; returns the objective."""
        device = self.network.device
        with self.network.products_in(COMPUTE_DTYPES[self.rule.compute_dtype]):
            y = self.network.forward(batch.x_NWD.to(device), self.seed, batch.position)
            value, derivative = objective_and_derivative(y, batch if device.type == "cpu" else _moved(batch, device))
            total = float(value)
            if not math.isfinite(total):
                raise NotFiniteError(
                    f"the objective of minibatch {self.num_minibatches} is {total}", do="lower the learning rate"
                )
            target = self.network.parameters if self._is_direct else self.delta
            self.network.backward(derivative, target, self.rule.update)
        return total

    def _regularize(self, num_sequences: float) -> None:
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

    def _apply(self, share: float, limit: float = 1.0) -> None:
        """Add share * delta, limited by component and in all; keep momentum * delta (UpdateNnetWithMaxChange).

        Args:
            share: negative for a step back.
            limit: factor on the limits.
        """
        scales: list[tuple[str, float]] = []
        squared = 0.0
        for component in self.network.updatable():
            norm = float(torch.linalg.vector_norm(self.delta.span(component.name))) * abs(share)
            scale = 1.0
            if component.max_change > 0 and norm > limit * component.max_change:
                scale = limit * component.max_change / norm
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
        if self.rule.max_param_change > 0 and change > limit * self.rule.max_param_change:
            overall = limit * self.rule.max_param_change / change
            self.counts.max_change_global += 1
        for name, scale in scales:
            self.network.parameters.span(name).add_(self.delta.span(name), alpha=share * overall * scale)
        if self.rule.momentum:
            self.delta.flat.mul_(self.rule.momentum)
        else:
            self.delta.flat.zero_()


def _moved(batch: Minibatch, device: torch.device) -> Minibatch:
    x, rows, pdfs, weights = (tensor.to(device) for tensor in (batch.x_NWD, batch.rows, batch.pdfs, batch.weights))
    return Minibatch(x, rows, pdfs, weights, batch.position, batch.num_sequences)
