"""A network as a `torch.nn.Module`: torch's own operations, which autograd follows, on the numbers of the network's buffer.

In forward functions x is [..., input_dim] of a component, the result [..., output_dim].
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import singledispatch
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from houseblend.base.errors import InputError
from houseblend.nnet.components.affine import AffineMap
from houseblend.nnet.components.base import Component, TensorsByName
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.components.nonlinear import (
    LogSoftmaxComponent,
    RectifiedLinearComponent,
    SigmoidComponent,
    TanhComponent,
)
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent, PnormComponent
from houseblend.nnet.descriptor import Descriptor
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import count_of
from houseblend.nnet.plan import read_by
from houseblend.nnet.topology import Topology


class NetworkModule(torch.nn.Module):
    """A network for use and training by torch, in evaluation mode until `train()` is called.

    Its parameters are views of the network's buffer: what an optimizer of torch changes is what `write` writes, and what
    decoding with `network` computes with. In evaluation mode outputs are those of `nnet3-compute`; in training mode dropout
    is drawn by torch, and batch norm takes each minibatch's moments and gathers its statistics. Plain gradients: for natural
    gradient train with `nnet3-train`, or build of `NGLinear`. `to(device)` moves buffer and parameters; float32 only.

    Args:
        network: for example of `read_network`, or of an acoustic model.

    Attributes:
        network: that network.
        layers: its components in the order of the file, each with the tensors that it has in the buffer.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        by_name = {component.name: component for component in network.components}
        self.network = network
        self.layers = torch.nn.ModuleList(Layer(component, network.parameters) for component in network.components)
        self._layer_of = {name: number for number, name in enumerate(by_name)}
        self._reads = {node.name: read_by(node, by_name) for node in network.topology.nodes}
        self._reads[network.topology.output_name] = network.topology.output
        self._reaches = _reaches(network.topology, self._reads)
        self.eval()

    @classmethod
    def read(cls, path: str | Path) -> NetworkModule:
        """The network of a `.raw` or `.mdl` file.

        Raises:
            InputError: no nnet3 file, broken, or with parts that are not supported.
            NotFiniteError: NaN or infinity among its numbers.
        """
        return cls(read_network(path))

    def write(self, path: str | Path) -> None:
        """Write the network as a `.raw` file."""
        write_network(path, self.network)

    def forward(self, feats_NTD: torch.Tensor) -> torch.Tensor:
        """Outputs for every frame; missing context is the first or last frame repeated, as in `nnet3-compute`.

        Args:
            feats_NTD: features of N utterances of T frames, float32.

        Returns:
            [N, T, output_dim].

        Raises:
            InputError: no frames, or features of another dim than the network's.
        """
        self._check(feats_NTD, context=0)
        left, right = self.network.left_context, self.network.right_context
        before, after = feats_NTD[:, :1].expand(-1, left, -1), feats_NTD[:, -1:].expand(-1, right, -1)
        return self.windows(torch.cat([before, feats_NTD, after], dim=1))

    def windows(self, x_NWD: torch.Tensor) -> torch.Tensor:
        """Outputs for the inner frames of windows, whose context is given: minibatches of training.

        Args:
            x_NWD: N windows of W = left_context + F + right_context frames, float32.

        Returns:
            [N, F, output_dim].

        Raises:
            InputError: the shape does not fit.
        """
        net = self.network
        self._check(x_NWD, net.left_context + net.right_context)
        values = {net.topology.input_name: x_NWD}
        for node in net.topology.nodes:
            if node.name in self._reaches:
                values[node.name] = self.layers[self._layer_of[node.component]](self._read(node.name, values))
        return self._read(net.topology.output_name, values)

    def _check(self, x: torch.Tensor, context: int) -> None:
        if x.shape[1] <= context or x.shape[2] != self.network.input_dim:
            expected = f"[N, above {context} frames, {self.network.input_dim}]"
            raise InputError(f"network input of shape {tuple(x.shape)}", expected=expected)

    def _read(self, reader: str, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What a node reads, at the times at which it is computed: parts side by side."""
        first, last = self._reaches[reader]
        parts = []
        for name, offset in self._reads[reader]:
            begin, end = first + offset - self._reaches[name][0], self._reaches[name][1] - last - offset
            parts.append(values[name][:, begin : values[name].shape[1] - end])
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> NetworkModule:
        """What `to`, `cuda` and the like do: the buffer moves, and the parameters with it."""
        moved = fn(self.network.parameters.flat)
        if moved.dtype != torch.float32:
            raise InputError(f"a network of {moved.dtype}", expected="torch.float32")
        if moved.device != self.network.device:
            self.network.to(moved.device)
            for layer in self.layers:
                assert isinstance(layer, Layer)
                layer.share(self.network.parameters)
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> NetworkModule:
        """The module of a copy of the network."""
        other = type(self)(copy.deepcopy(self.network, memo)).train(self.training)
        for theirs, own in zip(other.parameters(), self.parameters(), strict=True):
            theirs.requires_grad_(own.requires_grad)
        return other


class Layer(torch.nn.Module):
    """A component as a module: trained tensors are parameters, all others buffers.

    Args:
        component: the component.
        tensors: the network's buffer, by names.
    """

    linear: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    count: torch.Tensor

    def __init__(self, component: Component, tensors: TensorsByName) -> None:
        super().__init__()
        self.component = component
        for spec in component.specs():
            data, field = tensors[spec.name].data, spec.name.rpartition(".")[2]
            if spec.role == "parameter":
                self.register_parameter(field, torch.nn.Parameter(data))
            else:
                self.register_buffer(field, data)

    def share(self, tensors: TensorsByName) -> None:
        """Take the numbers of another buffer of the same layout."""
        fields = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        for field, tensor in fields.items():
            tensor.data, tensor.grad = tensors[f"{self.component.name}.{field}"].data, None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of [..., input_dim], [..., output_dim]."""
        return _output(self.component, self, x)


def _reaches(topology: Topology, reads: Mapping[str, Descriptor]) -> dict[str, tuple[int, int]]:
    """The times at which each node is computed: from `first` before the first output frame to `last` after the last one."""
    found = {topology.output_name: (0, 0), topology.input_name: (0, 0)}
    for name in (topology.output_name, *(node.name for node in reversed(topology.nodes))):
        if name in found:
            first, last = found[name]
            for read, offset in reads[name]:
                times = found.get(read, (first + offset, last + offset))
                found[read] = min(times[0], first + offset), max(times[1], last + offset)
    return found


@singledispatch
def _output(component: Component, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    raise InputError(f"{component.kind} has no module", key=component.name)


@_output.register
def _(component: AffineMap, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x, layer.linear, layer.bias if component.has_bias else None)


@_output.register
def _(component: BatchNormComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    """A network without statistics takes the rows at hand; one that is compiled or exported counts as having them."""
    rows = x.reshape(-1, component.block_dim)
    in_test = component.test_mode or not layer.training
    if in_test and (torch.compiler.is_compiling() or count_of(layer.count) > 0.0):
        variance, mean = layer.variance, layer.mean
    else:
        variance, mean = torch.var_mean(rows, dim=0, correction=0)
        if layer.training:
            component.count.settle()
            component.gather(mean.detach(), variance.detach(), len(rows))
            component.count.settle()
    return ((rows - mean) * (component.target_rms * (variance + component.epsilon).rsqrt())).reshape(x.shape)


@_output.register
def _(component: SigmoidComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return x.sigmoid()


@_output.register
def _(component: TanhComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return x.tanh()


@_output.register
def _(component: RectifiedLinearComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return x.relu()


@_output.register
def _(component: LogSoftmaxComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return x.log_softmax(-1)


@_output.register
def _(component: PnormComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (component.output_dim, -1)).norm(dim=-1)


@_output.register
def _(component: NormalizeComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    blocks = x.unflatten(-1, (-1, component.block_dim))
    rms = component.relative_rms(blocks)
    y = blocks / rms
    if component.add_log_stddev:
        y = torch.cat([y, (rms * component.target_rms).log()], dim=-1)
    return y.flatten(-2)


@_output.register
def _(component: DropoutComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    """torch divides by what is kept, nnet3 does not."""
    drawn = x.new_ones(x.shape[:-1] + (1,)) if component.per_frame else torch.ones_like(x)
    drawn = functional.dropout(drawn, component.proportion, layer.training and not component.test_mode)
    return x * (drawn * (1.0 - component.proportion))


@_output.register
def _(component: NoOpComponent, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    """The value is x, the derivative `backprop_scale`."""
    return x.detach() + component.backprop_scale * (x - x.detach())
