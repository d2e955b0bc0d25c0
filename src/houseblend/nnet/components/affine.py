"""Affine components: fixed, trained, and trained with natural gradient (nnet3/nnet-simple-component.cc)."""

from __future__ import annotations

import torch

from houseblend.nnet.components.base import Component, TensorsByName, UpdatableComponent
from houseblend.nnet.natural_gradient import OnlineNaturalGradient, PreconditionedAffine
from houseblend.nnet.parameters import Role, TensorSpec


def _specs(component: Component, role: Role) -> list[TensorSpec]:
    return [
        TensorSpec(f"{component.name}.linear", role, (component.output_dim, component.input_dim)),
        TensorSpec(f"{component.name}.bias", role, (component.output_dim,)),
    ]


class FixedAffineComponent(Component):
    """y = W x + b with constant W [output_dim, input_dim] and b [output_dim], for example an input transform."""

    kind = "FixedAffineComponent"

    def specs(self) -> list[TensorSpec]:
        """W and b, frozen."""
        return _specs(self, "frozen")

    def bind(self, tensors: TensorsByName) -> None:
        """Take W and b."""
        self.linear, self.bias = tensors[f"{self.name}.linear"], tensors[f"{self.name}.bias"]

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = x W' + b."""
        torch.addmm(self.bias, x, self.linear.t(), out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy W."""
        torch.mm(dy, self.linear, out=out)


class AffineComponent(UpdatableComponent):
    """y = W x + b with trained W [output_dim, input_dim] and b [output_dim].

    Attributes:
        orthonormal_constraint: kept for the file; it is not enforced while training.
    """

    kind = "AffineComponent"
    uses_input = True

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        super().__init__(name, input_dim, output_dim)
        self.orthonormal_constraint = 0.0

    def specs(self) -> list[TensorSpec]:
        """W and b, trained."""
        return _specs(self, "parameter")

    def bind(self, tensors: TensorsByName) -> None:
        """Take W and b."""
        self.linear, self.bias = tensors[f"{self.name}.linear"], tensors[f"{self.name}.bias"]

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = x W' + b."""
        torch.addmm(self.bias, x, self.linear.t(), out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy W."""
        torch.mm(dy, self.linear, out=out)

    def accumulate(self, x: torch.Tensor, dy: torch.Tensor, delta: TensorsByName, natural_gradient: bool) -> None:
        """delta_W += rate dy' x, delta_b += rate (sum of the rows of dy)."""
        delta[f"{self.name}.linear"].addmm_(dy.t(), x, alpha=self.learning_rate)
        delta[f"{self.name}.bias"].add_(dy.sum(0), alpha=self.learning_rate)


class NaturalGradientAffineComponent(AffineComponent):
    """An affine component whose direction is preconditioned on both sides (Povey et al. 2014).

    Attributes:
        rank_in, rank_out: ranks of the Fisher matrices of the input (with a constant 1) and of the output.
        update_period: minibatches from one update of the Fisher matrices to the next.
        num_samples_history: rows over which they remember.
        alpha: how strongly they are smoothed with the unit matrix.
    """

    kind = "NaturalGradientAffineComponent"

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        super().__init__(name, input_dim, output_dim)
        self.rank_in = min(20, (input_dim + 1) // 2)
        self.rank_out = min(80, (output_dim + 1) // 2)
        self.update_period, self.num_samples_history, self.alpha = 4, 2000.0, 4.0
        self.preconditioner: PreconditionedAffine | None = None

    def accumulate(self, x: torch.Tensor, dy: torch.Tensor, delta: TensorsByName, natural_gradient: bool) -> None:
        """As `AffineComponent`, from x (with the constant 1) and dy after preconditioning."""
        if self.is_gradient or not natural_gradient:
            super().accumulate(x, dy, delta, natural_gradient)
            return
        if self.preconditioner is None:
            self.preconditioner = self.new_preconditioner()
        x1_hat, dy_hat, scale = self.preconditioner(x, dy)
        rate = self.learning_rate * scale
        delta[f"{self.name}.linear"].addmm_(dy_hat.t(), x1_hat[:, :-1], alpha=rate)
        delta[f"{self.name}.bias"].addmv_(dy_hat.t(), x1_hat[:, -1], alpha=rate)

    def new_preconditioner(self) -> PreconditionedAffine:
        """Both sides' Fisher estimates, not yet started."""

        def side(rank: int) -> OnlineNaturalGradient:
            return OnlineNaturalGradient(rank, self.update_period, self.num_samples_history, alpha=self.alpha)

        return PreconditionedAffine(side(self.rank_in), side(self.rank_out))
