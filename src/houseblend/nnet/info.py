"""A network in words, as nnet3-info prints it (nnet3/nnet-parse.cc)."""

from __future__ import annotations

import numpy as np

from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.components.affine import AffineComponent, AffineMap, NaturalGradientAffineComponent
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.components.nonlinear import UNSET_THRESHOLD, NonlinearComponent
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.network import Network

_PERCENTILES = (0, 1, 2, 5, 10, 20, 50, 80, 90, 95, 98, 99, 100)


def network_info(network: Network) -> str:
    """Contexts, number of trained parameters, nodes and components, a line each."""
    size = sum(spec.size for spec, _ in network.parameters.items("parameter"))
    lines = [f"left-context: {network.left_context}", f"right-context: {network.right_context}"]
    lines += [f"num-parameters: {size}", "modulus: 1", *_node_lines(network)]
    lines += [f"component name={c.name} type={component_info(c, network)}" for c in network.components]
    return "\n".join(lines) + "\n"


def acoustic_model_info(model: AcousticModel) -> str:
    """Dims and priors, then the network."""
    priors = model.priors.astype(np.float32)
    lines = [f"input-dim: {model.network.input_dim}", "ivector-dim: -1", f"num-pdfs: {model.network.output_dim}"]
    lines.append(f"prior-dimension: {len(priors)}")
    if len(priors):
        lines += [f"prior-sum: {priors.sum():g}", f"prior-min: {priors.min():g}", f"prior-max: {priors.max():g}"]
    return "\n".join([*lines, "# Nnet info follows.", ""]) + network_info(model.network)


def component_info(component: Component, network: Network) -> str:
    """Kind, dims, settings and the spread of the numbers of one component."""
    if isinstance(component, NonlinearComponent):
        return f"{component.kind}, dim={component.output_dim}{_nonlinear_info(component)}"
    if isinstance(component, DropoutComponent):
        per_frame = str(component.per_frame).lower()
        proportion = f"dropout-proportion={component.proportion:g}, dropout-per-frame={per_frame}"
        return f"{component.kind}, dim={component.input_dim}, {proportion}"
    if isinstance(component, NoOpComponent):
        scale = "" if component.backprop_scale == 1.0 else f", backprop-scale={component.backprop_scale:g}"
        return f"{component.kind}, dim={component.input_dim}{scale}"
    if isinstance(component, BatchNormComponent):
        return f"{component.kind}, dim={component.input_dim}{_batch_norm_info(component)}"
    text = f"{component.kind}, input-dim={_frame_dim(component)}, output-dim={component.output_dim}"
    if isinstance(component, NormalizeComponent):
        text += f", target-rms={component.target_rms:g}, add-log-stddev={str(component.add_log_stddev).lower()}"
        return text + (f", block-dim={component.block_dim}" if component.block_dim != component.input_dim else "")
    if isinstance(component, UpdatableComponent):
        text += _updatable_info(component)
    if isinstance(component, AffineMap):
        text += _affine_info(component, network)
    if isinstance(component, NaturalGradientAffineComponent):
        text += _natural_gradient_info(component)
    return text


def summarize(values: np.ndarray) -> str:
    """Nnet3's SummarizeVector: all of fewer than ten numbers, else percentiles, mean and standard deviation.

    Args:
        values: [n].
    """
    values = values.astype(np.float64)
    if len(values) < 10:
        return "[ " + "".join(f"{_brief(value)} " for value in values) + "]"
    ordered = np.sort(values)
    parts = [_brief(ordered[(len(values) - 1) * percent // 100]) for percent in _PERCENTILES]
    separators = [" " if i in (3, 8) else "," for i in range(len(parts) - 1)] + [""]
    shown = "".join(part + separator for part, separator in zip(parts, separators, strict=True))
    spread = f"mean={values.mean():.3g}, stddev={values.std():.3g}"
    return f"[percentiles(0,1,2,5 10,20,50,80,90 95,98,99,100)=({shown}), {spread}]"


def _node_lines(network: Network) -> list[str]:
    topology = network.topology
    dims = {component.name: (_frame_dim(component), component.output_dim) for component in network.components}
    by_node = {node.name: dims[node.component] for node in topology.nodes}
    lines = []
    for name, line in zip(topology.order, topology.config_lines(), strict=True):
        if name in by_node:
            line += " input-dim={} output-dim={}".format(*by_node[name])
        elif name == topology.output_name:
            line = line.replace(" objective=", f" dim={network.output_dim} objective=")
        lines.append(line)
    return lines


def _frame_dim(component: Component) -> int:
    """Numbers that the component reads at each of its times."""
    return component.input_dim // len(component.time_offsets)


def _updatable_info(component: UpdatableComponent) -> str:
    text = f", learning-rate={component.learning_rate:g}"
    if component.is_gradient:
        text += ", is-gradient=true"
    if component.l2_regularize:
        text += f", l2-regularize={component.l2_regularize:g}"
    if component.learning_rate_factor != 1.0:
        text += f", learning-rate-factor={component.learning_rate_factor:g}"
    if component.max_change > 0.0:
        text += f", max-change={component.max_change:g}"
    return text


def _affine_info(component: AffineMap, network: Network) -> str:
    linear = network.parameters[f"{component.name}.linear"].cpu().double().numpy()
    text = f", linear-params-rms={np.sqrt((linear**2).mean()):.4g}"
    if isinstance(component, AffineComponent):
        if isinstance(component, TdnnComponent):
            text = f", time-offsets={','.join(map(str, component.time_offsets))}{text}"
        if component.orthonormal_constraint:
            text = f", orthonormal-constraint={component.orthonormal_constraint:g}{text}"
        text += f", linear-params-row-norms={summarize(np.linalg.norm(linear, axis=1))}"
        text += f", linear-params-col-norms={summarize(np.linalg.norm(linear, axis=0))}"
    if component.bias is None:
        return f"{text}, has-bias=false"
    bias = component.bias.cpu().double().numpy()
    return f"{text}, bias-{{mean,stddev}}={bias.mean():.4g},{bias.std():.4g}"


def _natural_gradient_info(component: NaturalGradientAffineComponent) -> str:
    is_tdnn = isinstance(component, TdnnComponent)
    if is_tdnn and not component.use_natural_gradient:
        return ", use-natural-gradient=false"
    text = f", rank-in={component.rank_in}, rank-out={component.rank_out}"
    text += f", num-samples-history={component.num_samples_history:g}, update-period={component.update_period}"
    if is_tdnn:
        return f"{text}, alpha-in={component.alpha_in:g}, alpha-out={component.alpha_out:g}"
    return f"{text}, alpha={component.alpha_in:g}"


def _batch_norm_info(component: BatchNormComponent) -> str:
    count = component.count.value
    text = f", block-dim={component.block_dim}, epsilon={component.epsilon:g}, target-rms={component.target_rms:g}"
    text += f", count={count:g}, test-mode={str(component.test_mode).lower()}"
    if count > 0:
        stddev = component.variance.clamp_min(0.0).sqrt().cpu().numpy()
        text += f", data-mean={summarize(component.mean.cpu().numpy())}, data-stddev={summarize(stddev)}"
    return text


def _nonlinear_info(component: NonlinearComponent) -> str:
    text = f", block-dim={component.block_dim}" if component.block_dim != component.output_dim else ""
    for side in ("lower", "upper"):
        threshold = getattr(component, f"self_repair_{side}_threshold")
        if threshold != UNSET_THRESHOLD:
            text += f", self-repair-{side}-threshold={threshold:g}"
    if component.self_repair_scale:
        text += f", self-repair-scale={component.self_repair_scale:g}"
    count, oderiv_count = component.count("count"), component.count("oderiv-count")
    if count > 0 and "value-avg" in component.stored:
        processed = component.count("num-dims-processed")
        proportion = component.count("num-dims-self-repaired") / processed if processed > 0 else 0.0
        text += f", count={count:.3g}, self-repaired-proportion={proportion:g}"
        for name in ("value-avg", "deriv-avg"):
            if name in component.stored:
                text += f", {name}={summarize(component.statistics[name].cpu().numpy())}"
    if oderiv_count > 0 and "oderiv-rms" in component.stored:
        text += f", oderiv-rms={summarize(component.statistics['oderiv-rms'].cpu().numpy())}"
        text += f", oderiv-count={oderiv_count:g}"
    return text


def _brief(value: float) -> str:
    """Two digits or so (PrintFloatSuccinctly)."""
    size = abs(value)
    if 10.0 <= size < 10000.0:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 0.995 else f"{value:.2f}" if size >= 0.01 else f"{value:.1g}"
