"""Training of nnet1's networks: stochastic gradient descent on shuffled frames (nnet/nnet-affine-transform.h, nnet-loss.cc).

Shapes: N frames of a minibatch, P classes; x is what a component reads, dy the derivative of the objective by its output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    FrameLayer,
    LinearTransform,
    Rescale,
    Softmax,
    Splice,
    marker,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm
from houseblend.train.nnet1_data import Frames
from houseblend.train.nnet1_options import SgdOptions

_TINY = 1e-20
"""Added to probabilities before their logarithm is taken."""


class CrossEntropy:
    """Cross-entropy and accuracy over all frames so far, by class.

    Args:
        num_classes: P.

    Attributes:
        frames, cross_entropy, entropy, correct: sums of weights, float64 [P]; entropy is that of the targets.
    """

    def __init__(self, num_classes: int) -> None:
        self.frames, self.cross_entropy, self.entropy, self.correct = torch.zeros(4, num_classes, dtype=torch.float64)

    @property
    def loss(self) -> float:
        """Cross-entropy less the entropy of the targets, of a frame."""
        return float((self.cross_entropy.sum() - self.entropy.sum()) / self.frames.sum())

    @property
    def accuracy(self) -> float:
        """Share of the frames whose largest output is at the largest target."""
        return float(self.correct.sum() / self.frames.sum())

    def take(self, y: torch.Tensor, batch: Frames) -> torch.Tensor:
        """Count a minibatch; returns dy = weight (y - target), the derivative by the softmax's input, in the place of y.

        Args:
            y: probabilities, [N, P].
        """
        _, rows, pdfs, shares, weights = batch.tensors()
        weights = weights * torch.zeros(len(batch)).index_add_(0, rows, shares)
        weight_of = weights[rows] * shares
        place = rows * y.shape[1] + pdfs
        self.frames.index_add_(0, pdfs, weight_of.double())
        log_of = torch.log(y.view(-1)[place] + _TINY)
        self.cross_entropy.index_add_(0, pdfs, -(weight_of * log_of).double())
        self.entropy.index_add_(0, pdfs, -(weight_of * torch.log(shares + _TINY)).double())
        best = torch.from_numpy(_first_of_largest(batch))
        largest = torch.from_numpy(y.numpy().argmax(axis=1))  # twenty times as fast as torch's
        right = (largest[rows[best]] == pdfs[best]).double()
        self.correct.index_add_(0, pdfs[best], weights[rows[best]] * right)
        y.view(-1).index_add_(0, place, -shares)
        return y if bool((weights == 1.0).all()) else y.mul_(weights[:, None])


def _first_of_largest(batch: Frames) -> np.ndarray:
    """Place of the largest target of every frame that has one, the first class of several."""
    order = np.lexsort((batch.pdfs, -batch.shares, batch.rows))
    return order[np.unique(batch.rows[order], return_index=True)[1]]


@dataclass
class Sgd:
    """Trains a network in place.

    Args:
        network: ends with a softmax.
        options: rates and penalties.

    Raises:
        InputError: a component that cannot be trained.
    """

    network: Nnet1
    options: SgdOptions

    def __post_init__(self) -> None:
        self._layers: list[FrameLayer] = []
        for number, component in enumerate(self.network.components, start=1):
            if isinstance(component, Splice | Rbm):
                way = "put it into --feature-transform" if isinstance(component, Splice) else "use rbm-convert-to-nnet"
                what = f"component {number}, {marker(component)}, cannot be trained by the frame"
                raise InputError(what, file=self.network.file, do=way)
            self._layers.append(component)
        check_classifier(self.network)
        self._gradients: dict[int, torch.Tensor] = {}
        """Sum of the gradients of each weight matrix or bias, by its id, each weighed by the momentum since."""

    def step(self, batch: Frames, objective: CrossEntropy) -> None:
        """One minibatch: forward, backward, and the update of every component as its derivative comes."""
        read = [torch.from_numpy(batch.x_ND)]
        for layer in self._layers:
            read.append(layer.forward(read[-1]))
        dy = objective.take(read[-1], batch)
        for number, layer in reversed(list(enumerate(self._layers))):
            dx = layer.backward(read[number + 1], dy) if number > 0 else dy
            self._update(layer, read[number], dy)
            dy = dx

    def _update(self, layer: FrameLayer, x: torch.Tensor, dy: torch.Tensor) -> None:
        """Momentum and penalties are for weights alone, momentum for the biases beside them, too."""
        rate = self.options.learn_rate
        if isinstance(layer, AffineTransform):
            self._update_affine(layer, x, dy)
        elif isinstance(layer, LinearTransform):
            self._update_weights(layer.weights, x, dy, rate * layer.learn_rate_coef, rate)
        elif isinstance(layer, AddShift):
            layer.shift.sub_(dy.sum(0), alpha=rate * layer.learn_rate_coef)
        elif isinstance(layer, Rescale):
            layer.scale.sub_((dy * x).sum(0), alpha=rate * layer.learn_rate_coef)

    def _update_affine(self, component: AffineTransform, x: torch.Tensor, dy: torch.Tensor) -> None:
        rate = self.options.learn_rate * component.learn_rate_coef
        self._update_weights(component.weights, x, dy, rate, rate)
        gradient = self._gradient(component.bias).mul_(self.options.momentum).add_(dy.sum(0))
        component.bias.sub_(gradient, alpha=self.options.learn_rate * component.bias_learn_rate_coef)
        if component.max_norm > 0.0:
            norms = component.weights.norm(dim=1, keepdim=True)
            component.weights.div_((norms / component.max_norm).clamp_min_(1.0))

    def _update_weights(
        self, weights: torch.Tensor, x: torch.Tensor, dy: torch.Tensor, rate: float, penalty_rate: float
    ) -> None:
        """W -= rate G with G = dy' x + momentum G, after the penalties, which count by the frame."""
        options = self.options
        if options.l2_penalty:
            weights.mul_(1.0 - penalty_rate * options.l2_penalty * len(x))
        if options.momentum == 0.0 and options.l1_penalty == 0.0:
            weights.addmm_(dy.t(), x, alpha=-rate)
            return
        gradient = self._gradient(weights).addmm_(dy.t(), x, beta=options.momentum)
        if options.l1_penalty:
            _shrink(weights, gradient, penalty_rate * options.l1_penalty * len(x), penalty_rate)
        weights.sub_(gradient, alpha=rate)

    def _gradient(self, tensor: torch.Tensor) -> torch.Tensor:
        """What is remembered of the gradients by this tensor."""
        if id(tensor) not in self._gradients:
            self._gradients[id(tensor)] = torch.zeros_like(tensor)
        return self._gradients[id(tensor)]


def _shrink(weights: torch.Tensor, gradient: torch.Tensor, size: float, rate: float) -> None:
    """Weights that are not 0 go towards it by `size`; those that the coming step would take across it become 0 and stay."""
    shrunk = weights - size * weights.sign()
    crossed = ((shrunk - rate * gradient > 0.0) != (weights > 0.0)) & (weights != 0.0)
    gradient.masked_fill_(crossed, 0.0)
    weights.copy_(shrunk.masked_fill_(crossed, 0.0))


def check_classifier(network: Nnet1) -> None:
    """Refuse a network whose outputs are no probabilities.

    Raises:
        InputError: naming its last component.
    """
    last = network.components[-1]
    if not isinstance(last, Softmax):
        what = f"the last component is {marker(last)}"
        raise InputError(what, file=network.file, expected="<Softmax>", do="add it, or take another network")


def check_converging(objective: CrossEntropy, network: Nnet1) -> None:
    """Refuse a loss that is not finite.

    Raises:
        NotFiniteError: with what to do.
    """
    if not np.isfinite(objective.loss):
        what = f"the loss is {objective.loss}"
        raise NotFiniteError(what, file=network.file, expected="a finite number", do="lower --learn-rate")
