"""What follows the last round: the final combination, and the priors from average posteriors (nnet3-combine)."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.nnet.average import mean
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.network import Network
from houseblend.nnet.randomness import Randomness
from houseblend.train.examples import Minibatch, read_minibatches
from houseblend.train.objective import evaluate

MINIBATCH = 1024


def combine(models: Sequence[str | Path], examples: str, device: str) -> tuple[Network, int]:
    """The mean of the last models, as many of them as give the best objective (nnet3's rule).

    Args:
        models: raw networks, the last one first.
        examples: a training subset.
        device: cpu or cuda.

    Returns:
        The network, and how many models are in it.

    Raises:
        InputError: no models, no examples, or models that cannot be averaged.
    """
    networks = [read_network(model, device=device) for model in models]
    if not networks:
        raise InputError("no models to combine")
    result = networks[0]
    batches = list(_minibatches(result, examples))
    parameters = [network.parameters.clone() for network in networks]
    best_count, best, first = 0, -np.inf, 0.0
    for count in range(1, len(networks) + 1):
        result.set_parameters(mean(parameters[:count]).flat)
        value = evaluate(result, batches).per_frame
        what = (
            "objective function using the last model is"
            if count == 1
            else f"Combining last {count} models, objective function is"
        )
        log(f"{what} {value:.6g}")
        first = value if count == 1 else first
        if value > best:
            best_count, best = count, value
    if best_count == 0:
        raise InputError("no combination has a finite objective", file=str(models[0]), do="look at the training log")
    result.set_parameters(mean(parameters[:best_count]).flat)
    if result.batch_norms():
        _take_statistics(result, batches)
    log(f"Combining {best_count} nnets, objective function changed from {first:.6g} to {best:.6g}")
    return result, best_count


def recompute_statistics(network: Network, examples: str) -> None:
    """Statistics of the data for the parameters as they are, all minibatches of one weight.

    As nnet3's RecomputeStats, but without dropout, since decoding computes without it.
    """
    _take_statistics(network, _minibatches(network, examples))


def _take_statistics(network: Network, batches: Iterable[Minibatch]) -> None:
    network.zero_statistics()
    for batch in batches:
        network.take_statistics(batch.x_NWD.to(network.device), Randomness(0, batch.position, len(batch.x_NWD)))


def average_posteriors(network: Network, examples: str) -> np.ndarray:
    """Sum over frames of the network's posteriors, [num_pdfs], float64.

    Raises:
        InputError: there are no examples.
    """
    total = np.zeros(network.output_dim)
    count = 0
    for batch in _minibatches(network, examples):
        y = network.forward(batch.x_NWD.to(network.device)).cpu().double()
        total += y.exp().sum(dim=0).numpy()
        count += len(y)
    if count == 0:
        raise InputError("no examples", file=examples)
    return total


def _minibatches(network: Network, examples: str) -> Iterator[Minibatch]:
    """In random order, so that batch norm sees minibatches as in training."""
    return read_minibatches(examples, (network.left_context, network.right_context), MINIBATCH, seed=0)
