"""A network made ready for decoding: test mode, and successive affine components made one (nnet3's CollapseModel)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from houseblend.nnet.components.affine import AffineComponent, AffineMap
from houseblend.nnet.components.base import Component
from houseblend.nnet.components.shape import DropoutComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.network import Network
from houseblend.nnet.topology import Node

Tensors = dict[str, torch.Tensor]


def prepare_for_test(network: Network) -> Network:
    """Set test mode in batch norm and dropout, and collapse affine components.

    Args:
        network: not to be used afterwards.
    """
    network.set_batch_norm_test_mode(True)
    for component in network.components:
        if isinstance(component, DropoutComponent):
            component.test_mode = True
    return collapse_affine(network)


def collapse_affine(network: Network) -> Network:
    """Replace every affine component that reads nothing but another one by their product, `<first>.<second>`.

    The first must not make the dimension smaller; it may be read at several times. Nodes and components that
    nothing reads any more are left out.

    Args:
        network: not to be used afterwards.
    """
    components = {component.name: component for component in network.components}
    tensors = {spec.name: tensor for spec, tensor in network.parameters.items()}
    nodes = {node.name: node for node in network.topology.nodes}
    for name in nodes:
        while (first := _affine_below(nodes[name], nodes, components)) is not None:
            nodes[name] = _collapse(nodes[first], nodes[name], components, tensors)
    topology = replace(network.topology, nodes=tuple(nodes.values())).without_orphans()
    used = {node.component for node in topology.nodes}
    return network.rebuilt(
        topology, [component for component in components.values() if component.name in used], tensors
    )


def _affine_below(node: Node, nodes: Mapping[str, Node], components: Mapping[str, Component]) -> str | None:
    """The node that this one can be collapsed with."""
    below = {name for name, _ in node.input}
    if len(below) != 1 or not below <= set(nodes):
        return None
    (name,) = below
    first, second = components[nodes[name].component], components[node.component]
    if isinstance(first, TdnnComponent) or isinstance(second, TdnnComponent):
        return None
    fits = isinstance(first, AffineMap) and isinstance(second, AffineComponent) and first.input_dim <= first.output_dim
    return name if fits else None


def _collapse(first_node: Node, node: Node, components: dict[str, Component], tensors: Tensors) -> Node:
    """The node after its component is replaced by the product: W = W2 W1 in each block of W2's columns, b = b2 + W2 b1."""
    first, second = components[first_node.component], components[node.component]
    product = AffineComponent(f"{first.name}.{second.name}", len(node.input) * first.input_dim, second.output_dim)
    blocks = tensors[f"{second.name}.linear"].view(second.output_dim, len(node.input), first.output_dim)
    tensors[f"{product.name}.linear"] = (blocks @ tensors[f"{first.name}.linear"]).view(second.output_dim, -1)
    tensors[f"{product.name}.bias"] = tensors[f"{second.name}.bias"] + blocks.sum(1) @ tensors[f"{first.name}.bias"]
    components[product.name] = product
    reads = tuple((name, offset + later) for _, later in node.input for name, offset in first_node.input)
    return Node(node.name, product.name, reads)
