"""The objective: weighted log-probability of the targets, summed over the minibatch (nnet3's linear objective)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from houseblend.base.errors import InputError
from houseblend.nnet.network import Network
from houseblend.train.examples import Minibatch


@dataclass
class Objective:
    """Sums over frames: log-probability of the targets, weight of right first choices, weight of all."""

    log_prob: float = 0.0
    correct: float = 0.0
    weight: float = 0.0

    @property
    def per_frame(self) -> float:
        """Log-probability per frame, in nats."""
        return self.log_prob / self.weight if self.weight else float("nan")

    @property
    def accuracy(self) -> float:
        """Share of frames whose best pdf is the target."""
        return self.correct / self.weight if self.weight else float("nan")


def objective_and_derivative(y: torch.Tensor, batch: Minibatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The objective, scalar in float64, and its derivative by the output.

    Args:
        y: log-probabilities, [rows, num_pdfs].
        batch: with the targets.

    Returns:
        The sum, and [rows, num_pdfs]: the targets' weights.

    Raises:
        InputError: a target that the network has no output for.
    """
    if batch.num_pdfs > y.shape[1]:
        raise InputError(f"target pdf {batch.num_pdfs - 1}", expected=f"0 to {y.shape[1] - 1}, the network's outputs")
    chosen = y[batch.rows, batch.pdfs]
    derivative = torch.zeros_like(y)
    derivative.index_put_((batch.rows, batch.pdfs), batch.weights, accumulate=True)
    return (chosen.double() * batch.weights).sum(), derivative


def evaluate(network: Network, batches: Iterable[Minibatch]) -> Objective:
    """Objective and accuracy of a network on minibatches; nothing is trained."""
    total = Objective()
    for batch in batches:
        y = network.forward(batch.x_NWD.to(network.device)).cpu()
        value, _ = objective_and_derivative(y, batch)
        right = y.argmax(dim=1)[batch.rows] == batch.pdfs
        total.log_prob += float(value)
        total.correct += float((right * batch.weights).sum())
        total.weight += batch.weight
    return total


def evaluate_as_for_test(network: Network, batches: Iterable[Minibatch]) -> Objective:
    """As `evaluate`, with batch norm in test mode."""
    with network.batch_norm_in_test_mode():
        return evaluate(network, batches)
