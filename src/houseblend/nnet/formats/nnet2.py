"""nnet2's model files, text and binary: a network, or a transition model, a network and priors (nnet2/am-nnet, nnet-component)."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input, open_output
from houseblend.nnet.descriptor import MAX_OFFSET
from houseblend.nnet.nnet2.components import (
    KINDS,
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

Value = TypeVar("Value")


def read_nnet2(path: str | Path) -> Nnet2:
    """Read the network of a raw file or of a `.mdl` (extended file name).

    Raises:
        InputError: no network of nnet2, broken, with parts that are not supported or do not fit together.
        NotFiniteError: NaN or infinity among its parameters.
    """
    with open_input(path) as inp:
        if inp.peek_token() == "<TransitionModel>":
            TransitionModel.read(inp)
        return _read_network(inp, path)


def read_nnet2_model(path: str | Path) -> Nnet2Model:
    """Read a `.mdl` file.

    Raises:
        InputError, NotFiniteError: as `read_nnet2`.
    """
    with open_input(path) as inp:
        transition_model = TransitionModel.read(inp)
        network = _read_network(inp, path)
        return Nnet2Model(transition_model, network, inp.read_vector().astype(np.float32))


def write_nnet2(path: str | Path, network: Nnet2, binary: bool = True) -> None:
    """Write a raw file."""
    with open_output(path, binary) as out:
        _write_network(out, network)


def write_nnet2_model(path: str | Path, model: Nnet2Model, binary: bool = True) -> None:
    """Write a `.mdl` file."""
    with open_output(path, binary) as out:
        model.transition_model.write(out)
        _write_network(out, model.network)
        out.write_vector(model.priors)


def _read_network(inp: KaldiInput, path: str | Path) -> Nnet2:
    inp.expect("<Nnet>", "<NumComponents>")
    count = inp.read_int()
    inp.expect("<Components>")
    components = [_read_component(inp) for _ in range(count)]
    inp.expect("</Components>", "</Nnet>")
    return Nnet2(components, path)


def _read_component(inp: KaldiInput) -> Component:
    tag = inp.read_token()
    kind = KINDS.get(tag[1:-1])
    if kind is None or tag != f"<{kind.__name__}>":
        raise inp.fail(f"component {tag[:60]} is not supported", " ".join(f"<{name}>" for name in KINDS))
    component = _READERS[kind](inp, kind)
    inp.expect(f"</{kind.__name__}>")
    return component


def _read_splice(inp: KaldiInput, kind: type) -> SpliceComponent:
    dim = _read_field(inp, "<InputDim>", inp.read_dim)
    if inp.peek_token() == "<LeftContext>":
        left = _read_field(inp, "<LeftContext>", inp.read_int)
        right = _read_field(inp, "<RightContext>", inp.read_int)
        near = 0 <= left <= MAX_OFFSET and 0 <= right <= MAX_OFFSET
        context = list(range(-left, right + 1)) if near else []
    else:
        context = _read_field(inp, "<Context>", inp.read_int_vector).tolist()
    grows = all(a < b for a, b in zip(context, context[1:], strict=False))
    if not context or not grows or not -MAX_OFFSET <= context[0] <= 0 <= context[-1] <= MAX_OFFSET:
        raise inp.fail(f"a context of {str(context)[:60]}", "frames that grow, around the present one")
    if (constant := _read_field(inp, "<ConstComponentDim>", inp.read_int)) != 0:
        raise inp.fail(f"{constant} numbers that are not spliced", "none: networks with i-vectors are not supported")
    return SpliceComponent(dim, tuple(context))


def _read_affine(inp: KaldiInput, kind: type) -> FixedAffineComponent:
    rate = 0.0 if kind is FixedAffineComponent else _read_field(inp, "<LearningRate>", inp.read_float)
    weights = _read_field(inp, "<LinearParams>", inp.read_matrix)
    biases = _read_field(inp, "<BiasParams>", inp.read_vector)
    if not weights.size or len(biases) != len(weights):
        raise inp.fail(
            f"{weights.shape[0]} x {weights.shape[1]} weights and {len(biases)} biases", "a bias for each row"
        )
    linear, bias = torch.tensor(weights, dtype=torch.float32), torch.tensor(biases, dtype=torch.float32)
    if kind is FixedAffineComponent:
        return FixedAffineComponent(linear, bias)
    if kind is AffineComponent:
        is_told = inp.peek_token() == "<IsGradient>"
        return AffineComponent(linear, bias, rate, is_told and _read_field(inp, "<IsGradient>", inp.read_bool))
    component = AffineComponentPreconditionedOnline(linear, bias, rate)
    _read_preconditioning(inp, component)
    return component


def _read_preconditioning(inp: KaldiInput, component: AffineComponentPreconditionedOnline) -> None:
    if inp.peek_token() == "<Rank>":
        component.rank_in = component.rank_out = _read_field(inp, "<Rank>", inp.read_int)
    else:
        component.rank_in = _read_field(inp, "<RankIn>", inp.read_int)
        component.rank_out = _read_field(inp, "<RankOut>", inp.read_int)
    if inp.peek_token() == "<UpdatePeriod>":
        component.update_period = _read_field(inp, "<UpdatePeriod>", inp.read_int)
    component.num_samples_history = _read_field(inp, "<NumSamplesHistory>", inp.read_float)
    component.alpha = _read_field(inp, "<Alpha>", inp.read_float)
    component.max_change_per_sample = _read_field(inp, "<MaxChangePerSample>", inp.read_float)
    whole = min(component.rank_in, component.rank_out, component.update_period)
    if whole < 1 or not 0 < component.num_samples_history < 1e6 or not 0 <= component.alpha < math.inf:
        raise inp.fail("bad fields of natural gradient", "ranks and periods above 0")
    if not 0 <= component.max_change_per_sample < math.inf:
        raise inp.fail(f"<MaxChangePerSample> {component.max_change_per_sample}", "0 or more")


def _read_nonlinear(inp: KaldiInput, kind: type) -> Component:
    dim = _read_field(inp, "<Dim>", inp.read_dim)
    sums = [
        torch.tensor(_read_field(inp, tag, inp.read_vector), dtype=torch.float32)
        for tag in ("<ValueSum>", "<DerivSum>")
    ]
    if any(len(one) not in (0, dim) for one in sums):
        raise inp.fail(f"sums of {len(sums[0])} and {len(sums[1])} outputs", f"{dim}, or none")
    count = _read_field(inp, "<Count>", inp.read_double)
    return kind(dim, *sums, count)


def _read_pnorm(inp: KaldiInput, kind: type) -> PnormComponent:
    dims = [_read_field(inp, tag, inp.read_dim) for tag in ("<InputDim>", "<OutputDim>")]
    if dims[0] % dims[1]:
        raise inp.fail(f"norms of {dims[0]} numbers in {dims[1]} groups", "groups of the same size")
    if (p := _read_field(inp, "<P>", inp.read_float)) != 2:
        raise inp.fail(f"{p:g}-norms", "2-norms")
    return PnormComponent(*dims)


def _read_sum_group(inp: KaldiInput, kind: type) -> SumGroupComponent:
    sizes = _read_field(inp, "<Sizes>", inp.read_int_vector)
    if not len(sizes) or sizes.min() < 1 or sizes.sum(dtype=np.int64) > 1 << 24:
        raise inp.fail(f"{len(sizes)} groups of {str(sizes.tolist())[:60]}", "groups of at least one")
    return SumGroupComponent(tuple(sizes.tolist()))


def _read_field(inp: KaldiInput, tag: str, read: Callable[[], Value]) -> Value:
    inp.expect(tag)
    return read()


_AFFINE = (FixedAffineComponent, AffineComponent, AffineComponentPreconditionedOnline)
_NONLINEAR = (TanhComponent, SoftmaxComponent, NormalizeComponent)
_READERS: dict[type, Callable[[KaldiInput, type], Component]] = {
    SpliceComponent: _read_splice,
    PnormComponent: _read_pnorm,
    SumGroupComponent: _read_sum_group,
    **dict.fromkeys(_AFFINE, _read_affine),
    **dict.fromkeys(_NONLINEAR, _read_nonlinear),
}


def _write_network(out: KaldiOutput, network: Nnet2) -> None:
    out.write_token("<Nnet>")
    _write_field(out, "<NumComponents>", out.write_int, len(network.components))
    out.write_token("<Components>")
    for component in network.components:
        name = type(component).__name__
        out.write_token(f"<{name}>")
        _write_fields(out, component)
        out.write_token(f"</{name}>")
        out.newline()
    out.write_token("</Components>")
    out.write_token("</Nnet>")


def _write_fields(out: KaldiOutput, component: Component) -> None:
    if isinstance(component, SpliceComponent):
        _write_field(out, "<InputDim>", out.write_int, component.input_dim)
        _write_field(out, "<Context>", out.write_int_vector, component.context)
        _write_field(out, "<ConstComponentDim>", out.write_int, 0)
    elif isinstance(component, FixedAffineComponent):
        _write_affine(out, component)
    elif isinstance(component, PnormComponent):
        _write_field(out, "<InputDim>", out.write_int, component.input_dim)
        _write_field(out, "<OutputDim>", out.write_int, component.output_dim)
        _write_field(out, "<P>", out.write_float, 2.0)
    elif isinstance(component, SumGroupComponent):
        _write_field(out, "<Sizes>", out.write_int_vector, component.sizes)
    else:
        _write_field(out, "<Dim>", out.write_int, component.input_dim)
        _write_field(out, "<ValueSum>", out.write_vector, component.value_sum.numpy())
        _write_field(out, "<DerivSum>", out.write_vector, component.deriv_sum.numpy())
        _write_field(out, "<Count>", out.write_double, component.count)


def _write_affine(out: KaldiOutput, component: FixedAffineComponent) -> None:
    if isinstance(component, AffineComponent):
        _write_field(out, "<LearningRate>", out.write_float, component.learning_rate)
    _write_field(out, "<LinearParams>", out.write_matrix, component.linear.numpy())
    _write_field(out, "<BiasParams>", out.write_vector, component.bias.numpy())
    if isinstance(component, AffineComponentPreconditionedOnline):
        _write_field(out, "<RankIn>", out.write_int, component.rank_in)
        _write_field(out, "<RankOut>", out.write_int, component.rank_out)
        _write_field(out, "<UpdatePeriod>", out.write_int, component.update_period)
        _write_field(out, "<NumSamplesHistory>", out.write_float, component.num_samples_history)
        _write_field(out, "<Alpha>", out.write_float, component.alpha)
        _write_field(out, "<MaxChangePerSample>", out.write_float, component.max_change_per_sample)
    elif isinstance(component, AffineComponent):
        _write_field(out, "<IsGradient>", out.write_bool, component.is_gradient)


def _write_field(out: KaldiOutput, tag: str, write: Callable[[Value], None], value: Value) -> None:
    out.write_token(tag)
    write(value)
