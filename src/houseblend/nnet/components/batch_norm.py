"""Batch normalisation without trained scale and offset (nnet3/nnet-normalize-component.cc)."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from houseblend.nnet.components.base import Component, TensorsByName
from houseblend.nnet.parameters import Counter, TensorSpec
from houseblend.nnet.randomness import Randomness


class BatchNormComponent(Component):
    """y = s (x - m), s = target_rms / sqrt(v + epsilon), for each column (of each block) on its own.

    Mean m and variance v are those of the rows at hand; in test mode those of the statistics, that is of the last
    minibatches of training. Without statistics test mode takes the rows at hand too.

    Attributes:
        block_dim: columns that are normalised by the same numbers lie this far apart.
        epsilon, target_rms, test_mode: as above.
        mean, variance: statistics, [block_dim].
        count: rows behind them, as they weigh.
    """

    kind = "BatchNormComponent"
    in_place = True
    uses_output = True

    def __init__(self, name: str, dim: int, block_dim: int | None = None) -> None:
        super().__init__(name, dim, dim)
        self.block_dim = block_dim or dim
        self.epsilon, self.target_rms, self.test_mode = 1e-3, 1.0, False

    def specs(self) -> list[TensorSpec]:
        """Mean and variance [block_dim], and the count."""
        mean, count = f"{self.name}.mean", f"{self.name}.count"
        return [
            TensorSpec(mean, "statistic", (self.block_dim,), counter=count),
            TensorSpec(f"{self.name}.variance", "statistic", (self.block_dim,), counter=count, around=mean),
            TensorSpec(count, "counter", (3,)),
        ]

    def bind(self, tensors: TensorsByName) -> None:
        """Take the statistics."""
        self.mean, self.variance, count = (tensors[spec.name] for spec in self.specs())
        self.count = Counter(count)

    def counters(self) -> Iterable[Counter]:
        """The count."""
        return (self.count,)

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = s (x - m)."""
        x, out = x.view(-1, self.block_dim), out.view(-1, self.block_dim)
        self._is_fixed = self.test_mode and self.count.value > 0
        if self._is_fixed:
            mean, variance = self.mean, self.variance
        else:
            variance, mean = torch.var_mean(x, dim=0, correction=0)
        self._moments = mean, variance
        self._scale = self.target_rms * (variance + self.epsilon).rsqrt()
        torch.sub(x, mean, out=out).mul_(self._scale)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = s (dy - mean of dy - y (mean of y dy) / target_rms^2); out = s dy where m and v are fixed."""
        y, dy, out = (rows.view(-1, self.block_dim) for rows in (y, dy, out))
        if self._is_fixed:
            torch.mul(dy, self._scale, out=out)
            return
        along = (y * dy).mean(0) * self._scale / -(self.target_rms**2)
        torch.sub(dy, dy.mean(0), out=out).mul_(self._scale).addcmul_(y, along)

    def update_statistics(self, y: torch.Tensor, randomness: Randomness) -> None:
        """Put the rows of the last `forward` to those of the statistics."""
        if not self._is_fixed:
            self.gather(*self._moments, y.numel() // self.block_dim)

    def gather(self, mean: torch.Tensor, variance: torch.Tensor, rows: int) -> None:
        """Put the moments, [block_dim], of so many rows to the statistics."""
        share = rows / (self.count.value + rows)
        step = mean - self.mean
        self.mean.add_(step, alpha=share)
        self.variance.lerp_(variance, share).addcmul_(step, step, value=share * (1.0 - share))
        self.count.value += rows

    def scale_count(self, scale: float) -> None:
        """Let the statistics weigh less (scale < 1) against what comes, or forget them (0)."""
        self.count.value *= scale
