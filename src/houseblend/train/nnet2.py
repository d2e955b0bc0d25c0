"""Training of nnet2's networks: stochastic gradient descent with its natural gradient (nnet2/nnet-update, train-nnet).

Shapes: N examples of a minibatch, P pdfs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.base.log import log
from houseblend.frames.nnet2_egs import Nnet2Example
from houseblend.nnet.nnet2.components import (
    AffineComponent,
    AffineComponentPreconditionedOnline,
    Component,
    Nonlinear,
)
from houseblend.nnet.nnet2.network import Nnet2
from houseblend.train.nnet2_options import MinibatchOptions
from houseblend.train.update.natural_gradient import OnlineNaturalGradient


class Nnet2NaturalGradient(OnlineNaturalGradient):
    """nnet2's OnlinePreconditioner: one update less at the beginning, and three passes over the first minibatch always."""

    initial_updates = 10

    def _initial_passes(self, num_rows: int) -> int:
        return 3


@dataclass
class Minibatch:
    """Windows [N, T, D], and of every target the example, the pdf and the weight, all [number of targets]."""

    x: torch.Tensor
    rows: torch.Tensor
    pdfs: torch.Tensor
    weights: torch.Tensor


@dataclass
class LogProb:
    """Sums over examples: of the weights, of weight log probability, and of the weights of those that are right."""

    weight: float = 0.0
    log_prob: float = 0.0
    correct: float = 0.0

    @property
    def per_frame(self) -> float:
        """Mean log probability."""
        return self.log_prob / self.weight

    @property
    def accuracy(self) -> float:
        """Share of the weight whose pdf is the most probable."""
        return self.correct / self.weight

    def take(self, y: torch.Tensor, batch: Minibatch) -> torch.Tensor:
        """Count a minibatch with probabilities y, [N, P]; returns the derivative of the sum by y."""
        chosen = y[batch.rows, batch.pdfs]
        self.weight += float(batch.weights.sum())
        self.log_prob += float((batch.weights * chosen.log()).double().sum())
        right = y.argmax(dim=1)[batch.rows] == batch.pdfs
        self.correct += float(batch.weights[right].sum())
        return torch.zeros_like(y).index_put_((batch.rows, batch.pdfs), batch.weights / chosen, accumulate=True)


def backward(
    network: Nnet2, batch: Minibatch, objective: LogProb
) -> Iterator[tuple[Component, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Count a minibatch, and go back from the last component to the first that is trained.

    Yields:
        The component, what it read and gave, and the derivative by what it gave, all [N, frames, dim]. The component may then
        be changed.
    """
    read = [batch.x]
    for component in network.components:
        read.append(component.forward(read[-1]))
    dy = objective.take(read[-1][:, 0], batch)[:, None]
    first = network.components.index(network.trained[0]) if network.trained else len(network.components)
    for number in range(len(network.components) - 1, first - 1, -1):
        component, y = network.components[number], read[number + 1]
        dx = component.backward(y, dy) if number > first else dy
        yield component, read[number], y, dy
        dy = dx


class Nnet2Trainer:
    """Trains a network in place.

    Args:
        network: ends with probabilities of pdfs.
    """

    def __init__(self, network: Nnet2) -> None:
        self._network = network
        self._sides = {
            id(component): tuple(
                Nnet2NaturalGradient(
                    rank, component.update_period, component.num_samples_history, alpha=component.alpha
                )
                for rank in (component.rank_in, component.rank_out)
            )
            for component in network.trained
            if isinstance(component, AffineComponentPreconditionedOnline)
        }

    def step(self, batch: Minibatch, objective: LogProb) -> None:
        """One minibatch: forward, backward, and the update of every component as its derivative comes."""
        for component, x, y, dy in backward(self._network, batch, objective):
            if isinstance(component, Nonlinear):
                component.update_statistics(y)
            elif isinstance(component, AffineComponent):
                self._update(component, x.flatten(0, 1), dy.flatten(0, 1))
        if not math.isfinite(objective.log_prob):
            what = f"the log probability is {objective.log_prob}"
            raise NotFiniteError(
                what, file=self._network.file, expected="a finite number", do="lower the learning rates"
            )

    def _update(self, component: AffineComponent, x: torch.Tensor, dy: torch.Tensor) -> None:
        """W += rate dY' X, b += rate dY' 1, perhaps preconditioned on both sides, the constant 1 as a part of X."""
        x1, rate = torch.cat([x, x.new_ones(len(x), 1)], dim=1), component.learning_rate
        if isinstance(component, AffineComponentPreconditionedOnline):
            dy = dy.clone()
            for side, rows in zip(self._sides[id(component)], (x1, dy), strict=True):
                rate *= float(side.precondition(rows))
            norms = torch.linalg.vector_norm(x1, dim=1) * torch.linalg.vector_norm(dy, dim=1)
            limit, change = component.max_change_per_sample * len(x), rate * float(norms.sum())
            if 0 < limit < change:
                rate *= limit / change
        component.linear.addmm_(dy.t(), x1[:, :-1], alpha=rate)
        component.bias.addmv_(dy.t(), x1[:, -1], alpha=rate)


def minibatches(examples: Iterable[tuple[str, Nnet2Example]], network: Nnet2, size: int) -> Iterator[Minibatch]:
    """Examples in their order, `size` together; the last may be smaller.

    Raises:
        InputError: an example that is not for this network, by its key.
    """
    rest = iter(examples)
    while some := list(islice(rest, size)):
        windows = [_window(key, example, network) for key, example in some]
        targets = [(row, *target) for row, (_, example) in enumerate(some) for target in example.labels]
        rows, pdfs, weights = zip(*targets, strict=True) if targets else ((), (), ())
        yield Minibatch(
            torch.from_numpy(np.stack(windows)), torch.tensor(rows, dtype=torch.long),
            torch.tensor(pdfs, dtype=torch.long), torch.tensor(weights, dtype=torch.float32),
        )  # fmt: skip


def train_pass(network: Nnet2, examples: Iterable[tuple[str, Nnet2Example]], options: MinibatchOptions) -> LogProb:
    """Train on all examples once, and tell of it as nnet2's scripts expect.

    Raises:
        InputError: no example, or one that is not for this network.
        NotFiniteError: the network diverged.
    """
    trainer, total, batches = Nnet2Trainer(network), LogProb(), minibatches(examples, network, options.minibatch_size)
    while phase := _phase(trainer, islice(batches, options.minibatches_per_phase)):
        log(f"Training objective function (this phase) is {phase.per_frame:g} over {phase.weight:g} frames.")
        total.weight, total.log_prob = total.weight + phase.weight, total.log_prob + phase.log_prob
    if not total.weight:
        raise InputError("no examples", do="check the archive")
    network.check_finite()
    log(f"Did backprop on {total.weight:g} examples, average log-prob per frame is {total.per_frame:g}")
    log(f"[this line is to be parsed by a script:] log-prob-per-frame={total.per_frame:g}")
    return total


def measure(network: Nnet2, examples: Iterable[tuple[str, Nnet2Example]]) -> LogProb:
    """Log probability and accuracy of all examples; InputError if there are none."""
    total = LogProb()
    for batch in minibatches(examples, network, 1000):
        total.take(network.forward(batch.x)[:, 0], batch)
    if not total.weight:
        raise InputError("no examples", do="check the archive")
    return total


def _phase(trainer: Nnet2Trainer, batches: Iterable[Minibatch]) -> LogProb | None:
    """One phase; None if there is no minibatch any more."""
    objective, any_left = LogProb(), False
    for batch in batches:
        trainer.step(batch, objective)
        any_left = True
    return objective if any_left else None


def _window(key: str, example: Nnet2Example, network: Nnet2) -> np.ndarray:
    """The frames that the network needs, [T, D]; InputError if the example is not for it."""
    dim, largest = example.frames_TD.shape[1], max((pdf for pdf, _ in example.labels), default=0)
    if dim != network.input_dim or largest >= network.output_dim:
        found, expected = (
            f"{dim} numbers a frame, pdf {largest}",
            f"{network.input_dim}, pdfs below {network.output_dim}",
        )
        raise InputError(found, key=key, expected=expected, do="take examples that were made for this network")
    try:
        return example.window(network.left_context, network.right_context)
    except InputError as failure:
        raise failure.but(key=key) from None
