"""Element-wise nonlinearities and log-softmax, with the statistics that nnet3 keeps beside them.

The statistics (mean output, mean derivative, root mean square of the objective's derivative by the output) serve
diagnosis only and come, as in nnet3, from the first minibatch and a random part of the others. Self-repair
fields are kept for the file and not applied.
All arguments of `forward` and `backward` are [rows, dim].
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from houseblend.nnet.components.base import Component, TensorsByName
from houseblend.nnet.parameters import Counter, TensorSpec
from houseblend.nnet.randomness import Randomness

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
        own = {spec.name.rpartition(".")[2]: (spec.role, tensors[spec.name]) for spec in self.specs()}
        self.statistics = {name: tensor for name, (role, tensor) in own.items() if role == "statistic"}
        self._counters = {name: Counter(tensor) for name, (role, tensor) in own.items() if role == "counter"}

    def counters(self) -> Iterable[Counter]:
        """All four."""
        return self._counters.values()

    def count(self, counter: str) -> float:
        """Value of a counter."""
        return self._counters[counter].value

    def slope(self, y: torch.Tensor) -> torch.Tensor | None:
        """dy/dx from y, element by element; None where it is none and outputs are not kept either."""
        return None

    def update_statistics(self, y: torch.Tensor, randomness: Randomness) -> None:
        """Take half of the minibatches into the means of output and derivative."""
        if self._is_chosen("count", 2, randomness) and (slope := self.slope(y)) is not None:
            share = self._count_rows("count", len(y))
            self.statistics["value-avg"].lerp_(y.mean(0), share)
            self.statistics["deriv-avg"].lerp_(slope.mean(0), share)
            self.stored |= {"value-avg", "deriv-avg"}

    def update_derivative_statistics(self, dy: torch.Tensor, randomness: Randomness) -> None:
        """Take three quarters of the minibatches into the root mean square of the objective's derivative by y."""
        if self._is_chosen("oderiv-count", 4, randomness):
            share = self._count_rows("oderiv-count", len(dy))
            rms = self.statistics["oderiv-rms"]
            rms.copy_(rms.square().lerp_(dy.square().mean(0), share).sqrt_())
            self.stored.add("oderiv-rms")

    def _is_chosen(self, counter: str, choices: int, randomness: Randomness) -> bool:
        """Whether statistics are taken from this minibatch: from the first, and at all choices but one."""
        return self.count(counter) == 0.0 or randomness.draw(f"{self.name}.{counter}", choices) > 0

    def _count_rows(self, counter: str, rows: int) -> float:
        """Add rows to a counter; returns their share in it."""
        own = self._counters[counter]
        own.value += rows
        return rows / own.value


class SigmoidComponent(NonlinearComponent):
    """y = 1 / (1 + exp(-x))."""

    kind = "SigmoidComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = sigmoid(x)."""
        torch.sigmoid(x, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy y (1 - y)."""
        _aten.sigmoid_backward.grad_input(dy, y, grad_input=out)

    def slope(self, y: torch.Tensor) -> torch.Tensor:
        """y (1 - y)."""
        return y - y.square()


class TanhComponent(NonlinearComponent):
    """y = tanh(x)."""

    kind = "TanhComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = tanh(x)."""
        torch.tanh(x, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy (1 - y^2)."""
        _aten.tanh_backward.grad_input(dy, y, grad_input=out)

    def slope(self, y: torch.Tensor) -> torch.Tensor:
        """1 - y^2."""
        return 1.0 - y.square()


class RectifiedLinearComponent(NonlinearComponent):
    """y = max(x, 0)."""

    kind = "RectifiedLinearComponent"

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = max(x, 0)."""
        torch.clamp_min(x, 0.0, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = dy where y > 0, else 0."""
        _aten.threshold_backward.grad_input(dy, y, 0.0, grad_input=out)

    def slope(self, y: torch.Tensor) -> torch.Tensor:
        """1 where y > 0, else 0."""
        return y.sign()


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
