"""The components of nnet1's networks, forward and backward.

Shapes: x is [frames, input_dim], y is [frames, output_dim]; dx and dy are derivatives of the objective by x and y. Each class bears
the name of its marker in the files. `houseblend.nnet.rbm.Rbm` is a component too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from houseblend.nnet.rbm import Rbm


@dataclass
class Splice:
    """y[t] = x[t + offset] for every offset, side by side; beyond the ends stands the first or last frame.

    Args:
        offsets: in frames.
        input_dim: numbers a frame.
    """

    offsets: tuple[int, ...]
    input_dim: int

    @property
    def output_dim(self) -> int:
        """Numbers a spliced frame."""
        return len(self.offsets) * self.input_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The spliced frames."""
        time = torch.arange(len(x))[:, None] + torch.tensor(self.offsets)[None, :]
        return x[time.clamp(0, max(len(x) - 1, 0))].reshape(len(x), -1)


@dataclass
class AddShift:
    """y = x + shift, [dim]."""

    shift: torch.Tensor
    learn_rate_coef: float = 1.0

    @property
    def input_dim(self) -> int:
        """Numbers a frame, in and out."""
        return len(self.shift)

    output_dim = input_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The shifted frames."""
        return x + self.shift

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = dy."""
        return dy


@dataclass
class Rescale:
    """y = x * scale, [dim]."""

    scale: torch.Tensor
    learn_rate_coef: float = 1.0

    @property
    def input_dim(self) -> int:
        """Numbers a frame, in and out."""
        return len(self.scale)

    output_dim = input_dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scaled frames."""
        return x * self.scale

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = dy * scale."""
        return dy * self.scale


class _Weighted:
    """What has weights W, [output_dim, input_dim]."""

    weights: torch.Tensor

    @property
    def input_dim(self) -> int:
        """Columns of W."""
        return self.weights.shape[1]

    @property
    def output_dim(self) -> int:
        """Rows of W."""
        return self.weights.shape[0]

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = W' dy."""
        return dy @ self.weights


@dataclass
class LinearTransform(_Weighted):
    """y = W x.

    Args:
        weights: W, [output_dim, input_dim].
        learn_rate_coef: factor on the learning rate of W.
    """

    weights: torch.Tensor
    learn_rate_coef: float = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The transformed frames."""
        return x @ self.weights.t()


@dataclass
class AffineTransform(_Weighted):
    """y = W x + b.

    Args:
        weights: W, [output_dim, input_dim].
        bias: b, [output_dim].
        learn_rate_coef, bias_learn_rate_coef: factors on the learning rates of W and b.
        max_norm: largest length of a row of W while it is trained; 0 for any.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    learn_rate_coef: float = 1.0
    bias_learn_rate_coef: float = 1.0
    max_norm: float = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The transformed frames."""
        return torch.addmm(self.bias, x, self.weights.t())


@dataclass
class _SameDim:
    """What gives as many numbers as it takes."""

    input_dim: int

    @property
    def output_dim(self) -> int:
        """As many as go in."""
        return self.input_dim


@dataclass
class Sigmoid(_SameDim):
    """y = 1 / (1 + exp(-x)), by element."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers between 0 and 1."""
        return torch.sigmoid(x)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = dy y (1 - y)."""
        return torch.ops.aten.sigmoid_backward(dy, y)


@dataclass
class Tanh(_SameDim):
    """y = tanh(x), by element."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers between -1 and 1."""
        return torch.tanh(x)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """dx = dy (1 - y^2)."""
        return torch.ops.aten.tanh_backward(dy, y)


@dataclass
class Softmax(_SameDim):
    """y = exp(x) / sum exp(x), by frame; the last component of a classifier."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities that sum to 1 in every frame."""
        return torch.softmax(x, dim=1)

    def backward(self, y: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
        """The derivative as it comes: that of the cross-entropy, y - target, is by x already."""
        return dy


FrameLayer = AddShift | Rescale | LinearTransform | AffineTransform | Sigmoid | Tanh | Softmax
"""What computes every frame from itself."""
Layer = Splice | FrameLayer
Component = Layer | Rbm

KINDS: dict[str, type] = {
    f"<{kind.__name__}>": kind
    for kind in (Splice, AddShift, Rescale, LinearTransform, AffineTransform, Sigmoid, Tanh, Softmax, Rbm)
}
"""All kinds of components by their markers."""
_BY_LOWER_CASE = {name.lower(): kind for name, kind in KINDS.items()}


def kind_called(name: str) -> type | None:
    """The kind of component of a marker, in letters of either case; None if there is none."""
    return _BY_LOWER_CASE.get(name.lower())


def marker(component: Component) -> str:
    """What a component is called in files and prototypes."""
    return f"<{type(component).__name__}>"


def tensors(component: Component) -> dict[str, torch.Tensor]:
    """The numbers of a component by name."""
    return {name: value for name, value in vars(component).items() if isinstance(value, torch.Tensor)}


def unfolded(component: Component) -> list[Layer]:
    """The component; of an RBM the affine transform and the sigmoid that compute its hidden units."""
    if not isinstance(component, Rbm):
        return [component]
    affine = AffineTransform(component.weights, component.hidden_bias)
    return [affine, Sigmoid(component.output_dim)] if component.hidden_type == "bern" else [affine]
