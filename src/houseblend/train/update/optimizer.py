"""Gradients made changes of a network's parameters, as nnet3's NnetTrainer does (Kaldi's nnet3/nnet-training, nnet-utils)."""

import math
from collections.abc import Callable
from functools import partial

import torch

from houseblend.nnet.components.affine import NaturalGradientAffineComponent
from houseblend.nnet.components.base import UpdatableComponent
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Parameters
from houseblend.nnet.plan import Sink
from houseblend.train.update.memory import Memory
from houseblend.train.update.natural_gradient import (
    OnlineNaturalGradient,
    PreconditionedAffine,
    Preconditioner,
    learn,
)
from houseblend.train.update.rule import UpdateRule
from houseblend.train.update.simple_natural_gradient import SimpleNaturalGradient

Pull = tuple[torch.Tensor, float]
"""Anchor a [num_trained] and strength s of a term -s/2 ||p - a||^2 in the objective of a minibatch."""


class Optimizer:
    """Changes the trained parameters of a network, minibatch by minibatch.

    The direction of a component is its learning rate times its gradient, preconditioned where the component has natural
    gradient; what is regularized, kept (momentum) and limited (max-change) is the direction.

    Args:
        network: its settings are read, its parameters are changed.
        rule: the update rule.

    Attributes:
        memory: what is remembered between minibatches.
        told: of the last step, [2 + components], float64: the norm of its change, how often the limit on that acted, and how
            often each component's did. A change that nothing limits has no norm: 0.
    """

    def __init__(self, network: Network, rule: UpdateRule) -> None:
        self._parameters, self._components, self._rule = network.parameters, list(network.updatable()), rule
        self._preconditioners = {c.name: found for c in self._components if (found := _preconditioner(c, rule.update))}
        self._delta = network.parameters.trained_zeros()
        kept_or_limited = rule.momentum or rule.max_param_change or rule.backstitch_training_scale
        by_component = any(c.max_change > 0 or c.l2_regularize for c in self._components)
        self._is_direct = not kept_or_limited and not by_component
        online = self._preconditioners if rule.update == "ng" else {}
        self.memory = Memory(self._delta.flat if rule.momentum else None, online)
        self._estimates = [estimate for sides in online.values() for estimate in sides.estimates]
        limits = [rule.max_param_change, *(c.max_change for c in self._components)]
        device = network.device
        self._limits = torch.tensor(
            [limit if limit > 0 else math.inf for limit in limits], dtype=torch.float64, device=device
        )
        self.told = torch.zeros(1 + len(limits), dtype=torch.float64, device=device)

    def step(
        self,
        derive: Callable[[Sink], torch.Tensor],
        num_sequences: int,
        pull: Pull | None = None,
        backstitch: bool = False,
    ) -> torch.Tensor:
        """Change the parameters by what one minibatch says; nothing of it waits for the device.

        Args:
            derive: computes the objective with the parameters as they are, and gives all derivatives to the sink.
            num_sequences: examples in the minibatch, by which L2 is weighted.
            pull: towards what the parameters are pulled besides.
            backstitch: step back first, then from there forward (Wang et al. 2017).

        Returns:
            What `derive` returned, the first time.
        """
        self.told.zero_()
        if backstitch:
            total = self._backstitch(derive, num_sequences, pull)
        elif self._is_direct and pull is None:
            total = derive(partial(self._accumulate, self._parameters))
        else:
            total = derive(partial(self._accumulate, self._delta))
            self._regularize(num_sequences, pull)
            self._apply(1.0 - self._rule.momentum)
        learn(self._estimates)
        return total

    def _backstitch(
        self, derive: Callable[[Sink], torch.Tensor], num_sequences: int, pull: Pull | None
    ) -> torch.Tensor:  # fmt: skip
        """A step back by a share of it, from there a step forward by 1 and that share."""
        scale, sink = self._rule.backstitch_training_scale, partial(self._accumulate, self._delta)
        self._freeze(True)
        total = derive(sink)
        self._apply(-scale, limit=scale)
        self._freeze(False)
        derive(sink)
        self._regularize(num_sequences, pull, 1.0 + scale)
        self._apply(1.0 + scale, limit=1.0 + scale)
        return total

    def _freeze(self, frozen: bool) -> None:
        for preconditioner in self._preconditioners.values():
            preconditioner.freeze(frozen)

    def _accumulate(self, target: Parameters, component: UpdatableComponent, x: torch.Tensor, dy: torch.Tensor) -> None:
        """Add a component's direction to `target`."""
        preconditioner = self._preconditioners.get(component.name)
        if preconditioner is None:
            component.accumulate(x, dy, target, component.learning_rate)
            return
        x1, dy = preconditioner(x, dy)
        dim = component.input_dim
        component.accumulate(x1[:, :dim], dy, target, component.learning_rate, ones=x1[:, -1])

    def _regularize(self, num_sequences: float, pull: Pull | None, share: float = 1.0) -> None:
        """Add rate times the derivative of the L2 term (nnet3's ApplyL2Regularization) and of the pull.

        Args:
            num_sequences: as in `step`.
            pull: as in `step`.
            share: of the direction that will be applied.
        """
        for component in self._components:
            delta, parameters = self._delta.span(component.name), self._parameters.span(component.name)
            rate = component.learning_rate
            decay = -2.0 * component.l2_regularize * rate * (num_sequences / share) * self._rule.l2_regularize_factor
            if decay:
                delta.add_(parameters, alpha=decay)
            if pull is not None:
                anchor, strength = pull
                gap = anchor[self._parameters.layout.spans[component.name]] - parameters
                delta.add_(gap, alpha=rate * strength / share)

    def _apply(self, share: float, limit: float = 1.0) -> None:
        """Add share * delta, limited by component and in all; keep momentum * delta (UpdateNnetWithMaxChange).

        Args:
            share: negative for a step back.
            limit: factor on the limits.
        """
        for component, factor in zip(self._components, self._factors(share, limit).unbind(), strict=True):
            self._parameters.span(component.name).addcmul_(self._delta.span(component.name), factor)
        if self._rule.momentum:
            self._delta.flat.mul_(self._rule.momentum)
        else:
            self._delta.flat.zero_()

    def _factors(self, share: float, limit: float) -> torch.Tensor:
        """By what to multiply each component's direction, [components]: `share`, or less where a limit acts; see `_apply`."""
        norms = torch.stack(
            [torch.linalg.vector_norm(self._delta.span(component.name)) for component in self._components]
        )
        norms = norms.double() * abs(share)
        limits = limit * self._limits
        scales = (limits[1:] / norms).clamp_(max=1.0)
        change = torch.linalg.vector_norm(scales * norms)
        overall = (limits[0] / change).clamp_(max=1.0)
        self.told[0] = change
        self.told[1:] += torch.cat([overall.view(1), scales]) < 1.0
        return (share * overall * scales).float()


def _preconditioner(component: UpdatableComponent, update: str) -> PreconditionedAffine | None:
    """Both sides of a component that has natural gradient, not yet started; None for the plain gradient."""
    if not isinstance(component, NaturalGradientAffineComponent) or update == "sgd":
        return None
    if component.is_gradient or not component.use_natural_gradient:
        return None

    def side(rank: int, alpha: float) -> Preconditioner:
        if update == "simple-ng":
            return SimpleNaturalGradient(alpha)
        return OnlineNaturalGradient(rank, component.update_period, component.num_samples_history, alpha=alpha)

    sides = side(component.rank_in, component.alpha_in), side(component.rank_out, component.alpha_out)
    return PreconditionedAffine(*sides, component.input_dim, component.output_dim, constant=component.has_bias)
