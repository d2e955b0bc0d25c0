"""Restricted Boltzmann machines (Hinton 2010, A practical guide to training restricted Boltzmann machines).

Shapes: x is [N, visible], h is [N, hidden]; N frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch.nn.functional import softplus

UnitType = Literal["gauss", "bern"]


@dataclass
class Rbm:
    """A restricted Boltzmann machine, the component `<Rbm>` of nnet1, of the energy

    E(x, h) = A(x, b) + A(h, c) - h' W x; A(x, b) is -b' x of Bernoulli units, ||x - b||^2 / 2 of Gaussian ones.

    Args:
        weights: W, [hidden, visible].
        visible_bias: b, [visible].
        hidden_bias: c, [hidden].
        visible_type, hidden_type: Gaussian units of variance 1, or Bernoulli units.
    """

    weights: torch.Tensor
    visible_bias: torch.Tensor
    hidden_bias: torch.Tensor
    visible_type: UnitType = "bern"
    hidden_type: UnitType = "bern"

    @property
    def input_dim(self) -> int:
        """Visible units."""
        return self.weights.shape[1]

    @property
    def output_dim(self) -> int:
        """Hidden units."""
        return self.weights.shape[0]

    def hidden(self, x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The mean of the hidden units given the visible ones (the probability of 1 of Bernoulli units), [N, hidden]."""
        h = torch.addmm(self.hidden_bias, x, self.weights.t(), out=out)
        return h.sigmoid_() if self.hidden_type == "bern" else h

    def visible(self, h: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The mean of the visible units given the hidden ones, [N, visible]."""
        x = torch.addmm(self.visible_bias, h, self.weights, out=out)
        return x.sigmoid_() if self.visible_type == "bern" else x

    def free_energy(self, x: torch.Tensor) -> torch.Tensor:
        """F(x) = -log sum over h of exp(-E(x, h)), but for a constant if the hidden units are Gaussian; [N]."""
        drive = x @ self.weights.t()  # W x, on which h depends
        if self.hidden_type == "bern":
            hidden = softplus(drive + self.hidden_bias).sum(dim=1)
        else:
            hidden = (drive * (self.hidden_bias + drive / 2)).sum(dim=1)
        if self.visible_type == "bern":
            return -(x @ self.visible_bias) - hidden
        return (x - self.visible_bias).square().sum(dim=1) / 2 - hidden

    def flat(self) -> torch.Tensor:
        """A copy of all numbers, [n]: weights row by row, visible bias, hidden bias."""
        return torch.cat([self.weights.flatten(), self.visible_bias, self.hidden_bias])

    def over(self, flat: torch.Tensor) -> Rbm:
        """An RBM of the same units whose tensors are views of [n] numbers, in the order of `flat`."""
        sizes = [self.weights.numel(), len(self.visible_bias), len(self.hidden_bias)]
        weights, visible_bias, hidden_bias = flat.split(sizes)
        weights = weights.view(self.weights.shape)
        return replace(self, weights=weights, visible_bias=visible_bias, hidden_bias=hidden_bias)
