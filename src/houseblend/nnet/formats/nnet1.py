"""nnet1's model files, text and binary: a chain of components (Read and Write of nnet/nnet-*.h)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from houseblend.io.objects import KaldiInput, KaldiOutput, open_input, open_output
from houseblend.nnet.nnet1.components import (
    KINDS,
    AddShift,
    AffineTransform,
    Component,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
    kind_called,
    marker,
    tensors,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm, UnitType

_COEFFICIENTS = {
    "<LearnRateCoef>": "learn_rate_coef",
    "<BiasLearnRateCoef>": "bias_learn_rate_coef",
    "<MaxNorm>": "max_norm",
}
_UNITS: dict[str, UnitType] = {"bern": "bern", "gauss": "gauss"}
_END = "<!EndOfComponent>"


def read_nnet1(path: str | Path) -> Nnet1:
    """Read a network (extended file name), old files without tags around network and components included.

    Raises:
        InputError: no network of nnet1, broken, with parts that are not supported or do not fit together.
        NotFiniteError: NaN or infinity among its numbers.
    """
    with open_input(path) as inp:
        return Nnet1(list(_read_components(inp)), path)


def write_nnet1(path: str | Path, network: Nnet1, binary: bool = True) -> None:
    """Write a network."""
    with open_output(path, binary) as out:
        out.write_token("<Nnet>")
        out.newline()
        for component in network.components:
            _write_component(out, component)
        out.write_token("</Nnet>")
        out.newline()


def _read_components(inp: KaldiInput) -> Iterator[Component]:
    opened = inp.peek_token() == "<Nnet>"
    if opened:
        inp.expect("<Nnet>")
    while inp.peek_token() not in ("", "</Nnet>"):
        yield _read_component(inp)
    if opened or not inp.stream.at_end():
        inp.expect("</Nnet>")


def _read_component(inp: KaldiInput) -> Component:
    tag = inp.read_token()
    kind = kind_called(tag)
    if kind is None:
        raise inp.fail(f"component {tag[:60]} is not supported", " ".join(KINDS))
    output_dim, input_dim = inp.read_dim(), inp.read_dim()
    component = _READERS[kind](inp, input_dim, output_dim)
    found = (component.output_dim, component.input_dim)
    if found != (output_dim, input_dim):
        what = f"{marker(component)} says {output_dim} x {input_dim} and holds {found[0]} x {found[1]}"
        raise inp.fail(what, "dims that agree")
    if inp.peek_token() == _END:
        inp.expect(_END)
    return component


def _read_coefficients(inp: KaldiInput, *known: str) -> dict[str, float]:
    """What stands before the numbers of a component, in any order."""
    found = {}
    while (tag := inp.peek_token()).startswith("<"):
        if tag not in known:
            raise inp.fail(f"found {tag[:60]!r}", " or ".join(known))
        inp.expect(tag)
        found[_COEFFICIENTS[tag]] = value = inp.read_float()
        if not math.isfinite(value):
            raise inp.fail(f"{tag} is {value}", "a finite number")
    return found


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32)


def _read_splice(inp: KaldiInput, input_dim: int, output_dim: int) -> Splice:
    return Splice(tuple(inp.read_int_vector().tolist()), input_dim)


def _read_add_shift(inp: KaldiInput, input_dim: int, output_dim: int) -> AddShift:
    coefficients = _read_coefficients(inp, "<LearnRateCoef>")
    return AddShift(_tensor(inp.read_vector()), **coefficients)


def _read_rescale(inp: KaldiInput, input_dim: int, output_dim: int) -> Rescale:
    coefficients = _read_coefficients(inp, "<LearnRateCoef>")
    return Rescale(_tensor(inp.read_vector()), **coefficients)


def _read_linear(inp: KaldiInput, input_dim: int, output_dim: int) -> LinearTransform:
    coefficients = _read_coefficients(inp, "<LearnRateCoef>")
    return LinearTransform(_tensor(inp.read_matrix()), **coefficients)


def _read_affine(inp: KaldiInput, input_dim: int, output_dim: int) -> AffineTransform:
    coefficients = _read_coefficients(inp, *_COEFFICIENTS)
    weights, bias = _tensor(inp.read_matrix()), _tensor(inp.read_vector())
    _check_bias(inp, "<AffineTransform>", bias, output_dim)
    return AffineTransform(weights, bias, **coefficients)


def _read_rbm(inp: KaldiInput, input_dim: int, output_dim: int) -> Rbm:
    visible, hidden = _read_unit(inp), _read_unit(inp)
    weights = _tensor(inp.read_matrix())
    visible_bias, hidden_bias = _tensor(inp.read_vector()), _tensor(inp.read_vector())
    _check_bias(inp, "<Rbm>", visible_bias, input_dim)
    _check_bias(inp, "<Rbm>", hidden_bias, output_dim)
    return Rbm(weights, visible_bias, hidden_bias, visible, hidden)


def _read_unit(inp: KaldiInput) -> UnitType:
    found = inp.read_token()
    if found not in _UNITS:
        raise inp.fail(f"units of type {found[:60]!r}", " or ".join(_UNITS))
    return _UNITS[found]


def _check_bias(inp: KaldiInput, tag: str, bias: torch.Tensor, dim: int) -> None:
    if len(bias) != dim:
        raise inp.fail(f"{tag} has {len(bias)} biases", str(dim))


_READERS: dict[type, Callable[[KaldiInput, int, int], Component]] = {
    Splice: _read_splice,
    AddShift: _read_add_shift,
    Rescale: _read_rescale,
    LinearTransform: _read_linear,
    AffineTransform: _read_affine,
    Sigmoid: lambda inp, input_dim, output_dim: Sigmoid(input_dim),
    Tanh: lambda inp, input_dim, output_dim: Tanh(input_dim),
    Softmax: lambda inp, input_dim, output_dim: Softmax(input_dim),
    Rbm: _read_rbm,
}


def _write_component(out: KaldiOutput, component: Component) -> None:
    out.write_token(marker(component))
    out.write_int(component.output_dim)
    out.write_int(component.input_dim)
    out.newline()
    if isinstance(component, Splice):
        out.write_int_vector(component.offsets)
    elif isinstance(component, Rbm):
        out.write_token(component.visible_type)
        out.write_token(component.hidden_type)
    _write_coefficients(out, component)
    for tensor in tensors(component).values():
        array = tensor.cpu().numpy()
        (out.write_matrix if array.ndim == 2 else out.write_vector)(array)
    out.write_token(_END)
    out.newline()


def _write_coefficients(out: KaldiOutput, component: Component) -> None:
    """The line before matrices ends; a vector follows in the same line."""
    for tag, name in _COEFFICIENTS.items():
        if hasattr(component, name):
            out.write_token(tag)
            out.write_float(getattr(component, name))
    if isinstance(component, LinearTransform | AffineTransform):
        out.newline()
