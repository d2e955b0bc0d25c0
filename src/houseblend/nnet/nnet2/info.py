"""A model of nnet2 in words, as nnet-am-info prints it."""

from __future__ import annotations

import torch

from houseblend.nnet.nnet2.components import (
    AffineComponent,
    AffineComponentPreconditionedOnline,
    Component,
    FixedAffineComponent,
    PnormComponent,
    SpliceComponent,
)
from houseblend.nnet.nnet2.network import Nnet2Model


def nnet2_info(model: Nnet2Model) -> str:
    """Dims, contexts, number of trained parameters, every component, and the priors."""
    network, priors = model.network, model.priors
    parameters = sum(component.linear.numel() + component.bias.numel() for component in network.trained)
    lines = [
        f"num-components {len(network.components)}", f"num-updatable-components {len(network.trained)}",
        f"left-context {network.left_context}", f"right-context {network.right_context}",
        f"input-dim {network.input_dim}", f"output-dim {network.output_dim}", f"parameter-dim {parameters}",
        *(f"component {number} : {_described(one)}" for number, one in enumerate(network.components)),
        f"prior dimension: {len(priors)}",
    ]  # fmt: skip
    text = "\n".join(lines)
    return f"{text}, prior sum: {priors.sum():g}, prior min: {priors.min():g}\n" if len(priors) else text


def _described(component: Component) -> str:
    name = type(component).__name__
    if isinstance(component, PnormComponent):
        return f"{name}, input-dim = {component.input_dim}, output-dim = {component.output_dim}, p = 2"
    text = f"{name}, input-dim={component.input_dim}, output-dim={component.output_dim}"
    if isinstance(component, SpliceComponent):
        return f"{text}, context={''.join(f'{offset} ' for offset in component.context)}"
    if isinstance(component, FixedAffineComponent):
        text += f", linear-params-stddev={_rms(component.linear):g}, bias-params-stddev={_rms(component.bias):g}"
    if isinstance(component, AffineComponent):
        text += f", learning-rate={component.learning_rate:g}"
    if isinstance(component, AffineComponentPreconditionedOnline):
        text += (
            f", rank-in={component.rank_in}, rank-out={component.rank_out}"
            f", num_samples_history={component.num_samples_history:g}, update_period={component.update_period}"
            f", alpha={component.alpha:g}, max-change-per-sample={component.max_change_per_sample:g}"
        )
    return text


def _rms(values: torch.Tensor) -> float:
    return float(values.double().square().mean().sqrt())
