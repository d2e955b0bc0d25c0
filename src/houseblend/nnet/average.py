"""The mean of models: one kernel for every exchange, so that every exchange gives the same bits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.nonlinear import NonlinearComponent
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Parameters, TensorSpec, count_of, set_count

_PIECE = 1 << 16
"""Numbers that are summed at once."""


def mean(models: Sequence[Parameters], weights: Sequence[float] | None = None) -> Parameters:
    """Weighted mean of models, summed in float64 in the order given and rounded once to float32.

    The mean of equal models is that model, bit for bit. A statistic is weighted by its counter besides
    (root mean squares by their squares, variances around the common mean), as if the frames behind it were put
    together; frozen tensors must be equal and stay as they are.

    Args:
        models: in worker order, all of one layout.
        weights: one per model, not negative; they are normalised to sum to one. Equal if not given.

    Raises:
        InputError: no models, other weights than models, different layouts, different frozen tensors.
        NotFiniteError: NaN or infinity in a model.
    """
    weights = _checked_weights(weights, len(models))
    first = models[0]
    for number, model in enumerate(models, 1):
        difference = first.layout.difference(model.layout)
        if difference is not None:
            raise InputError(f"model {number} has another layout than model 1: {difference}", do="average equals only")
        model.check_finite(f"model {number}")
    result = Parameters(first.layout, _weighted_mean([model.flat for model in models], weights))
    for spec, out in result.items():
        if spec.role == "frozen":
            _keep_frozen(spec, out, models)
        elif spec.role == "counter":
            set_count(out, _mean_count(spec, models, weights))
        elif spec.role == "statistic":
            _mean_statistic(spec, result, models, weights)
    return result


def mean_network(networks: Sequence[Network], weights: Sequence[float] | None = None) -> Network:
    """The first network with the mean of all networks' numbers in it.

    Raises:
        InputError, NotFiniteError: as `mean`.
    """
    result = mean([network.parameters for network in networks], weights)
    first = networks[0]
    first.set_parameters(result.flat)
    for index, component in enumerate(first.components):
        if isinstance(component, NonlinearComponent):
            others = [network.components[index] for network in networks]
            component.stored.update(*(other.stored for other in others if isinstance(other, NonlinearComponent)))
    return first


def _weighted_mean(tensors: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """Of flat tensors, piece by piece, so that what is in float64 stays in the cache."""
    result, total = torch.empty_like(tensors[0]), math.fsum(weights)
    for pieces in zip(result.split(_PIECE), *(tensor.split(_PIECE) for tensor in tensors), strict=True):
        pieces[0].copy_(_weighted_sum(pieces[1:], weights).div_(total))
    return result


def _weighted_sum(tensors: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """In float64; begins with the first term, not with zero, so that negative zeros keep their sign."""
    summed = tensors[0].double() * weights[0]
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        summed.add_(tensor.double(), alpha=weight)
    return summed


def _checked_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    if count == 0:
        raise InputError("no models to average")
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count:
        raise InputError(f"{len(weights)} weights for {count} models", expected="one weight per model")
    if not all(math.isfinite(w) and w >= 0.0 for w in weights) or sum(weights) <= 0.0:
        raise InputError(f"weights {weights}", expected="finite, not negative, with a positive sum")
    return weights


def _keep_frozen(spec: TensorSpec, out: torch.Tensor, models: Sequence[Parameters]) -> None:
    for number, model in enumerate(models, 1):
        if not torch.equal(model[spec.name], models[0][spec.name]):
            raise InputError(f"model {number} differs from model 1 in a frozen tensor", key=spec.name)
    out.copy_(models[0][spec.name])


def _mean_count(spec: TensorSpec, models: Sequence[Parameters], weights: Sequence[float]) -> float:
    counts = [weight * count_of(model[spec.name]) for weight, model in zip(weights, models, strict=True)]
    return math.fsum(counts) / math.fsum(weights)


def _mean_statistic(
    spec: TensorSpec, result: Parameters, models: Sequence[Parameters], weights: Sequence[float]
) -> None:
    """The mean that a variance is around must be in `result` already, as it is if it stands before in the layout."""
    frames = [weight * count_of(model[spec.counter]) for weight, model in zip(weights, models, strict=True)]
    if math.fsum(frames) <= 0.0:
        return
    moments = [model[spec.name].double() ** spec.power for model in models]
    if spec.around:
        center = result[spec.around].double()
        moments = [m + (model[spec.around].double() - center) ** 2 for m, model in zip(moments, models, strict=True)]
    result[spec.name].copy_((_weighted_sum(moments, frames) / math.fsum(frames)) ** (1.0 / spec.power))
