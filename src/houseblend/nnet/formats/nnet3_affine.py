"""How affine components, trained and fixed, are written in nnet3's files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from houseblend.io.objects import KaldiInput, KaldiOutput
from houseblend.nnet.components.affine import (
    AffineComponent,
    AffineMap,
    FixedAffineComponent,
    NaturalGradientAffineComponent,
)
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.descriptor import MAX_OFFSET
from houseblend.nnet.parameters import Parameters

Values = dict[str, np.ndarray]
"""Tensors of a component by their full names."""


def _read_common(inp: KaldiInput) -> dict[str, float]:
    """Fields of UpdatableComponent up to <LearningRate>."""
    fields = {"learning_rate_factor": 1.0, "is_gradient": False, "max_change": 0.0, "l2_regularize": 0.0}
    readers: dict[str, tuple[str, Callable[[], float]]] = {
        "<LearningRateFactor>": ("learning_rate_factor", inp.read_float),
        "<IsGradient>": ("is_gradient", inp.read_bool),
        "<MaxChange>": ("max_change", inp.read_float),
        "<L2Regularize>": ("l2_regularize", inp.read_float),
    }
    while (token := inp.read_token()) in readers:
        name, read = readers[token]
        fields[name] = read()
    if token != "<LearningRate>":
        raise inp.fail(f"found {token!r}", "<LearningRate>")
    return {**fields, "learning_rate": inp.read_float()}


def _write_common(out: KaldiOutput, component: UpdatableComponent) -> None:
    if component.learning_rate_factor != 1.0:
        out.write_token("<LearningRateFactor>")
        out.write_float(component.learning_rate_factor)
    if component.is_gradient:
        out.write_token("<IsGradient>")
        out.write_bool(True)
    if component.max_change > 0.0:
        out.write_token("<MaxChange>")
        out.write_float(component.max_change)
    if component.l2_regularize > 0.0:
        out.write_token("<L2Regularize>")
        out.write_float(component.l2_regularize)
    out.write_token("<LearningRate>")
    out.write_float(component.learning_rate)


def _read_linear(inp: KaldiInput, name: str, bias_is_optional: bool = False) -> Values:
    inp.expect("<LinearParams>")
    linear = inp.read_matrix()
    inp.expect("<BiasParams>")
    bias = inp.read_vector()
    if len(bias) != len(linear) and not (bias_is_optional and len(bias) == 0):
        raise inp.fail(f"component {name!r} has {len(linear)} rows and {len(bias)} biases")
    return {f"{name}.linear": linear, f"{name}.bias": bias}


def _write_linear(out: KaldiOutput, component: AffineMap, parameters: Parameters) -> None:
    out.write_token("<LinearParams>")
    out.write_matrix(parameters[f"{component.name}.linear"].cpu().numpy())
    out.write_token("<BiasParams>")
    bias = parameters[f"{component.name}.bias"].cpu().numpy() if component.has_bias else np.empty(0, np.float32)
    out.write_vector(bias)


def _read_fixed_affine(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    values = _read_linear(inp, name)
    output_dim, input_dim = values[f"{name}.linear"].shape
    return FixedAffineComponent(name, input_dim, output_dim), values


def _read_affine(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    common, values = _read_common(inp), _read_linear(inp, name)
    output_dim, input_dim = values[f"{name}.linear"].shape
    component = AffineComponent(name, input_dim, output_dim)
    vars(component).update(common)
    component.orthonormal_constraint = _optional_float(inp, "<OrthonormalConstraint>")
    return component, values


def _write_affine(out: KaldiOutput, component: AffineComponent, parameters: Parameters) -> None:
    _write_common(out, component)
    _write_linear(out, component, parameters)
    _write_orthonormal(out, component)


def _read_natural_gradient(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    common, values = _read_common(inp), _read_linear(inp, name)
    output_dim, input_dim = values[f"{name}.linear"].shape
    component = NaturalGradientAffineComponent(name, input_dim, output_dim)
    vars(component).update(common)
    inp.expect("<RankIn>")
    component.rank_in = inp.read_int()
    inp.expect("<RankOut>")
    component.rank_out = inp.read_int()
    component.orthonormal_constraint = _optional_float(inp, "<OrthonormalConstraint>")
    inp.expect("<UpdatePeriod>")
    component.update_period = inp.read_int()
    inp.expect("<NumSamplesHistory>")
    component.num_samples_history = inp.read_float()
    inp.expect("<Alpha>")
    component.alpha_in = component.alpha_out = inp.read_float()
    _check_natural_gradient(inp, component)
    return component, values


def _check_natural_gradient(inp: KaldiInput, component: NaturalGradientAffineComponent) -> None:
    """As Kaldi's OnlineNaturalGradient checks what it is given."""
    ranks, alphas = (component.rank_in, component.rank_out), (component.alpha_in, component.alpha_out)
    if min(*ranks, component.update_period) < 1 or not 0.0 < component.num_samples_history < 1e6 or min(alphas) < 0.0:
        raise inp.fail(f"component {component.name!r} has bad fields of natural gradient", "ranks and periods above 0")


def _write_natural_gradient(
    out: KaldiOutput, component: NaturalGradientAffineComponent, parameters: Parameters
) -> None:
    _write_common(out, component)
    _write_linear(out, component, parameters)
    out.write_token("<RankIn>")
    out.write_int(component.rank_in)
    out.write_token("<RankOut>")
    out.write_int(component.rank_out)
    _write_orthonormal(out, component)
    out.write_token("<UpdatePeriod>")
    out.write_int(component.update_period)
    out.write_token("<NumSamplesHistory>")
    out.write_float(component.num_samples_history)
    out.write_token("<Alpha>")
    out.write_float(component.alpha_in)


def _optional_float(inp: KaldiInput, token: str) -> float:
    if inp.peek_token() != token:
        return 0.0
    inp.expect(token)
    return inp.read_float()


def _write_orthonormal(out: KaldiOutput, component: AffineComponent) -> None:
    if component.orthonormal_constraint != 0.0:
        out.write_token("<OrthonormalConstraint>")
        out.write_float(component.orthonormal_constraint)


def _read_tdnn(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    common = _read_common(inp)
    inp.expect("<TimeOffsets>")
    offsets = inp.read_int_vector().tolist()
    values = _read_linear(inp, name, bias_is_optional=True)
    output_dim, input_dim = values[f"{name}.linear"].shape
    too_far = any(abs(offset) > MAX_OFFSET for offset in offsets)
    if not offsets or too_far or len(set(offsets)) != len(offsets) or input_dim % len(offsets):
        raise inp.fail(f"component {name!r} has time offsets {offsets} and {input_dim} columns")
    has_bias = len(values[f"{name}.bias"]) > 0
    if not has_bias:
        del values[f"{name}.bias"]
    component = TdnnComponent(name, input_dim // len(offsets), output_dim, offsets, has_bias)
    vars(component).update(common)
    inp.expect("<OrthonormalConstraint>")
    component.orthonormal_constraint = inp.read_float()
    inp.expect("<UseNaturalGradient>")
    component.use_natural_gradient = inp.read_bool()
    inp.expect("<NumSamplesHistory>")
    component.num_samples_history = inp.read_float()
    inp.expect("<AlphaInOut>")
    component.alpha_in, component.alpha_out = inp.read_float(), inp.read_float()
    inp.expect("<RankInOut>")
    component.rank_in, component.rank_out = inp.read_int(), inp.read_int()
    _check_natural_gradient(inp, component)
    return component, values


def _write_tdnn(out: KaldiOutput, component: TdnnComponent, parameters: Parameters) -> None:
    _write_common(out, component)
    out.write_token("<TimeOffsets>")
    out.write_int_vector(component.time_offsets)
    _write_linear(out, component, parameters)
    out.write_token("<OrthonormalConstraint>")
    out.write_float(component.orthonormal_constraint)
    out.write_token("<UseNaturalGradient>")
    out.write_bool(component.use_natural_gradient)
    out.write_token("<NumSamplesHistory>")
    out.write_float(component.num_samples_history)
    out.write_token("<AlphaInOut>")
    out.write_float(component.alpha_in)
    out.write_float(component.alpha_out)
    out.write_token("<RankInOut>")
    out.write_int(component.rank_in)
    out.write_int(component.rank_out)


READERS: dict[str, Callable[[KaldiInput, str], tuple[Component, Values]]] = {
    "FixedAffineComponent": _read_fixed_affine,
    "AffineComponent": _read_affine,
    "NaturalGradientAffineComponent": _read_natural_gradient,
    "TdnnComponent": _read_tdnn,
}
WRITERS: dict[str, Callable] = {
    "FixedAffineComponent": _write_linear,
    "AffineComponent": _write_affine,
    "NaturalGradientAffineComponent": _write_natural_gradient,
    "TdnnComponent": _write_tdnn,
}
