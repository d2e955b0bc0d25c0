"""The mean of models: one kernel for every exchange, so that every exchange gives the same bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.base import TensorsByName
from houseblend.nnet.components.nonlinear import NonlinearComponent
from houseblend.nnet.formats.nnet3 import read_parts
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Layout, Parameters, Tensors, TensorSpec, count_of, set_count

_PIECE = 1 << 15
"""Numbers that are summed at once."""
_MANY = 1 << 20
"""Numbers from which on compiled code is worth its loading."""


def mean(
    models: Sequence[Tensors],
    weights: Sequence[float] | None = None,
    out: Parameters | None = None,
    names: Sequence[object] | None = None,
) -> Parameters:
    """Weighted mean of models, summed in float64 in the order given and rounded once to float32.

    The mean of equal models is that model, bit for bit. A statistic is weighted by its counter besides
    (root mean squares by their squares, variances around the common mean), as if the frames behind it were put
    together; frozen tensors must be equal and stay as they are.

    Args:
        models: in worker order, all of one layout, their tensors in the shapes that it says.
        weights: one per model, not negative; they are normalised to sum to one. Equal if not given.
        out: where to write the mean, of the same layout; new if not given.
        names: what to call the models in errors, for example their files.

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
    result = Parameters(first.layout, device=first.device) if out is None else out
    for spec, tensor in result.items():
        mean_of([model[spec.name] for model in models], weights, tensor)
    if result.not_finite() is not None:
        for number, model in enumerate(models):
            model.check_finite(names[number] if names else f"model {number + 1}")
    for spec, tensor in result.items("frozen"):
        _keep_frozen(spec, tensor, models)
    _weigh_by_frames(result, models, weights)
    return result


def statistics_of(parameters: Parameters) -> torch.Tensor:
    """Statistics and counters as one flat view, [m]."""
    return parameters.flat[_statistics_span(parameters.layout)]


def merge_statistics(result: Parameters, statistics: Sequence[torch.Tensor], weights: Sequence[float]) -> None:
    """Set a network's statistics and counters as `mean` does, from those of several.

    Args:
        result: of the network whose statistics are set.
        statistics: of each, as `statistics_of` gives them, [m].
        weights: one for each of them, above 0.
    """
    span, layout = _statistics_span(result.layout), result.layout
    views = [
        {
            s.name: flat[layout.offsets[s.name] - span.start :][: s.size].view(s.shape)
            for s in layout.specs
            if s.role in ("statistic", "counter")
        }
        for flat in statistics
    ]
    mean_of(statistics, weights, result.flat[span])
    _weigh_by_frames(result, views, weights)


def _statistics_span(layout: Layout) -> slice:
    sizes = {role: sum(s.size for s in layout.specs if s.role == role) for role in ("statistic", "counter")}
    return slice(layout.num_trained, layout.num_trained + sum(sizes.values()))


def _weigh_by_frames(result: Parameters, models: Sequence[TensorsByName], weights: Sequence[float]) -> None:
    """Counters as sums, statistics by the frames behind them."""
    for spec, tensor in result.items("counter"):
        set_count(tensor, _mean_count(spec, models, weights))
    for spec, _ in result.items("statistic"):
        _mean_statistic(spec, result, models, weights)


def mean_network(files: Sequence[str | Path], weights: Sequence[float] | None = None) -> Network:
    """The network of the first file with the mean of all files' numbers in it; the files are mapped, not copied.

    Raises:
        InputError, NotFiniteError: as `mean` and `read_network`.
    """
    parts = [read_parts(file, mapped=True) for file in files]
    first = Network(parts[0].topology, parts[0].components)
    mean([part.tensors() for part in parts], weights, first.parameters, files)
    for components in zip(*(part.components for part in parts), strict=True):
        if isinstance(components[0], NonlinearComponent):
            components[0].stored.update(*(c.stored for c in components if isinstance(c, NonlinearComponent)))
    return first


def mean_of(tensors: Sequence[torch.Tensor], weights: Sequence[float], out: torch.Tensor) -> None:
    """The kernel: weighted mean of tensors of one shape, in float64 and in their order, rounded once.

    Piece by piece, so that what is in float64 stays in the cache. What weighs 0 is not looked at: it may be NaN.

    Args:
        tensors: of one shape.
        weights: one for each, not negative, with a positive sum.
        out: where to write it, of that shape.
    """
    chosen = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight]
    tensors, weights = [tensor for tensor, _ in chosen], [weight for _, weight in chosen]
    alike = all(
        one.dtype == torch.float32 and one.is_contiguous() and one.device.type == "cpu" for one in (out, *tensors)
    )
    if out.numel() >= _MANY and alike and set(weights) == {1.0}:
        from houseblend.nnet import sums

        sums.mean([tensor.view(-1).numpy() for tensor in tensors], out.view(-1).numpy())
        return
    summed, total = torch.empty(min(_PIECE, out.numel()), dtype=torch.float64, device=out.device), math.fsum(weights)
    for result, *pieces in zip(*(tensor.flatten().split(_PIECE) for tensor in (out, *tensors)), strict=True):
        torch.div(_weighted_sum(pieces, weights, summed[: len(result)]), total, out=result)


def _weighted_sum(tensors: Sequence[torch.Tensor], weights: Sequence[float], out: torch.Tensor) -> torch.Tensor:
    """Into `out`, float64, of the tensors' shape; begins with the first term, so that negative zeros keep their sign."""
    out.copy_(tensors[0]).mul_(weights[0])
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        out.add_(tensor, alpha=weight)
    return out


def _checked_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    if count == 0:
        raise InputError("no models to average")
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count:
        raise InputError(f"{len(weights)} weights for {count} models", expected="one weight per model")
    if not all(math.isfinite(w) and w >= 0.0 for w in weights) or sum(weights) <= 0.0:
        raise InputError(f"weights {weights}", expected="finite, not negative, with a positive sum")
    return weights


def _keep_frozen(spec: TensorSpec, out: torch.Tensor, models: Sequence[Tensors]) -> None:
    for number, model in enumerate(models, 1):
        if not torch.equal(model[spec.name], models[0][spec.name]):
            raise InputError(f"model {number} differs from model 1 in a frozen tensor", key=spec.name)
    out.copy_(models[0][spec.name])


def _mean_count(spec: TensorSpec, models: Sequence[TensorsByName], weights: Sequence[float]) -> float:
    counts = [weight * count_of(model[spec.name]) for weight, model in zip(weights, models, strict=True)]
    return math.fsum(counts) / math.fsum(weights)


def _mean_statistic(
    spec: TensorSpec, result: Parameters, models: Sequence[TensorsByName], weights: Sequence[float]
) -> None:
    """The mean that a variance is around must be in `result` already, as it is if it stands before in the layout."""
    frames = [weight * count_of(model[spec.counter]) for weight, model in zip(weights, models, strict=True)]
    if math.fsum(frames) <= 0.0:
        return
    moments = [model[spec.name].double() ** spec.power for model in models]
    if spec.around:
        center = result[spec.around].double()
        moments = [m + (model[spec.around].double() - center) ** 2 for m, model in zip(moments, models, strict=True)]
    result[spec.name].copy_(
        (_weighted_sum(moments, frames, torch.empty_like(moments[0])) / math.fsum(frames)) ** (1.0 / spec.power)
    )
