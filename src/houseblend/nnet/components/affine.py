"""Affine components: fixed, trained, and trained with natural gradient (nnet3/nnet-simple-component.cc)."""

from __future__ import annotations

from typing import ClassVar

import torch

from houseblend.nnet.components.base import Component, TensorsByName, UpdatableComponent
from houseblend.nnet.parameters import Role, TensorSpec
from houseblend.nnet.products import add_product, multiply


class AffineMap(Component):
    """y = W x + b, whether trained or not.

    Attributes:
        role: of W [output_dim, input_dim] and b [output_dim] in the network's buffer.
        has_bias: False leaves b out.
        product_dtype: to which the factors of products are rounded; None for no rounding.
    """

    role: ClassVar[Role]
    has_bias = True
    product_dtype: torch.dtype | None = None

    def specs(self) -> list[TensorSpec]:
        """W and b."""
        linear = TensorSpec(f"{self.name}.linear", self.role, (self.output_dim, self.input_dim))
        return [linear, TensorSpec(f"{self.name}.bias", self.role, (self.output_dim,))][: 1 + self.has_bias]

    def bind(self, tensors: TensorsByName) -> None:
        """Take W and b."""
        self.linear = tensors[f"{self.name}.linear"]
        self.bias = tensors[f"{self.name}.bias"] if self.has_bias else None

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = x W' + b."""
        if self.bias is not None and self.product_dtype is None:
            torch.addmm(self.bias, x, self.linear.t(), out=out)
            return
        multiply(x, self.linear.t(), out, self.product_dtype)
        if self.bias is not None:
            out.add_(self.bias)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy W."""
        multiply(dy, self.linear, out, self.product_dtype)


class FixedAffineComponent(AffineMap):
    """y = W x + b with constant W and b, for example an input transform."""

    kind = "FixedAffineComponent"
    role = "frozen"


class AffineComponent(AffineMap, UpdatableComponent):
    """y = W x + b with trained W and b.

    Attributes:
        orthonormal_constraint: kept for the file; it is not enforced while training.
    """

    kind = "AffineComponent"
    role = "parameter"
    uses_input = True

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        super().__init__(name, input_dim, output_dim)
        self.orthonormal_constraint = 0.0

    def accumulate(
        self, x: torch.Tensor, dy: torch.Tensor, delta: TensorsByName, rate: float, ones: torch.Tensor | None = None
    ) -> None:
        """delta_W += rate dy' x, delta_b += rate dy' ones (the sum of the rows of dy if these are not given)."""
        add_product(delta[f"{self.name}.linear"], dy.t(), x, rate, self.product_dtype)
        if not self.has_bias:
            return
        if ones is None:
            delta[f"{self.name}.bias"].add_(dy.sum(0), alpha=rate)
        else:
            delta[f"{self.name}.bias"].addmv_(dy.t(), ones, alpha=rate)


class NaturalGradientAffineComponent(AffineComponent):
    """An affine component and how its gradient is to be preconditioned on both sides (Povey et al. 2014).

    Attributes:
        rank_in, rank_out: ranks of the Fisher matrices of the input (with a constant 1) and of the output.
        update_period: minibatches from one update of the Fisher matrices to the next.
        num_samples_history: rows over which they remember.
        alpha_in, alpha_out: how strongly they are smoothed with the unit matrix.
        use_natural_gradient: False takes the plain gradient always.
    """

    kind = "NaturalGradientAffineComponent"

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        super().__init__(name, input_dim, output_dim)
        self.rank_in = min(20, (input_dim + 1) // 2)
        self.rank_out = min(80, (output_dim + 1) // 2)
        self.update_period, self.num_samples_history = 4, 2000.0
        self.alpha_in = self.alpha_out = 4.0
        self.use_natural_gradient = True
