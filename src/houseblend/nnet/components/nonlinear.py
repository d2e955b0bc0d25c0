"""Element-wise nonlinearities and log-softmax, with the statistics that nnet3 keeps beside them.

The statistics (mean output, mean derivative, root mean square of the output's derivative) come from a random
part of the minibatches in nnet3 and serve diagnosis only. Here they are read, averaged and written; training
leaves them as they were. Self-repair fields are kept likewise and not applied.
All arguments of `forward` and `backward` are [rows, dim].
"""

from __future__ import annotations

import torch

from houseblend.nnet.components.base import Component, TensorsByName
from houseblend.nnet.parameters import TensorSpec

UNSET_THRESHOLD = -1000.0
_aten = torch.ops.aten


class NonlinearComponent(Component):
    """What nnet3's NonlinearComponent keeps.

    Attributes:
        block_dim: kept for the file.
        stored: which statistics exist ("value-avg", "deriv-avg", "oderiv-rms"); the others are empty in the file.
        self_repair_lower_threshold, self_repair_upper_threshold, self_repair_scale: kept for the file.
    """

    in_place = True
    uses_output = True

    def __init__(self, name: str, dim: int) -> None:
        super().__init__(name, dim, dim)
        self.block_dim = dim
        self.stored: set[str] = set()
        self.self_repair_lower_threshold = self.self_repair_upper_threshold = UNSET_THRESHOLD
        self.self_repair_scale = 0.0

    def specs(self) -> list[TensorSpec]:
        """Statistics [dim] and counters [2]."""
        dim, count, oderiv_count = self.output_dim, f"{self.name}.count", f"{self.name}.oderiv-count"
        counters = ("count", "oderiv-count", "num-dims-self-repaired", "num-dims-processed")
        return [
            TensorSpec(f"{self.name}.value-avg", "statistic", (dim,), counter=count),
            TensorSpec(f"{self.name}.deriv-avg", "statistic", (dim,), counter=count),
            TensorSpec(f"{self.name}.oderiv-rms", "statistic", (dim,), counter=oderiv_count, power=2),
            *(TensorSpec(f"{self.name}.{counter}", "counter", (2,)) for counter in counters),
        ]

    def bind(self, tensors: TensorsByName) -> None:
        """Take the statistics and counters."""
        self.statistics = {spec.name.rpartition(".")[2]: tensors[spec.name] for spec in self.specs()}

    def count(self, counter: str) -> float:
        """Value of a counter, the sum of its two parts."""
        return float(self.statistics[counter].double().sum())


def split_count(value: float) -> list[float]:
    """Two float32 numbers whose sum is a count of up to 48 bits."""
    high = float(torch.tensor(value, dtype=torch.float32))
    return [high, value - high]


class SigmoidComponent(NonlinearComponent):
    """y = 1 / (1 + exp(-x))."""

    kind = "SigmoidComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = sigmoid(x)."""
        torch.sigmoid(x, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy y (1 - y)."""
        _aten.sigmoid_backward.grad_input(dy, y, grad_input=out)


class TanhComponent(NonlinearComponent):
    """y = tanh(x)."""

    kind = "TanhComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = tanh(x)."""
        torch.tanh(x, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy (1 - y^2)."""
        _aten.tanh_backward.grad_input(dy, y, grad_input=out)


class RectifiedLinearComponent(NonlinearComponent):
    """y = max(x, 0)."""

    kind = "RectifiedLinearComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = max(x, 0)."""
        torch.clamp_min(x, 0.0, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy where y > 0, else 0."""
        _aten.threshold_backward.grad_input(dy, y, 0.0, grad_input=out)


class LogSoftmaxComponent(NonlinearComponent):
    """y_i = x_i - log sum_j exp(x_j)."""

    kind = "LogSoftmaxComponent"
    in_place = False

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = log softmax of each row."""
        torch.log_softmax(x, 1, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy - exp(y) (sum of dy over the row)."""
        _aten._log_softmax_backward_data.out(dy, y, 1, y.dtype, out=out)
