"""A network of nnet1 in words, as nnet-info prints it."""

from __future__ import annotations

import numpy as np
import torch

from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    Component,
    LinearTransform,
    Rescale,
    Splice,
    marker,
)
from houseblend.nnet.nnet1.network import Nnet1


def nnet1_info(network: Nnet1) -> str:
    """Dims, number of trained parameters, and every component with the moments of its numbers."""
    lines = [f"num-components {len(network.components)}", f"input-dim {network.input_dim}"]
    lines += [f"output-dim {network.output_dim}", f"number-of-parameters {network.num_parameters / 1e6:g} millions"]
    for number, component in enumerate(network.components, start=1):
        dims = f"input-dim {component.input_dim}, output-dim {component.output_dim}"
        lines.append(f"component {number} : {marker(component)}, {dims}, {_details(component)}")
    return "\n".join([*lines, ""])


def moments(values: torch.Tensor) -> str:
    """Range, mean, standard deviation, skewness and kurtosis (0 for a normal distribution) of [n] or [rows, columns] numbers.

    Powers are taken in single precision and added up in double, as nnet1 does.
    """
    flat, number = values.cpu().numpy().ravel(), np.float32(values.numel())
    mean = _sum(flat) / number
    centred = flat - mean
    square = centred * centred
    variance = _sum(square) / number
    with np.errstate(invalid="ignore"):
        skewness = np.float64(_sum(square * centred)) / np.float64(variance) ** 1.5 / number
        kurtosis = _sum(square * centred * centred) / (variance * variance) / number - np.float32(3.0)
    return (
        f" ( min {flat.min():g}, max {flat.max():g}, mean {mean:g}, stddev {np.sqrt(variance):g}, "
        f"skewness {_printed(skewness)}, kurtosis {_printed(kurtosis)} ) "
    )


def _sum(values: np.ndarray) -> np.float32:
    return np.float32(values.sum(dtype=np.float64))


def _printed(value: np.floating) -> str:
    """0 / 0, of numbers that are all the same, is printed as C's output streams print it."""
    return "-nan" if np.isnan(value) else f"{value:g}"


def _details(component: Component) -> str:
    if isinstance(component, Splice):
        return f"\n  frame_offsets [ {' '.join(map(str, component.offsets))} ]"
    if isinstance(component, AddShift):
        return f"\n  shift_data{moments(component.shift)}, lr-coef {component.learn_rate_coef:g}"
    if isinstance(component, Rescale):
        return f"\n  scale_data{moments(component.scale)}, lr-coef {component.learn_rate_coef:g}"
    if isinstance(component, LinearTransform):
        return f"\n  linearity{moments(component.weights)}, lr-coef {component.learn_rate_coef:g}"
    if isinstance(component, AffineTransform):
        weights = f"\n  linearity{moments(component.weights)}, lr-coef {component.learn_rate_coef:g}"
        bias = f"\n  bias{moments(component.bias)}, lr-coef {component.bias_learn_rate_coef:g}"
        return f"{weights}, max-norm {component.max_norm:g}{bias}"
    return ""
