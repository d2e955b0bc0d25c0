"""How each component is written in nnet3's files (Read and Write of nnet3/nnet-*-component.cc)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from houseblend.io.objects import KaldiInput, KaldiOutput
from houseblend.nnet.components.base import Component
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.components.nonlinear import (
    UNSET_THRESHOLD,
    LogSoftmaxComponent,
    NonlinearComponent,
    RectifiedLinearComponent,
    SigmoidComponent,
    TanhComponent,
)
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent, PnormComponent
from houseblend.nnet.formats import nnet3_affine
from houseblend.nnet.formats.nnet3_affine import Values
from houseblend.nnet.parameters import Parameters, split_count

NONLINEAR = {
    kind.kind: kind for kind in (SigmoidComponent, TanhComponent, RectifiedLinearComponent, LogSoftmaxComponent)
}
_STATISTICS = {"<ValueAvg>": "value-avg", "<DerivAvg>": "deriv-avg", "<OderivRms>": "oderiv-rms"}


def read_component(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    """Read one component, from its opening to its closing tag.

    Raises:
        InputError: a kind that is not supported, or a broken file.
    """
    tag = inp.read_token()
    kind = tag.strip("<>")
    if kind in NONLINEAR:
        component, values = _read_nonlinear(inp, NONLINEAR[kind](name, 0))
    elif kind in READERS:
        component, values = READERS[kind](inp, name)
    else:
        raise inp.fail(f"component {name!r} is of kind {kind}, which is not supported", " ".join(supported_kinds()))
    inp.expect(f"</{kind}>")
    for field, value in vars(component).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise inp.fail(f"component {name!r} has {field} {value}", "a finite number")
    return component, values


def write_component(out: KaldiOutput, component: Component, parameters: Parameters) -> None:
    """Write one component with its tags."""
    out.write_token(f"<{component.kind}>")
    if isinstance(component, NonlinearComponent):
        _write_nonlinear(out, component)
    else:
        WRITERS[component.kind](out, component, parameters)
    out.write_token(f"</{component.kind}>")


def supported_kinds() -> list[str]:
    """Names of the kinds of component that can be read."""
    return sorted([*READERS, *NONLINEAR])


def _check_blocks(inp: KaldiInput, name: str, dim: int, block_dim: int) -> None:
    if min(dim, block_dim) < 1 or dim % block_dim:
        raise inp.fail(f"component {name!r} has dim {dim} in {block_dim} groups or blocks", "a divisor of the dim")


def _check_positive(inp: KaldiInput, name: str, value: float) -> float:
    if not value > 0.0:
        raise inp.fail(f"component {name!r} has {value}", "a number above 0")
    return value


def _read_nonlinear(inp: KaldiInput, component: NonlinearComponent) -> tuple[Component, Values]:
    inp.expect("<Dim>")
    dim = inp.read_dim()
    component = type(component)(component.name, dim)
    values: Values = {}
    counts = {"<Count>": "count", "<OderivCount>": "oderiv-count"}
    counts |= {"<NumDimsSelfRepaired>": "num-dims-self-repaired", "<NumDimsProcessed>": "num-dims-processed"}
    floats = {"<SelfRepairLowerThreshold>": "self_repair_lower_threshold"}
    floats |= {"<SelfRepairUpperThreshold>": "self_repair_upper_threshold", "<SelfRepairScale>": "self_repair_scale"}
    while (token := inp.peek_token()) != f"</{component.kind}>":
        inp.expect(token)
        if token in _STATISTICS:
            vector = inp.read_vector()
            if len(vector) == dim:
                component.stored.add(_STATISTICS[token])
                values[f"{component.name}.{_STATISTICS[token]}"] = vector
            elif len(vector):
                raise inp.fail(f"{token} of component {component.name!r} has dim {len(vector)}", f"0 or {dim}")
        elif token in counts:
            values[f"{component.name}.{counts[token]}"] = np.array(split_count(inp.read_double()), dtype=np.float32)
        elif token in floats:
            setattr(component, floats[token], inp.read_float())
        elif token == "<BlockDim>":
            component.block_dim = inp.read_int()
            _check_blocks(inp, component.name, dim, component.block_dim)
        else:
            raise inp.fail(f"found {token!r} in component {component.name!r}", f"a field of {component.kind}")
    return component, values


def _write_nonlinear(out: KaldiOutput, component: NonlinearComponent) -> None:
    def statistic(token: str) -> None:
        out.write_token(token)
        name = _STATISTICS[token]
        stored = component.statistics[name].cpu().numpy() if name in component.stored else np.empty(0, np.float32)
        out.write_vector(stored)

    def count(token: str, name: str) -> None:
        out.write_token(token)
        out.write_double(component.count(name))

    out.write_token("<Dim>")
    out.write_int(component.output_dim)
    if component.block_dim != component.output_dim:
        out.write_token("<BlockDim>")
        out.write_int(component.block_dim)
    statistic("<ValueAvg>")
    statistic("<DerivAvg>")
    count("<Count>", "count")
    statistic("<OderivRms>")
    count("<OderivCount>", "oderiv-count")
    count("<NumDimsSelfRepaired>", "num-dims-self-repaired")
    count("<NumDimsProcessed>", "num-dims-processed")
    for token, value, unset in (
        ("<SelfRepairLowerThreshold>", component.self_repair_lower_threshold, UNSET_THRESHOLD),
        ("<SelfRepairUpperThreshold>", component.self_repair_upper_threshold, UNSET_THRESHOLD),
        ("<SelfRepairScale>", component.self_repair_scale, 0.0),
    ):
        if value != unset:
            out.write_token(token)
            out.write_float(value)


def _read_pnorm(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    inp.expect("<InputDim>")
    input_dim = inp.read_dim()
    inp.expect("<OutputDim>")
    output_dim = inp.read_int()
    _check_blocks(inp, name, input_dim, output_dim)
    return PnormComponent(name, input_dim, output_dim), {}


def _write_pnorm(out: KaldiOutput, component: PnormComponent, parameters: Parameters) -> None:
    out.write_token("<InputDim>")
    out.write_int(component.input_dim)
    out.write_token("<OutputDim>")
    out.write_int(component.output_dim)


def _read_normalize(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    inp.expect("<InputDim>")
    dim = block_dim = inp.read_dim()
    if inp.peek_token() == "<BlockDim>":
        inp.expect("<BlockDim>")
        block_dim = inp.read_int()
    _check_blocks(inp, name, dim, block_dim)
    inp.expect("<TargetRms>")
    target_rms = _check_positive(inp, name, inp.read_float())
    inp.expect("<AddLogStddev>")
    return NormalizeComponent(name, dim, target_rms, inp.read_bool(), block_dim), {}


def _write_normalize(out: KaldiOutput, component: NormalizeComponent, parameters: Parameters) -> None:
    out.write_token("<InputDim>")
    out.write_int(component.input_dim)
    if component.block_dim != component.input_dim:
        out.write_token("<BlockDim>")
        out.write_int(component.block_dim)
    out.write_token("<TargetRms>")
    out.write_float(component.target_rms)
    out.write_token("<AddLogStddev>")
    out.write_bool(component.add_log_stddev)


def _read_batch_norm(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    inp.expect("<Dim>")
    dim = inp.read_dim()
    inp.expect("<BlockDim>")
    block_dim = inp.read_int()
    _check_blocks(inp, name, dim, block_dim)
    component = BatchNormComponent(name, dim, block_dim)
    inp.expect("<Epsilon>")
    component.epsilon = _check_positive(inp, name, inp.read_float())
    inp.expect("<TargetRms>")
    component.target_rms = _check_positive(inp, name, inp.read_float())
    inp.expect("<TestMode>")
    component.test_mode = inp.read_bool()
    inp.expect("<Count>")
    values: Values = {f"{name}.count": np.array(split_count(inp.read_double(), 3), dtype=np.float32)}
    for token, field in (("<StatsMean>", "mean"), ("<StatsVar>", "variance")):
        inp.expect(token)
        values[f"{name}.{field}"] = inp.read_vector()
        if len(values[f"{name}.{field}"]) != component.block_dim:
            raise inp.fail(f"{token} of component {name!r} has another dim", str(component.block_dim))
    return component, values


def _write_batch_norm(out: KaldiOutput, component: BatchNormComponent, parameters: Parameters) -> None:
    out.write_token("<Dim>")
    out.write_int(component.input_dim)
    out.write_token("<BlockDim>")
    out.write_int(component.block_dim)
    out.write_token("<Epsilon>")
    out.write_float(component.epsilon)
    out.write_token("<TargetRms>")
    out.write_float(component.target_rms)
    out.write_token("<TestMode>")
    out.write_bool(component.test_mode)
    out.write_token("<Count>")
    out.write_double(component.count.value)
    out.write_token("<StatsMean>")
    out.write_vector(component.mean.cpu().numpy())
    out.write_token("<StatsVar>")
    out.write_vector(component.variance.cpu().numpy())


def _read_dropout(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    inp.expect("<Dim>")
    dim = inp.read_dim()
    inp.expect("<DropoutProportion>")
    proportion = inp.read_float()
    if not 0.0 <= proportion <= 1.0:
        raise inp.fail(f"component {name!r} has a dropout proportion of {proportion}", "0 to 1")
    flags = {"<DropoutPerFrame>": False, "<TestMode>": False}
    while (token := inp.peek_token()) in flags:
        inp.expect(token)
        flags[token] = inp.read_bool()
    return DropoutComponent(name, dim, proportion, flags["<DropoutPerFrame>"], flags["<TestMode>"]), {}


def _write_dropout(out: KaldiOutput, component: DropoutComponent, parameters: Parameters) -> None:
    out.write_token("<Dim>")
    out.write_int(component.input_dim)
    out.write_token("<DropoutProportion>")
    out.write_float(component.proportion)
    out.write_token("<DropoutPerFrame>")
    out.write_bool(component.per_frame)
    out.write_token("<TestMode>")
    out.write_bool(component.test_mode)


def _read_no_op(inp: KaldiInput, name: str) -> tuple[Component, Values]:
    inp.expect("<Dim>")
    dim = inp.read_dim()
    inp.expect("<BackpropScale>")
    return NoOpComponent(name, dim, inp.read_float()), {}


def _write_no_op(out: KaldiOutput, component: NoOpComponent, parameters: Parameters) -> None:
    out.write_token("<Dim>")
    out.write_int(component.input_dim)
    out.write_token("<BackpropScale>")
    out.write_float(component.backprop_scale)


READERS: dict[str, Callable[[KaldiInput, str], tuple[Component, Values]]] = {
    **nnet3_affine.READERS,
    "BatchNormComponent": _read_batch_norm,
    "PnormComponent": _read_pnorm,
    "NormalizeComponent": _read_normalize,
    "DropoutComponent": _read_dropout,
    "NoOpComponent": _read_no_op,
}
WRITERS: dict[str, Callable] = {
    **nnet3_affine.WRITERS,
    "BatchNormComponent": _write_batch_norm,
    "PnormComponent": _write_pnorm,
    "NormalizeComponent": _write_normalize,
    "DropoutComponent": _write_dropout,
    "NoOpComponent": _write_no_op,
}
