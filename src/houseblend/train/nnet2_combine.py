"""A combination of networks of nnet2, each layer with weights of its own, that fits examples best (nnet2/combine-nnet-fast).

Weights are found by L-BFGS in the space in which the scatter of their gradients over small minibatches is the unit matrix.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.frames.nnet2_egs import Nnet2Example
from houseblend.nnet.nnet2.components import AffineComponent
from houseblend.nnet.nnet2.edits import averaged
from houseblend.nnet.nnet2.network import Nnet2
from houseblend.train.lbfgs import Lbfgs
from houseblend.train.nnet2 import LogProb, Minibatch, backward, measure, minibatches
from houseblend.train.nnet2_options import CombineOptions

_MINIBATCH, _SCATTER_MINIBATCH = 1024, 64
_MEMORY, _FIRST_GAIN = 10, 0.01
_SMOOTHING, _FLOOR = 0.01, 1e-20
"""Of the diagonal of the scatter."""
Examples = Sequence[tuple[str, Nnet2Example]]


def combined(networks: Sequence[Nnet2], examples: Examples, options: CombineOptions) -> Nnet2:
    """The combination; what is not trained is the first network's.

    Args:
        networks: of the same components.
        examples: to fit.
        options: where to begin, and how long to go on.

    Raises:
        InputError: no examples, networks of other components, or without any that is trained.
    """
    if not examples or not networks[0].trained:
        raise InputError("nothing to fit", file=networks[0].file, expected="examples, and trained components")
    averaged(networks, [1.0] * len(networks))
    start = _start(networks, examples, options.initial_model)
    root = _preconditioner(networks, examples, start)
    search = Lbfgs(root.T @ start.ravel(), min(start.size, _MEMORY), _FIRST_GAIN)
    told = []
    for _ in range(options.num_lbfgs_iters):
        weights = np.linalg.solve(root.T, search.proposed).reshape(start.shape)
        objective, gradient = _objective(networks, examples, weights, options.regularizer)
        search.tell(-objective, -np.linalg.solve(root, gradient.ravel()))
        told.append(objective)
    weights = np.linalg.solve(root.T, search.best[1]).reshape(start.shape)
    log(
        f"objective per frame, with its penalty, from {told[0]:g} to {-search.best[0]:g}"
        if told
        else "nothing was done"
    )
    log(f"weights of each network's layers: {'; '.join(' '.join(f'{one:g}' for one in row) for row in weights)}")
    return _mixture(networks, weights)


def _start(networks: Sequence[Nnet2], examples: Examples, initial: int) -> np.ndarray:
    """Weights [networks, layers]: one network, or their mean where the number is beyond them; below 0 the best of these."""
    choices = [np.repeat(row[:, None], len(networks[0].trained), axis=1) for row in np.eye(len(networks))]
    choices.append(np.full_like(choices[0], 1 / len(networks)))
    if initial >= 0:
        return choices[min(initial, len(networks))]
    return max(choices, key=lambda weights: measure(_mixture(networks, weights), examples).per_frame)


def _mixture(networks: Sequence[Nnet2], weights: np.ndarray) -> Nnet2:
    result = copy.deepcopy(networks[0])
    for layer, component in enumerate(result.trained):
        for name in ("linear", "bias"):
            parts = (
                w * getattr(one.trained[layer], name).double()
                for w, one in zip(weights[:, layer], networks, strict=True)
            )
            setattr(component, name, torch.stack(list(parts)).sum(0).float())
    return result


def _flat(component: AffineComponent) -> np.ndarray:
    """W and b side by side, float64."""
    parts = [getattr(component, name).double().numpy().ravel() for name in ("linear", "bias")]
    return np.concatenate(parts)


def _gradients(network: Nnet2, batch: Minibatch, objective: LogProb) -> list[np.ndarray]:
    """Of the sum over a minibatch by W and b of the trained components, as `_flat` has them."""
    found = []
    for component, x, _, dy in backward(network, batch, objective):
        if any(component is one for one in network.trained):
            rows, dy = x.flatten(0, 1), dy.flatten(0, 1)
            found.append(np.concatenate([(dy.t() @ rows).double().numpy().ravel(), dy.sum(0).double().numpy()]))
    return found[::-1]


def _by_weights(networks: Sequence[Nnet2], gradients: Sequence[np.ndarray]) -> np.ndarray:
    """Derivatives by the weights, [networks, layers], of those by the layers' parameters."""
    return np.array(
        [[_flat(one) @ dp for one, dp in zip(network.trained, gradients, strict=True)] for network in networks]
    )


def _preconditioner(networks: Sequence[Nnet2], examples: Examples, start: np.ndarray) -> np.ndarray:
    """Cholesky factor of the smoothed scatter of gradients, [n, n], n = networks * layers."""
    network, rows = _mixture(networks, start), []
    for batch in minibatches(examples, network, _SCATTER_MINIBATCH):
        rows.append(_by_weights(networks, _gradients(network, batch, LogProb())).ravel())
    scatter = np.array(rows).T @ np.array(rows)
    scatter *= len(scatter) / np.trace(scatter)
    diagonal = np.diag_indices_from(scatter)
    scatter[diagonal] = np.maximum(scatter[diagonal], _FLOOR) * (1 + _SMOOTHING)
    return np.linalg.cholesky(scatter)


def _objective(
    networks: Sequence[Nnet2], examples: Examples, weights: np.ndarray, regularizer: float
) -> tuple[float, np.ndarray]:
    """Log probability of a frame less the penalty, and its derivatives by the weights, [networks, layers]."""
    network, total = _mixture(networks, weights), LogProb()
    sums = [np.zeros(len(_flat(one))) for one in network.trained]
    for batch in minibatches(examples, network, _MINIBATCH):
        for one, gradient in zip(sums, _gradients(network, batch, total), strict=True):
            one += gradient
    mine = [_flat(one) for one in network.trained]
    gradient = _by_weights(
        networks, [one / total.weight - regularizer * own for one, own in zip(sums, mine, strict=True)]
    )
    return total.log_prob / len(examples) - 0.5 * regularizer * sum(float(own @ own) for own in mine), gradient
