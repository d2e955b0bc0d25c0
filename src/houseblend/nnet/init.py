"""Networks from config lines, with Kaldi's random initialisation (InitFromConfig of nnet3's components)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.io.numbers import to_float, to_int
from houseblend.io.objects import MAX_DIM, open_input
from houseblend.nnet.components.affine import AffineComponent, FixedAffineComponent, NaturalGradientAffineComponent
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.components.nonlinear import NonlinearComponent
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent, PnormComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.descriptor import MAX_OFFSET, ConfigLine, parse_config
from houseblend.nnet.formats.nnet3_components import NONLINEAR, Values, supported_kinds
from houseblend.nnet.network import Network
from houseblend.nnet.topology import parse_topology
from houseblend.nnet.xconfig import expand_layers

Built = tuple[Component, Values]
_Affine = TypeVar("_Affine", bound=AffineComponent)

_RATES = ("learning-rate", "learning-rate-factor", "max-change", "l2-regularize")
_NATURAL_GRADIENT = ("rank-in", "rank-out", "update-period", "num-samples-history", "alpha")
_TDNN = (*_RATES, "input-dim", "output-dim", "time-offsets", "param-stddev", "bias-stddev", "bias-mean", "use-bias",
         "orthonormal-constraint", "use-natural-gradient", "rank-in", "rank-out", "alpha-in", "alpha-out",
         "num-samples-history")  # fmt: skip
_AFFINE = ("input-dim", "output-dim", "matrix", "param-stddev", "bias-stddev", "bias-mean", "orthonormal-constraint")


def init_network(config: str, seed: int = 0, file: object = "config", existing: Network | None = None) -> Network:
    """Make a network of nnet3 config lines or layer lines, or add them to a network.

    Args:
        config: the lines; `component`, `component-node`, `input-node`, `output-node`, or layers (see `xconfig`).
        seed: of the random numbers; each component has its own, by its name.
        file: what to call the config in errors.
        existing: a network whose nodes and components of other names are kept, with their numbers.

    Raises:
        InputError: naming file and line.
    """
    lines = expand_layers(parse_config(config, file))
    nodes: dict[str, ConfigLine] = {}
    built: dict[str, Built] = {}
    if existing is not None:
        for line in parse_config("\n".join(existing.topology.config_lines())):
            nodes[line.required("name")] = line
        for component in existing.components:
            values = {s.name: existing.parameters[s.name].cpu().numpy() for s in component.specs()}
            built[component.name] = component, values
    new: set[tuple[bool, str]] = set()
    for line in lines:
        name, is_component = line.required("name"), line.kind == "component"
        if (is_component, name) in new:
            raise line.fail("a second line of this name")
        new.add((is_component, name))
        if is_component:
            built[name] = _init_component(line, seed)
        else:
            nodes.pop(name, None)
            nodes[name] = line
    components = [component for component, _ in built.values()]
    values = {name: value for _, own in built.values() for name, value in own.items()}
    try:
        return Network(parse_topology(list(nodes.values())), components, values)
    except InputError as failure:
        raise failure if failure.file else failure.but(file=file) from None


def _init_component(line: ConfigLine, seed: int) -> Built:
    kind = line.required("type")
    if kind in NONLINEAR:
        return _init_nonlinear(line, NONLINEAR[kind])
    if kind not in _INIT:
        raise line.fail(f"component of type {kind!r} is not supported", " ".join(supported_kinds()))
    known, make = _INIT[kind]
    line.check_known(("name", "type", *known))
    random = np.random.Generator(np.random.Philox(key=seed_of(seed, "init", line.required("name"))))
    return make(line, random)


def _init_nonlinear(line: ConfigLine, kind: type[NonlinearComponent]) -> Built:
    thresholds = ("self-repair-lower-threshold", "self-repair-upper-threshold", "self-repair-scale")
    line.check_known(("name", "type", "dim", "block-dim", *thresholds))
    component = kind(line.required("name"), _dim(line, "dim"))
    component.block_dim = _dim(line, "block-dim") if "block-dim" in line.values else component.output_dim
    for key in thresholds:
        if key in line.values:
            setattr(component, key.replace("-", "_"), _number(line, key, 0.0))
    return component, {}


def _init_fixed_affine(line: ConfigLine, random: np.random.Generator) -> Built:
    name = line.required("name")
    if "matrix" in line.values:
        matrix = _read_matrix(line)
    else:
        matrix = random.standard_normal((_dim(line, "output-dim"), _dim(line, "input-dim") + 1))
    return FixedAffineComponent(name, matrix.shape[1] - 1, len(matrix)), _split_affine(name, matrix)


def _init_affine(line: ConfigLine, random: np.random.Generator) -> Built:
    return _init_trained(line, random, AffineComponent)


def _init_natural_gradient(line: ConfigLine, random: np.random.Generator) -> Built:
    component, values = _init_trained(line, random, NaturalGradientAffineComponent)
    _set_natural_gradient(line, component)
    component.alpha_in = component.alpha_out = _number(line, "alpha", 4.0)
    return component, values


def _set_natural_gradient(line: ConfigLine, component: NaturalGradientAffineComponent) -> None:
    for key in ("rank-in", "rank-out", "update-period"):
        if key in line.values:
            setattr(component, key.replace("-", "_"), _dim(line, key))
    component.num_samples_history = _number(line, "num-samples-history", 2000.0)


def _init_tdnn(line: ConfigLine, random: np.random.Generator) -> Built:
    """As an affine component over all frames that it reads."""
    name, frame_dim, output_dim = line.required("name"), _dim(line, "input-dim"), _dim(line, "output-dim")
    component = TdnnComponent(name, frame_dim, output_dim, _time_offsets(line), _flag(line, "use-bias", True))
    values = _random_affine(line, random, component)
    component.orthonormal_constraint = _number(line, "orthonormal-constraint", 0.0)
    component.use_natural_gradient = _flag(line, "use-natural-gradient", True)
    component.alpha_in, component.alpha_out = _number(line, "alpha-in", 4.0), _number(line, "alpha-out", 4.0)
    _set_natural_gradient(line, component)
    _set_rates(line, component)
    return component, values


def _time_offsets(line: ConfigLine) -> list[int]:
    text = line.required("time-offsets")
    try:
        offsets = [to_int(word, range(-MAX_OFFSET, MAX_OFFSET + 1)) for word in text.split(",")]
    except ValueError:
        offsets = []
    if not offsets or len(set(offsets)) != len(offsets):
        raise line.fail(f"time-offsets={text}", "different whole numbers, separated by commas")
    return offsets


def _init_trained(line: ConfigLine, random: np.random.Generator, kind: type[_Affine]) -> tuple[_Affine, Values]:
    """Weights of standard deviation 1 / sqrt(input-dim), biases of standard deviation 1, unless told otherwise."""
    name = line.required("name")
    if "matrix" in line.values:
        values = _split_affine(name, _read_matrix(line))
        output_dim, input_dim = values[f"{name}.linear"].shape
        component = kind(name, input_dim, output_dim)
    else:
        component = kind(name, _dim(line, "input-dim"), _dim(line, "output-dim"))
        values = _random_affine(line, random, component)
    component.orthonormal_constraint = _number(line, "orthonormal-constraint", 0.0)
    _set_rates(line, component)
    return component, values


def _random_affine(line: ConfigLine, random: np.random.Generator, component: AffineComponent) -> Values:
    stddev = _number(line, "param-stddev", 1.0 / math.sqrt(component.input_dim))
    values = {f"{component.name}.linear": stddev * random.standard_normal((component.output_dim, component.input_dim))}
    if component.has_bias:
        bias = _number(line, "bias-stddev", 1.0) * random.standard_normal(component.output_dim)
        values[f"{component.name}.bias"] = bias + _number(line, "bias-mean", 0.0)
    return values


def _set_rates(line: ConfigLine, component: UpdatableComponent) -> None:
    component.learning_rate = _number(line, "learning-rate", 0.001)
    component.learning_rate_factor = _number(line, "learning-rate-factor", 1.0)
    component.max_change = _number(line, "max-change", 0.0)
    component.l2_regularize = _number(line, "l2-regularize", 0.0)


def _init_pnorm(line: ConfigLine, random: np.random.Generator) -> Built:
    input_dim, output_dim = _dim(line, "input-dim"), _dim(line, "output-dim")
    if input_dim % output_dim:
        raise line.fail(f"input-dim {input_dim}", f"a multiple of output-dim {output_dim}")
    return PnormComponent(line.required("name"), input_dim, output_dim), {}


def _init_normalize(line: ConfigLine, random: np.random.Generator) -> Built:
    dim = _dim(line, "dim" if "dim" in line.values else "input-dim")
    block_dim = _dim(line, "block-dim") if "block-dim" in line.values else dim
    if dim % block_dim:
        raise line.fail(f"block-dim {block_dim}", f"a divisor of {dim}")
    target_rms, add = _number(line, "target-rms", 1.0), _flag(line, "add-log-stddev")
    return NormalizeComponent(line.required("name"), dim, target_rms, add, block_dim), {}


def _init_batch_norm(line: ConfigLine, random: np.random.Generator) -> Built:
    dim = _dim(line, "dim")
    block_dim = _dim(line, "block-dim") if "block-dim" in line.values else dim
    if dim % block_dim:
        raise line.fail(f"block-dim {block_dim}", f"a divisor of {dim}")
    component = BatchNormComponent(line.required("name"), dim, block_dim)
    component.epsilon, component.target_rms = _number(line, "epsilon", 1e-3), _number(line, "target-rms", 1.0)
    component.test_mode = _flag(line, "test-mode")
    if component.epsilon <= 0.0 or component.target_rms <= 0.0:
        raise line.fail(f"epsilon {component.epsilon}, target-rms {component.target_rms}", "positive numbers")
    return component, {}


def _init_dropout(line: ConfigLine, random: np.random.Generator) -> Built:
    proportion = _number(line, "dropout-proportion", 0.0)
    if proportion > 1.0:
        raise line.fail(f"dropout-proportion {proportion}", "0 to 1")
    per_frame, test_mode = _flag(line, "dropout-per-frame"), _flag(line, "test-mode")
    return DropoutComponent(line.required("name"), _dim(line, "dim"), proportion, per_frame, test_mode), {}


def _init_no_op(line: ConfigLine, random: np.random.Generator) -> Built:
    return NoOpComponent(line.required("name"), _dim(line, "dim"), _number(line, "backprop-scale", 1.0)), {}


def _read_matrix(line: ConfigLine) -> np.ndarray:
    with open_input(line.required("matrix")) as inp:
        matrix = inp.read_matrix()
    if matrix.shape[1] < 2:
        raise line.fail(f"a matrix of {matrix.shape[1]} columns", "weights and one column of biases")
    return matrix


def _split_affine(name: str, matrix: np.ndarray) -> Values:
    """Weights and, from the last column, biases."""
    return {f"{name}.linear": matrix[:, :-1], f"{name}.bias": matrix[:, -1]}


def _dim(line: ConfigLine, key: str) -> int:
    text = line.required(key)
    try:
        return to_int(text, range(1, MAX_DIM + 1))
    except ValueError:
        raise line.fail(f"{key}={text[:60]}", f"a whole number from 1 to {MAX_DIM}") from None


def _number(line: ConfigLine, key: str, default: float) -> float:
    text = line.values.get(key)
    if text is None:
        return default
    try:
        number = to_float(text)
    except ValueError:
        raise line.fail(f"{key}={text}", "a number") from None
    if not math.isfinite(number) or (number < 0.0 and key in (*_RATES, "param-stddev", "bias-stddev")):
        raise line.fail(f"{key}={text}", "a number that is not negative")
    return number


def _flag(line: ConfigLine, key: str, default: bool = False) -> bool:
    text = line.values.get(key, str(default)).lower()
    if text not in ("true", "t", "false", "f"):
        raise line.fail(f"{key}={text}", "true or false")
    return text in ("true", "t")


_INIT: dict[str, tuple[tuple[str, ...], Callable[[ConfigLine, np.random.Generator], Built]]] = {
    "FixedAffineComponent": (("matrix", "input-dim", "output-dim"), _init_fixed_affine),
    "AffineComponent": ((*_RATES, *_AFFINE), _init_affine),
    "NaturalGradientAffineComponent": ((*_RATES, *_AFFINE, *_NATURAL_GRADIENT), _init_natural_gradient),
    "TdnnComponent": (_TDNN, _init_tdnn),
    "BatchNormComponent": (("dim", "block-dim", "epsilon", "target-rms", "test-mode"), _init_batch_norm),
    "PnormComponent": (("input-dim", "output-dim"), _init_pnorm),
    "NormalizeComponent": (("dim", "input-dim", "block-dim", "target-rms", "add-log-stddev"), _init_normalize),
    "DropoutComponent": (("dim", "dropout-proportion", "dropout-per-frame", "test-mode"), _init_dropout),
    "NoOpComponent": (("dim", "backprop-scale"), _init_no_op),
}
