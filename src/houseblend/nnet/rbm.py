"""Restricted Boltzmann machines (Hinton 2010, A practical guide to training restricted Boltzmann machines)."""

from dataclasses import dataclass
from typing import Literal

import torch

UnitType = Literal["gauss", "bern"]


@dataclass
class Rbm:
    """A restricted Boltzmann machine, the component `<Rbm>` of nnet1.

    Args:
        weights: [hidden, visible].
        visible_bias: [visible].
        hidden_bias: [hidden].
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
