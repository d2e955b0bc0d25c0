"""Networks of nnet2 as networks of nnet3, which the house trains.

nnet3 has the softmax as its logarithm: its output is the log of nnet2's. Learning rates and the fields of natural gradient are
kept, but for the limit of changes, which is by the minibatch and component there, not by the frame.
"""

from __future__ import annotations

from houseblend.base.errors import InputError
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.components import affine as nnet3
from houseblend.nnet.components.base import Component as Nnet3Component
from houseblend.nnet.components.nonlinear import LogSoftmaxComponent
from houseblend.nnet.components.nonlinear import TanhComponent as Nnet3Tanh
from houseblend.nnet.components.shape import NormalizeComponent as Nnet3Normalize
from houseblend.nnet.components.shape import PnormComponent as Nnet3Pnorm
from houseblend.nnet.formats.nnet3_components import Values
from houseblend.nnet.network import Network
from houseblend.nnet.nnet2.components import (
    AffineComponent,
    AffineComponentPreconditionedOnline,
    Component,
    FixedAffineComponent,
    NormalizeComponent,
    PnormComponent,
    SoftmaxComponent,
    SpliceComponent,
    SumGroupComponent,
    TanhComponent,
)
from houseblend.nnet.nnet2.network import Nnet2, Nnet2Model
from houseblend.nnet.topology import Node, Topology
from houseblend.nnet.xconfig import MAX_CHANGE, OUTPUT_MAX_CHANGE

_SUFFIX = {TanhComponent: "tanh", PnormComponent: "pnorm", NormalizeComponent: "renorm"}


def model_to_nnet3(model: Nnet2Model) -> AcousticModel:
    """The acoustic model of nnet3 with the same log-likelihoods.

    Raises:
        InputError: as `to_nnet3`.
    """
    return AcousticModel(model.transition_model, to_nnet3(model.network), model.priors, model.network.file)


def to_nnet3(network: Nnet2) -> Network:
    """A network of nnet3 with the same outputs, but for the logarithm of a softmax at the end.

    Components are named as the layers of `train_dnn`: transform, hidden1.affine, hidden1.pnorm, ..., output.log-softmax.

    Raises:
        InputError: naming a component that has no like at its place.
    """
    components: list[Nnet3Component] = []
    values: Values = {}
    nodes: list[Node] = []
    source, offsets = "input", (0,)
    num_hidden, num_fixed, rest = 0, 0, list(network.components)
    while rest:
        component = rest.pop(0)
        if isinstance(component, SpliceComponent):
            if offsets != (0,) or not rest:
                raise _no_like(component, network, "between others that are none")
            offsets = component.context
            continue
        if isinstance(component, SoftmaxComponent) and rest:
            raise _no_like(component, network, "at the end, of a model before nnet-am-mixup")
        is_output = isinstance(component, AffineComponent) and all(isinstance(one, SoftmaxComponent) for one in rest)
        num_hidden += isinstance(component, AffineComponent) and not is_output
        num_fixed += type(component) is FixedAffineComponent
        name = _name(component, num_hidden, num_fixed, is_output)
        components.append(_converted(component, name, is_output, network))
        if isinstance(component, FixedAffineComponent):
            values |= {f"{name}.linear": component.linear.numpy(), f"{name}.bias": component.bias.numpy()}
        nodes.append(Node(name, name, tuple((source, offset) for offset in offsets)))
        source, offsets = name, (0,)
    order = "input", *(node.name for node in nodes), "output"
    topology = Topology("input", network.input_dim, tuple(nodes), "output", ((source, 0),), "linear", order)
    return Network(topology, components, values)


def _name(component: Component, num_hidden: int, num_fixed: int, is_output: bool) -> str:
    if isinstance(component, SoftmaxComponent):
        return "output.log-softmax"
    if isinstance(component, AffineComponent):
        return "output.affine" if is_output else f"hidden{num_hidden}.affine"
    if isinstance(component, FixedAffineComponent):
        return f"transform{num_fixed}" if num_fixed > 1 else "transform"
    return f"hidden{num_hidden}.{_SUFFIX.get(type(component), 'other')}"


def _converted(component: Component, name: str, is_output: bool, network: Nnet2) -> Nnet3Component:
    dims = component.input_dim, component.output_dim
    if isinstance(component, AffineComponent):
        return _trained(component, name, is_output)
    if isinstance(component, FixedAffineComponent):
        return nnet3.FixedAffineComponent(name, *dims)
    if isinstance(component, TanhComponent):
        return Nnet3Tanh(name, component.input_dim)
    if isinstance(component, PnormComponent):
        return Nnet3Pnorm(name, *dims)
    if isinstance(component, NormalizeComponent):
        return Nnet3Normalize(name, component.input_dim)
    if isinstance(component, SoftmaxComponent):
        return LogSoftmaxComponent(name, component.input_dim)
    raise _no_like(component, network, "nowhere")


def _trained(component: AffineComponent, name: str, is_output: bool) -> nnet3.AffineComponent:
    dims = component.input_dim, component.output_dim
    if isinstance(component, AffineComponentPreconditionedOnline):
        converted = nnet3.NaturalGradientAffineComponent(name, *dims)
        converted.rank_in, converted.rank_out = component.rank_in, component.rank_out
        converted.update_period, converted.num_samples_history = component.update_period, component.num_samples_history
        converted.alpha_in = converted.alpha_out = component.alpha
    else:
        converted = nnet3.AffineComponent(name, *dims)
    converted.learning_rate, converted.is_gradient = component.learning_rate, component.is_gradient
    converted.max_change = OUTPUT_MAX_CHANGE if is_output else MAX_CHANGE
    return converted


def _no_like(component: Component | SumGroupComponent, network: Nnet2, where: str) -> InputError:
    name = type(component).__name__
    return InputError(
        f"component {network.components.index(component)}, {name}, has no like in nnet3 at this place",
        file=network.file, expected=f"{name} {where}", do="take it out, or take another model",
    )  # fmt: skip
