"""Changes to networks of nnet2: means, mixing up, mending of units (nnet2bin/nnet-am-average, mixup-nnet, nnet-fix)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.gmm.estimate import split_targets
from houseblend.gmm.options import SplitOptions
from houseblend.nnet.nnet2.components import (
    AffineComponent,
    Component,
    Nonlinear,
    SoftmaxComponent,
    SumGroupComponent,
    TanhComponent,
)
from houseblend.nnet.nnet2.network import Nnet2
from houseblend.nnet.nnet2.options import FixOptions, MixupOptions


def averaged(networks: Sequence[Nnet2], weights: Sequence[float], skip_last_layer: bool = False) -> Nnet2:
    """The first network with the weighted sum of all parameters and statistics.

    Args:
        networks: at least one, of the same components.
        weights: of each.
        skip_last_layer: from the last trained component on, everything is the first's.

    Raises:
        InputError: naming a network of other components.
    """
    result, end = copy.deepcopy(networks[0]), len(networks[0].components)
    for other in networks[1:]:
        if _shape(other) != _shape(result):
            raise InputError("other components", file=other.file, expected=f"those of {result.file}", do="check it")
    if skip_last_layer and result.trained:
        end = result.components.index(result.trained[-1])
    for number, component in enumerate(result.components[:end]):
        same = [network.components[number] for network in networks]
        if isinstance(component, AffineComponent):
            for name in ("linear", "bias"):
                parts = zip(weights, (getattr(one, name) for one in same), strict=True)
                setattr(component, name, torch.stack([weight * part for weight, part in parts]).sum(0))
        elif isinstance(component, Nonlinear):
            component.scale_statistics(0.0)
            for weight, one in zip(weights, same, strict=True):
                if isinstance(one, Nonlinear):
                    component.add_statistics(weight * one.value_sum, weight * one.deriv_sum, weight * one.count)
    return result


def _shape(network: Nnet2) -> list[tuple[type, int, int]]:
    return [(type(one), one.input_dim, one.output_dim) for one in network.components]


def mixed_up(network: Nnet2, options: MixupOptions) -> Nnet2:
    """A network whose pdfs are sums of several outputs of the softmax, shared out by the counts of its statistics.

    The output with the largest count of a pdf is split, again and again: halves have half its count and probability, and their
    weights move apart.

    Raises:
        InputError: the network does not end in an affine component, a softmax and perhaps sums; or there are no counts.
    """
    components, groups = _with_groups(copy.deepcopy(network))
    front, (affine, softmax) = components[:-2], ([None, None] + components)[-2:]
    if not isinstance(affine, AffineComponent) or not isinstance(softmax, SoftmaxComponent):
        expected = "AffineComponent, SoftmaxComponent, and perhaps SumGroupComponent at the end"
        raise InputError("no softmax to mix up", file=network.file, expected=expected, do="take another model")
    if not softmax.value_sum.sum() > 0:
        raise InputError("no counts in the softmax", file=network.file, do="train it first: nnet-train-simple")
    places = np.split(np.arange(softmax.input_dim), np.cumsum(groups.sizes)[:-1])
    counts = softmax.value_sum.double().numpy()
    split = SplitOptions(power=options.power, min_count=options.min_count)
    targets = split_targets(np.array([counts[place].sum() for place in places]), options.num_mixtures, split)
    rng = np.random.Generator(np.random.Philox(key=options.srand))
    table = np.concatenate([affine.linear.numpy(), affine.bias[:, None].numpy(), counts[:, None]], axis=1)
    parts = [
        _split(table[place], size, options.perturb_stddev, rng) for place, size in zip(places, targets, strict=True)
    ]
    mixed = torch.from_numpy(np.concatenate(parts).astype(np.float32))
    affine.linear, affine.bias = mixed[:, :-2].contiguous(), mixed[:, -2].contiguous()
    value_sum = mixed[:, -1].contiguous()
    softmax = SoftmaxComponent(len(mixed), value_sum, torch.empty(0), float(value_sum.sum()))
    return Nnet2([*front, affine, softmax, SumGroupComponent(tuple(map(len, parts)))], network.file)


def _with_groups(network: Nnet2) -> tuple[list[Component], SumGroupComponent]:
    """The components before the one that sums groups, and that one, be its groups of one output each."""
    *front, last = network.components
    if isinstance(last, SumGroupComponent):
        return front, last
    return [*front, last], SumGroupComponent((1,) * network.output_dim)


def _split(rows: np.ndarray, size: int, stddev: float, rng: np.random.Generator) -> np.ndarray:
    """Rows of weights, bias and count, [n, D + 2], as many as wanted or as there are; the largest counts are halved."""
    split = list(rows.copy())
    while len(split) < size:
        parent = max(split, key=lambda row: row[-1])
        parent[-1], parent[-2] = parent[-1] / 2, parent[-2] - np.log(2)
        child, move = parent.copy(), stddev * rng.standard_normal(len(parent) - 2)
        parent[:-2] += move
        child[:-2] -= move
        split.append(child)
    return np.array(split)


def mended(network: Nnet2, options: FixOptions) -> tuple[Nnet2, list[tuple[int, int, int]]]:
    """A network whose units that are always in their flat parts have smaller weights, those never out of the middle larger ones.

    Returns:
        The network; and of every layer that was looked at its number, and of how many units weights became smaller and larger.
    """
    result, told = copy.deepcopy(network), []
    for number, (affine, unit) in enumerate(zip(result.components, result.components[1:], strict=False)):
        if not isinstance(affine, AffineComponent) or not isinstance(unit, TanhComponent) or not len(unit.deriv_sum):
            continue
        ratio = (unit.deriv_sum.double() / max(unit.count, 1e-30)).numpy()
        small, large = ratio < options.min_average_deriv, ratio > options.max_average_deriv
        with np.errstate(divide="ignore"):
            shrink = 1.0 / np.minimum(options.min_average_deriv / ratio, options.parameter_factor)
        grow = np.minimum(ratio / options.max_average_deriv, options.parameter_factor)
        factor = torch.from_numpy(np.where(small, shrink, np.where(large, grow, 1.0)).astype(np.float32))
        affine.linear, affine.bias = affine.linear * factor[:, None], affine.bias * factor
        told.append((number, int(small.sum()), int(large.sum())))
    return result, told
