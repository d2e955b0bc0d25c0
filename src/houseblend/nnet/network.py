"""A feed-forward network: a chain of components over windows of frames, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.affine import AffineMap
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.parameters import Layout, Parameters
from houseblend.nnet.plan import Plan, Sink
from houseblend.nnet.randomness import Randomness
from houseblend.nnet.topology import Topology


class Network:
    """A network whose numbers all lie in `parameters`.

    Rows of activations are ordered by example, then by time: row n * F + f is output frame f of example n.

    Args:
        topology: the graph.
        components: in the order of the file; each serves one node.
        values: initial tensors by name; those not named stay zero.
        device: where to compute.

    Attributes:
        parameters: all numbers, with what has been counted until it is asked for.
        left_context, right_context: frames of input needed before and after an output frame.
        input_dim, output_dim: numbers per frame.
    """

    def __init__(
        self,
        topology: Topology,
        components: Sequence[Component],
        values: Mapping[str, np.ndarray] | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.topology, self.components = topology, tuple(components)
        self._by_name = {component.name: component for component in components}
        span = Plan(topology, self._by_name, 1)
        self._parameters = Parameters(Layout(spec for c in components for spec in c.specs()), device=device)
        for name, value in (values or {}).items():
            self._parameters[name].copy_(torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self._bind()
        self._plans: dict[int, Plan] = {}
        self.left_context, self.right_context = span.left_context, span.right_context
        self.input_dim, self.output_dim = topology.input_dim, span.output_dim

    @property
    def parameters(self) -> Parameters:
        """See above."""
        for component in self.components:
            for counter in component.counters():
                counter.settle()
        return self._parameters

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return self._parameters.device

    def updatable(self) -> Iterator[UpdatableComponent]:
        """The trained components, in the order of the file."""
        return (c for c in self.components if isinstance(c, UpdatableComponent))

    def set_parameters(self, flat: torch.Tensor) -> None:
        """Copy another buffer of the same layout into this network's."""
        self.parameters.flat.copy_(flat)

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of every trained component, times its factor."""
        for component in self.updatable():
            component.set_learning_rate(rate)

    def rebuilt(
        self, topology: Topology, components: Sequence[Component], tensors: Mapping[str, torch.Tensor] | None = None
    ) -> Network:
        """A network of another graph or other components, with this one's numbers where their names agree.

        Args:
            topology: the graph.
            components: the components.
            tensors: where to take the numbers from instead.
        """
        source = self.parameters if tensors is None else tensors
        values = {spec.name: source[spec.name].cpu().numpy() for c in components for spec in c.specs()}
        return Network(topology, components, values, self.device)

    def to(self, device: str | torch.device) -> Network:
        """Move to another device; returns self."""
        self._parameters = Parameters(self.parameters.layout, self.parameters.flat.to(device))
        self._bind()
        self._plans.clear()
        return self

    def forward(self, x_NWD: torch.Tensor, training: Randomness | None = None) -> torch.Tensor:
        """Outputs of a batch of windows.

        Args:
            x_NWD: N examples of W = left_context + F + right_context frames of D numbers, float32, contiguous.
            training: the minibatch's random numbers: dropout is drawn and statistics are taken; None does neither.

        Returns:
            [N * F, output_dim], valid until the next call.

        Raises:
            InputError: the shape does not fit.
        """
        return self._forward(x_NWD, dropout=training, statistics=training)

    def take_statistics(self, x_NWD: torch.Tensor, randomness: Randomness) -> None:
        """Take statistics as in training, of what the network gives without dropout; arguments as those of `forward`."""
        self._forward(x_NWD, dropout=None, statistics=randomness)

    def _forward(self, x_NWD: torch.Tensor, dropout: Randomness | None, statistics: Randomness | None) -> torch.Tensor:
        width, dim = x_NWD.shape[1:]
        frames = width - self.left_context - self.right_context
        if dim != self.input_dim or frames < 1:
            raise InputError(
                f"network input of shape {tuple(x_NWD.shape)}",
                expected=f"[N, {self.left_context} + frames + {self.right_context}, {self.input_dim}]",
            )
        for component in self.components:
            component.randomness = dropout
        if frames not in self._plans:
            self._plans[frames] = Plan(self.topology, self._by_name, frames)
        self._plan = self._plans[frames]
        return self._plan.forward(x_NWD, statistics)

    def backward(self, dy: torch.Tensor, sink: Sink) -> None:
        """Give what the gradient is made of to `sink`, one trained component of the last `forward` after another.

        Args:
            dy: derivative of the objective by the output, [N * F, output_dim]; overwritten.
            sink: gets component, input and derivative by the output, which are valid until it returns; it may change
                the component's parameters at once.
        """
        self._plan.backward(dy, sink)

    def batch_norms(self) -> list[BatchNormComponent]:
        """The batch-norm components."""
        return [c for c in self.components if isinstance(c, BatchNormComponent)]

    def set_batch_norm_test_mode(self, test_mode: bool) -> None:
        """Let batch norm take its statistics, or else each minibatch's."""
        for component in self.batch_norms():
            component.test_mode = test_mode

    @contextmanager
    def batch_norm_in_test_mode(self) -> Iterator[None]:
        """Batch norm takes its statistics, so that outputs do not depend on how the frames are cut into minibatches."""
        modes = [component.test_mode for component in self.batch_norms()]
        self.set_batch_norm_test_mode(True)
        try:
            yield
        finally:
            for component, mode in zip(self.batch_norms(), modes, strict=True):
                component.test_mode = mode

    @contextmanager
    def products_in(self, dtype: torch.dtype | None) -> Iterator[None]:
        """Affine components round the factors of their products; all numbers that are kept stay float32."""
        maps = [component for component in self.components if isinstance(component, AffineMap)]
        for component in maps:
            component.product_dtype = dtype
        try:
            yield
        finally:
            for component in maps:
                component.product_dtype = None

    def zero_statistics(self) -> None:
        """Forget all statistics, but for those that batch norm in test mode computes with."""
        kept = {component.name for component in self.batch_norms() if component.test_mode}
        for spec, tensor in self.parameters.items():
            if spec.role in ("statistic", "counter") and spec.name.rpartition(".")[0] not in kept:
                tensor.zero_()

    def _bind(self) -> None:
        for component in self.components:
            component.bind(self._parameters)
