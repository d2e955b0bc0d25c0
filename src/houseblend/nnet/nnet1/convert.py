"""Networks of nnet1 as networks of nnet3, which the house trains, and the other way round.

nnet3 has the softmax as its logarithm: its output is the log of nnet1's. A normalisation (<AddShift>, <Rescale>) becomes a fixed
affine component. Factors on learning rates are kept for the weights; nnet3 has none for biases, and no <MaxNorm>.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.affine import AffineMap, FixedAffineComponent, NaturalGradientAffineComponent
from houseblend.nnet.components.base import Component as Nnet3Component
from houseblend.nnet.components.base import UpdatableComponent
from houseblend.nnet.components.nonlinear import LogSoftmaxComponent, SigmoidComponent, TanhComponent
from houseblend.nnet.descriptor import MAX_OFFSET, Descriptor
from houseblend.nnet.formats.nnet3_components import Values
from houseblend.nnet.network import Network
from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    Layer,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
    marker,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.topology import Node, Topology
from houseblend.nnet.xconfig import MAX_CHANGE, OUTPUT_MAX_CHANGE


def to_nnet3(network: Nnet1) -> Network:
    """A network of nnet3 with the same outputs, but for the logarithm of a softmax at the end.

    Components are named as the layers of `train_dnn`: transform, hidden1.affine, hidden1.sigmoid, ..., output.log-softmax.

    Raises:
        InputError: naming a component that has no like at its place.
    """
    builder = _Builder(network)
    for number, layer in enumerate(network.layers):
        builder.add(layer, number)
    return builder.network()


class _Builder:
    """Takes layers from the front to the back."""

    def __init__(self, source: Nnet1) -> None:
        self._source, self._layers = source, source.layers
        first = self._layers[0]
        offsets = first.offsets if isinstance(first, Splice) else (0,)
        self._input: Descriptor = tuple(("input", offset) for offset in offsets)
        self._components: list[Nnet3Component] = []
        self._values: Values = {}
        self._num_hidden, self._num_fixed = 0, 0
        self._normalisation: list[AddShift | Rescale] = []

    def add(self, layer: Layer, number: int) -> None:
        """The next layer."""
        if isinstance(layer, AddShift | Rescale):
            self._normalisation.append(layer)
            return
        self._end_normalisation()
        if isinstance(layer, Splice):
            if number > 0 or any(abs(offset) > MAX_OFFSET for offset in layer.offsets):
                raise self._fail(layer, number, f"at the front, of frames at most {MAX_OFFSET} away")
        elif isinstance(layer, AffineTransform | LinearTransform):
            self._add_affine(layer, self._is_output(number))
        elif isinstance(layer, Softmax):
            if number != len(self._layers) - 1:
                raise self._fail(layer, number, "at the end")
            self._components.append(LogSoftmaxComponent("output.log-softmax", layer.input_dim))
        else:
            kind = SigmoidComponent if isinstance(layer, Sigmoid) else TanhComponent
            if number == 0 or not isinstance(self._layers[number - 1], AffineTransform | LinearTransform):
                self._num_hidden += 1
            name = f"hidden{self._num_hidden}.{type(layer).__name__.lower()}"
            self._components.append(kind(name, layer.input_dim))

    def network(self) -> Network:
        """The network of all layers."""
        self._end_normalisation()
        names = [component.name for component in self._components]
        inputs = [self._input, *(((name, 0),) for name in names)]
        nodes = tuple(Node(name, name, read) for name, read in zip(names, inputs, strict=False))
        order = "input", *names, "output"
        topology = Topology("input", self._layers[0].input_dim, nodes, "output", inputs[-1], "linear", order)
        return Network(topology, self._components, self._values)

    def _is_output(self, number: int) -> bool:
        """Whether nothing but a softmax follows."""
        return all(isinstance(layer, Softmax) for layer in self._layers[number + 1 :])

    def _add_affine(self, layer: AffineTransform | LinearTransform, is_output: bool) -> None:
        self._num_hidden += not is_output
        name = "output.affine" if is_output else f"hidden{self._num_hidden}.affine"
        component = NaturalGradientAffineComponent(name, layer.input_dim, layer.output_dim)
        component.learning_rate_factor = layer.learn_rate_coef
        component.set_learning_rate(component.learning_rate)
        component.max_change = OUTPUT_MAX_CHANGE if is_output else MAX_CHANGE
        self._components.append(component)
        bias = layer.bias if isinstance(layer, AffineTransform) else torch.zeros(layer.output_dim)
        self._values |= {f"{name}.linear": layer.weights.numpy(), f"{name}.bias": bias.numpy()}

    def _end_normalisation(self) -> None:
        """Put what normalises here, if anything does, into a fixed component."""
        if self._normalisation:
            linear, bias = _folded(self._normalisation)
            self._num_fixed += 1
            name = "transform" if not self._components else f"transform{self._num_fixed}"
            self._components.append(FixedAffineComponent(name, len(bias), len(bias)))
            self._values |= {f"{name}.linear": linear, f"{name}.bias": bias}
            self._normalisation = []

    def _fail(self, layer: Layer, number: int, where: str) -> InputError:
        what = f"layer {number + 1}, {marker(layer)}, has no like in nnet3 at this place"
        return InputError(what, file=self._source.file, expected=f"{marker(layer)} {where}", do="take it out")


def _folded(layers: Sequence[AddShift | Rescale]) -> tuple[np.ndarray, np.ndarray]:
    """The diagonal matrix [D, D] and the offset [D] that do the same."""
    scale, offset = np.ones(layers[0].input_dim), np.zeros(layers[0].input_dim)
    for layer in layers:
        if isinstance(layer, AddShift):
            offset += layer.shift.double().numpy()
        else:
            scale, offset = (factor * layer.scale.double().numpy() for factor in (scale, offset))
    return np.diag(scale), offset


def from_nnet3(network: Network, file: object = None) -> Nnet1:
    """A network of nnet1 with the same outputs, but for the exponential of a log-softmax at the end.

    Args:
        network: a chain of affine components, sigmoids and tanhs that reads several frames at its input only.
        file: where it comes from, for errors.

    Raises:
        InputError: naming a component that has no like, or a node that reads at another time.
    """
    by_name = {component.name: component for component in network.components}
    layers, before = [], network.topology.input_name
    for node in network.topology.nodes:
        offsets = tuple(offset for _, offset in node.input)
        if {name for name, _ in node.input} != {before} or (layers and offsets != (0,)):
            what = f"reads {', '.join(f'{name} at {offset}' for name, offset in node.input)}"
            expected = f"{before}, and other frames than the present one at the input only"
            raise InputError(what, file=file, key=node.name, expected=expected, do="nnet1 has no such networks")
        if offsets != (0,):
            layers.append(Splice(offsets, network.input_dim))
        layers.append(_layer_of(by_name[node.component], network, file))
        before = node.name
    if network.topology.output != ((before, 0),):
        raise InputError("the output is not the last node", file=file, expected=before, do="nnet1 has no such networks")
    return Nnet1(layers, file)


def _layer_of(component: Nnet3Component, network: Network, file: object) -> Layer:
    dim = component.output_dim
    if isinstance(component, SigmoidComponent):
        return Sigmoid(dim)
    if isinstance(component, TanhComponent):
        return Tanh(dim)
    if isinstance(component, LogSoftmaxComponent):
        return Softmax(dim)
    if isinstance(component, AffineMap) and len(component.time_offsets) == 1 and component.time_offsets[0] == 0:
        factor = component.learning_rate_factor if isinstance(component, UpdatableComponent) else 0.0
        weights = network.parameters[f"{component.name}.linear"].cpu().clone()
        if not component.has_bias:
            return LinearTransform(weights, factor)
        return AffineTransform(weights, network.parameters[f"{component.name}.bias"].cpu().clone(), factor, factor)
    raise InputError(
        f"{component.kind} has no like in nnet1", file=file, key=component.name,
        expected="affine components, SigmoidComponent, TanhComponent, LogSoftmaxComponent",
        do="train with --layer=sigmoid-layer or --layer=tanh-layer",
    )  # fmt: skip


def start_from(network: Network, dbn: Nnet1) -> None:
    """Copy the hidden layers of a network of nnet1, such as a deep belief network, into a network of the same shape.

    What normalises in front of them goes into `transform`, which keeps its own numbers if there is nothing. The output
    layer stays as it is.

    Args:
        network: input, transform (a fixed affine component), hidden1, hidden2, ..., output, as `NetworkConfig` makes it.
        dbn: pairs of <AffineTransform> and <Sigmoid> or <Tanh>, or RBMs; <Splice>, <AddShift> and <Rescale> may be before.

    Raises:
        InputError: naming the file and the layer that does not fit.
    """
    pairs, front = _hidden_pairs(dbn), [layer for layer in dbn.layers if isinstance(layer, Splice | AddShift | Rescale)]
    wanted = ["transform"] if network.components[0].name == "transform" else []
    for number, (_, nonlinearity) in enumerate(pairs, start=1):
        wanted += [f"hidden{number}.affine", f"hidden{number}.{type(nonlinearity).__name__.lower()}"]
    found = [component.name for component in network.components]
    if found[: len(wanted)] != wanted or not all(name.startswith("output.") for name in found[len(wanted) :]):
        what = f"{len(pairs)} hidden layers: {' '.join(wanted)}"
        raise InputError(what, file=dbn.file, expected=f"those of the network: {' '.join(found)}", do=_AS_MANY)
    if front:
        _copy_front(network, dbn, front)
    for number, (affine, _) in enumerate(pairs, start=1):
        _copy(network, f"hidden{number}.affine", affine.weights, affine.bias, dbn)


_AS_MANY = "train with as many layers, of the same kind, from the first round on"


def _hidden_pairs(dbn: Nnet1) -> list[tuple[AffineTransform, Sigmoid | Tanh]]:
    """The affine transforms of a network with what follows each."""
    layers = dbn.layers
    behind = next((n for n, layer in enumerate(layers) if isinstance(layer, AffineTransform)), len(layers))
    pairs = []
    for number in range(behind, len(layers), 2):
        pair = layers[number : number + 2]
        match pair:
            case [AffineTransform() as affine, Sigmoid() | Tanh() as nonlinearity]:
                pairs.append((affine, nonlinearity))
            case _:
                what = f"layers {number + 1} and {number + 2} are {' '.join(map(marker, pair))}"
                expected = "<AffineTransform> with <Sigmoid> or <Tanh>"
                raise InputError(what, file=dbn.file, expected=expected, do="take the hidden layers alone: nnet-copy")
    others = [layer for layer in layers[:behind] if not isinstance(layer, Splice | AddShift | Rescale)]
    if others or not pairs:
        what = f"begins with {' '.join(map(marker, others))}" if others else "no hidden layers"
        raise InputError(
            what, file=dbn.file, expected="<Splice>, <AddShift>, <Rescale>, then layers", do="check the file"
        )
    return pairs


def _copy_front(network: Network, dbn: Nnet1, front: Sequence[Splice | AddShift | Rescale]) -> None:
    """The splicing of the network must be that of the other; its transform becomes the other's normalisation."""
    offsets = front[0].offsets if isinstance(front[0], Splice) else (0,)
    own = tuple(offset for _, offset in network.topology.nodes[0].input)
    if offsets != own or dbn.input_dim != network.input_dim:
        what = f"splices {dbn.input_dim} numbers at frames {_listed(offsets)}"
        expected = f"{network.input_dim} numbers at frames {_listed(own)}, as the network does"
        raise InputError(what, file=dbn.file, key="transform", expected=expected, do="train it on the same features")
    normalisation = [layer for layer in front if not isinstance(layer, Splice)]
    if normalisation:
        linear, bias = map(torch.from_numpy, _folded(normalisation))
        _copy(network, "transform", linear, bias, dbn)


def _copy(network: Network, name: str, weights: torch.Tensor, bias: torch.Tensor, dbn: Nnet1) -> None:
    linear = network.parameters[f"{name}.linear"]
    if linear.shape != weights.shape:
        what = f"{weights.shape[1]} inputs and {weights.shape[0]} outputs"
        expected = f"{linear.shape[1]} and {linear.shape[0]}, as the network has"
        raise InputError(what, file=dbn.file, key=name, expected=expected, do="train it on the same features and dims")
    linear.copy_(weights)
    network.parameters[f"{name}.bias"].copy_(bias)


def _listed(offsets: Sequence[int]) -> str:
    return ",".join(map(str, offsets))
