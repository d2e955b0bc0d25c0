"""The components of nnet2's networks, forward and backward.

Shapes: x is [N, T, input_dim], N examples of T frames; y is [N, T, output_dim], of fewer frames behind a splice. dx and dy are
derivatives of the objective by x and y. Each class bears the name of its marker in the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

FLOOR = 1e-20
"""Smallest probability of a softmax."""


@dataclass(eq=False)
class SpliceComponent:
    """y[t] = x[t + offset] for every offset of the context, side by side, where all of them are there.

    Args:
        input_dim: numbers a frame.
        context: offsets in frames, which grow.
    """

    input_dim: int
    context: tuple[int, ...]

    @property
    def output_dim(self) -> int:
        """Numbers a spliced frame."""
        return len(self.context) * self.input_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The spliced frames."""
        first, last = self.context[0], self.context[-1]
        count = x.shape[1] - (last - first)
        return torch.cat([x[:, offset - first : offset - first + count] for offset in self.context], dim=2)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx[t] = sum of the parts of dy that x[t] became."""
        first, last = self.context[0], self.context[-1]
        dx = dy.new_zeros(len(dy), dy.shape[1] + last - first, self.input_dim)
        for offset, part in zip(self.context, dy.split(self.input_dim, dim=2), strict=True):
            dx[:, offset - first : offset - first + dy.shape[1]] += part
        return dx


@dataclass(eq=False)
class FixedAffineComponent:
    """y = W x + b, never trained.

    Args:
        linear: W, [output_dim, input_dim].
        bias: b, [output_dim].
    """

    linear: torch.Tensor
    bias: torch.Tensor

    @property
    def input_dim(self) -> int:
        """Columns of W."""
        return self.linear.shape[1]

    @property
    def output_dim(self) -> int:
        """Rows of W."""
        return self.linear.shape[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The transformed frames."""
        return x @ self.linear.t() + self.bias

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = W' dy."""
        return dy @ self.linear


@dataclass(eq=False)
class AffineComponent(FixedAffineComponent):
    """y = W x + b, trained by the plain gradient.

    Args:
        learning_rate: by which derivatives, summed over a minibatch, are multiplied.
        is_gradient: the file says that it holds a gradient instead of parameters.
    """

    learning_rate: float = 0.001
    is_gradient: bool = False


@dataclass(eq=False)
class AffineComponentPreconditionedOnline(AffineComponent):
    """y = W x + b, trained by online natural gradient.

    Args:
        rank_in, rank_out: ranks of the Fisher matrices of the input (with a constant 1) and of the output.
        update_period: minibatches from one update of these to the next.
        num_samples_history: frames over which they remember.
        alpha: how strongly they are smoothed with the unit matrix.
        max_change_per_sample: limit of a frame's part of a minibatch's change; 0 for none.
    """

    rank_in: int = 30
    rank_out: int = 80
    update_period: int = 1
    num_samples_history: float = 2000.0
    alpha: float = 4.0
    max_change_per_sample: float = 0.1


@dataclass(eq=False)
class _Nonlinear:
    """What gives as many numbers as it takes, and sums of what it gave.

    Args:
        input_dim: numbers a frame.
        value_sum, deriv_sum: sums of outputs and of their derivatives by the input over `count` frames, [dim], or empty.
    """

    input_dim: int
    value_sum: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    deriv_sum: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    count: float = 0.0

    @property
    def output_dim(self) -> int:
        """As many as go in."""
        return self.input_dim

    def scale_statistics(self, factor: float) -> None:
        """Multiply sums and count."""
        self.value_sum, self.deriv_sum, self.count = (
            factor * self.value_sum,
            factor * self.deriv_sum,
            factor * self.count,
        )

    def add_statistics(self, values: torch.Tensor, derivatives: torch.Tensor, count: float) -> None:
        """Add to sums and count; what is empty adds nothing, what was empty begins at 0."""
        self.value_sum, self.deriv_sum = _sum(self.value_sum, values), _sum(self.deriv_sum, derivatives)
        self.count += count

    def slope(self, y: torch.Tensor) -> torch.Tensor | None:
        """dy/dx from y, element by element; None where sums of it are not kept."""
        return None

    def update_statistics(self, y: torch.Tensor) -> None:
        """Take a minibatch's output into the sums."""
        slope = self.slope(y)
        derivatives = torch.empty(0) if slope is None else slope.sum((0, 1))
        self.add_statistics(y.sum((0, 1)), derivatives, float(y.shape[0] * y.shape[1]))


def _sum(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return left + right if len(left) and len(right) else left if len(left) else right.clone()


@dataclass(eq=False)
class TanhComponent(_Nonlinear):
    """y = tanh(x), by element."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers between -1 and 1."""
        return torch.tanh(x)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = dy (1 - y^2)."""
        return torch.ops.aten.tanh_backward(dy, y)

    def slope(self, y: torch.Tensor) -> torch.Tensor:
        """1 - y^2."""
        return 1.0 - y.square()


@dataclass(eq=False)
class SoftmaxComponent(_Nonlinear):
    """y = exp(x) / sum exp(x), by frame, and not below a floor."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities that sum to 1 in every frame."""
        return torch.softmax(x, dim=2).clamp_min(FLOOR)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = y (dy - y'dy)."""
        return y * (dy - (y * dy).sum(2, keepdim=True))


@dataclass(eq=False)
class NormalizeComponent(_Nonlinear):
    """y = x / rms(x), by frame; its sums stay as they are."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Frames of root mean square 1, but for those of almost nothing."""
        self._rms = (torch.linalg.vector_norm(x, dim=2, keepdim=True) / math.sqrt(self.input_dim)).clamp_min(2.0**-33)
        return x / self._rms

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = (dy - y (y'dy) / dim) / rms."""
        along = torch.where(self._rms > 2.0**-33, (y * dy).sum(2, keepdim=True) / self.input_dim, 0.0)
        return (dy - y * along) / self._rms

    def update_statistics(self, y: torch.Tensor) -> None:
        """None are kept."""


@dataclass(eq=False)
class PnormComponent:
    """y_j = the 2-norm of the j-th group of neighbours in x."""

    input_dim: int
    output_dim: int

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The norms."""
        self._groups = x.unflatten(2, (self.output_dim, -1))
        return torch.linalg.vector_norm(self._groups, dim=3)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx_i = dy_j x_i / y_j, and 0 where y_j is 0."""
        ratio = torch.where(y > 0, dy / y, torch.zeros_like(dy))
        return (self._groups * ratio.unsqueeze(3)).flatten(2)


@dataclass(eq=False)
class SumGroupComponent:
    """y_j = the sum over the j-th group of neighbours in x: a class's probability of those of its parts.

    Args:
        sizes: of the groups.
    """

    sizes: tuple[int, ...]

    @property
    def input_dim(self) -> int:
        """All members of all groups."""
        return sum(self.sizes)

    @property
    def output_dim(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sums."""
        return x.new_zeros(*x.shape[:2], self.output_dim).index_add_(2, self._group_of(), x)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx_i = dy_j for all i of group j."""
        return dy[:, :, self._group_of()]

    def _group_of(self) -> torch.Tensor:
        return torch.repeat_interleave(torch.arange(len(self.sizes)), torch.tensor(self.sizes))


Nonlinear = TanhComponent | SoftmaxComponent | NormalizeComponent
Component = (
    SpliceComponent
    | FixedAffineComponent
    | AffineComponent
    | AffineComponentPreconditionedOnline
    | Nonlinear
    | PnormComponent
    | SumGroupComponent
)
KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        SpliceComponent, FixedAffineComponent, AffineComponent, AffineComponentPreconditionedOnline, TanhComponent,
        SoftmaxComponent, NormalizeComponent, PnormComponent, SumGroupComponent,
    )
}  # fmt: skip
"""All kinds of components by their names."""
