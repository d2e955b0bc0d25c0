"""Changes that do not train: nnet3's edit lines, learning rates, and scaling of all numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.affine import AffineComponent, FixedAffineComponent
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.components.shape import DropoutComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.descriptor import ConfigLine, parse_config
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import count_of, set_count

Kind = TypeVar("Kind", bound=Component)


def apply_edits(network: Network, edits: str) -> Network:
    """Apply nnet3's edit lines, separated by semicolons or line breaks (ReadEditConfig of nnet3/nnet-utils.cc).

    `EDITS` has the lines and their keys; `name=` is a pattern of component names, `*` where it may be left out.
    Nothing but the affine components of minibatch rows, not those over several frames, can be fixed or reduced.

    Args:
        network: not to be used afterwards.
        edits: the lines.

    Raises:
        InputError: another edit, or a pattern that matches no component that it could change.
    """
    for line in parse_config(edits.replace(";", "\n"), "edits"):
        if line.kind not in EDITS:
            raise line.fail(f"the edit {line.kind!r} is not supported", " ".join(EDITS))
        edit, keys = EDITS[line.kind]
        line.check_known(keys)
        network = edit(network, line)
    return network


def change_network(network: Network, learning_rate: float | None, scale: float, edits: str) -> Network:
    """What nnet3-copy does between reading and writing, in its order.

    Args:
        network: not to be used afterwards.
        learning_rate: for all trained components, times their factors; None leaves them.
        scale: on parameters and on the counts of statistics.
        edits: see `apply_edits`.

    Raises:
        InputError: a bad edit, or a network without trained components whose rate should be set.
    """
    if learning_rate is not None:
        if not any(isinstance(c, UpdatableComponent) for c in network.components):
            raise InputError("the network has no trained components whose learning rate could be set")
        network.set_learning_rate(learning_rate)
    if scale != 1.0:
        scale_network(network, scale)
    return apply_edits(network, edits)


def scale_network(network: Network, scale: float) -> None:
    """Multiply parameters and counts; averages and frozen tensors stay as they are."""
    for _, tensor in network.parameters.items("parameter"):
        tensor.mul_(scale)
    for _, tensor in network.parameters.items("counter"):
        set_count(tensor, scale * count_of(tensor))


def _chosen(network: Network, line: ConfigLine, kind: type[Kind], what: str) -> list[Kind]:
    pattern = line.values.get("name", "*")
    found = [c for c in network.components if isinstance(c, kind) and fnmatchcase(c.name, pattern)]
    if not found:
        raise line.fail(f"no {what} component is called {pattern!r}")
    return found


def _chosen_affine(network: Network, line: ConfigLine) -> Sequence[AffineComponent]:
    found = _chosen(network, line, AffineComponent, "trained affine")
    if all(isinstance(component, TdnnComponent) for component in found):
        raise line.fail("no component but affine ones over several frames, which this edit leaves, is called so")
    return [component for component in found if not isinstance(component, TdnnComponent)]


def _number(line: ConfigLine, key: str, least: float, most: float = float("inf")) -> float:
    try:
        value = float(line.required(key))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise line.fail(f"{key}={line.values[key]}", f"a number from {least:g} to {most:g}")
    return value


def _set_learning_rate(network: Network, line: ConfigLine) -> Network:
    rate = _number(line, "learning-rate", 0.0)
    for component in _chosen(network, line, UpdatableComponent, "trained"):
        component.set_learning_rate(rate)
    return network


def _set_learning_rate_factor(network: Network, line: ConfigLine) -> Network:
    factor = _number(line, "learning-rate-factor", 0.0)
    for component in _chosen(network, line, UpdatableComponent, "trained"):
        component.learning_rate_factor = factor
    return network


def _set_dropout_proportion(network: Network, line: ConfigLine) -> Network:
    proportion = _number(line, "proportion", 0.0, 1.0)
    for component in _chosen(network, line, DropoutComponent, "dropout"):
        component.proportion = proportion
    return network


def _convert_to_fixed_affine(network: Network, line: ConfigLine) -> Network:
    fixed = {c.name: FixedAffineComponent(c.name, c.input_dim, c.output_dim) for c in _chosen_affine(network, line)}
    return network.rebuilt(network.topology, [fixed.get(c.name, c) for c in network.components])


def _reduce_rank(network: Network, line: ConfigLine) -> Network:
    rank = int(_number(line, "rank", 1))
    line.required("name")
    for component in _chosen_affine(network, line):
        if rank < min(component.linear.shape):
            left, values, right = torch.linalg.svd(component.linear, full_matrices=False)
            component.linear.copy_((left[:, :rank] * values[:rank]) @ right[:rank])
    return network


def _remove_orphans(network: Network, line: ConfigLine) -> Network:
    return _remove_orphan_components(_remove_orphan_nodes(network, line), line)


def _remove_orphan_nodes(network: Network, line: ConfigLine) -> Network:
    if line.values.get("remove-orphan-inputs", "false") not in ("true", "false"):
        raise line.fail(f"remove-orphan-inputs={line.values['remove-orphan-inputs']}", "true or false")
    return network.rebuilt(network.topology.without_orphans(), network.components)


def _remove_orphan_components(network: Network, line: ConfigLine) -> Network:
    used = {node.component for node in network.topology.nodes}
    return network.rebuilt(network.topology, [c for c in network.components if c.name in used])


def _rename_node(network: Network, line: ConfigLine) -> Network:
    old, new = line.required("old-name"), line.required("new-name")
    if old not in network.topology.order:
        raise line.fail(f"no node is called {old!r}", " ".join(network.topology.order))
    if new in network.topology.order:
        raise line.fail(f"a node is called {new!r} already")
    return network.rebuilt(network.topology.renamed(old, new), network.components)


EDITS: dict[str, tuple[Callable[[Network, ConfigLine], Network], tuple[str, ...]]] = {
    "set-learning-rate": (_set_learning_rate, ("name", "learning-rate")),
    "set-learning-rate-factor": (_set_learning_rate_factor, ("name", "learning-rate-factor")),
    "set-dropout-proportion": (_set_dropout_proportion, ("name", "proportion")),
    "convert-to-fixed-affine": (_convert_to_fixed_affine, ("name",)),
    "reduce-rank": (_reduce_rank, ("name", "rank")),
    "remove-orphans": (_remove_orphans, ("remove-orphan-inputs",)),
    "remove-orphan-nodes": (_remove_orphan_nodes, ("remove-orphan-inputs",)),
    "remove-orphan-components": (_remove_orphan_components, ()),
    "rename-node": (_rename_node, ("old-name", "new-name")),
}
"""The edit lines, what they do, and their keys. An input is no orphan in networks of one input and one output."""
