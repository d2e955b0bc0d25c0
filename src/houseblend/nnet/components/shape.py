"""Components without parameters or statistics: p-norm, normalisation, dropout, no-operation.

In `forward` and `backward`, x and its derivative are [rows, input_dim], y and its derivative [rows, output_dim].
"""

from __future__ import annotations

from typing import ClassVar

import torch

from houseblend.nnet.components.base import Component
from houseblend.nnet.device import sent

_SQUARED_NORM_FLOOR = 2.0**-66


class PnormComponent(Component):
    """2-norm of groups of input_dim / output_dim neighbours (nnet3's PnormComponent, p = 2)."""

    kind = "PnormComponent"
    uses_input = True
    uses_output = True

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out_j = sqrt(sum of squares of group j)."""
        torch.linalg.vector_norm(x.view(len(x), self.output_dim, -1), dim=2, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out_i = dy_j x_i / y_j, and 0 where the norm y_j is 0."""
        ratio = torch.where(y > 0, dy / y, torch.zeros_like(dy))
        groups = (len(x), self.output_dim, -1)
        torch.mul(x.view(groups), ratio.unsqueeze(2), out=out.view(groups))


class NormalizeComponent(Component):
    """Scales each row, or each block of a row, to root mean square `target_rms` (nnet3/nnet-normalize-component.cc).

    With p = x'x / (D target_rms^2), floored at 2^-66, y = x / sqrt(p). With `add_log_stddev`, log of the
    root mean square of x is one more output per block.
    """

    kind = "NormalizeComponent"
    uses_input = True

    def __init__(
        self, name: str, dim: int, target_rms: float = 1.0, add_log_stddev: bool = False, block_dim: int | None = None
    ) -> None:
        self.block_dim = block_dim or dim
        self.target_rms, self.add_log_stddev = target_rms, add_log_stddev
        super().__init__(name, dim, dim + (dim // self.block_dim if add_log_stddev else 0))

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = x / sqrt(p) [and log of the rms of x]."""
        x, out = self._blocks(x, out)
        rms = self.relative_rms(x)
        torch.div(x, rms, out=out[:, : self.block_dim])
        if self.add_log_stddev:
            out[:, self.block_dim :] = (rms * self.target_rms).log()

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = f dy - f^3 / (D target_rms^2) (dy'x) x, f = 1 / sqrt(p); without the second term on the floor."""
        x, dy = self._blocks(x, dy)
        out = out.view(x.shape)
        rms = self.relative_rms(x)
        dy_x = (dy[:, : self.block_dim] * x).sum(1, keepdim=True)
        size = self.block_dim * self.target_rms**2
        along = torch.where(rms > _SQUARED_NORM_FLOOR**0.5, -dy_x / (size * rms**3), torch.zeros_like(dy_x))
        if self.add_log_stddev:
            squared = (x * x).sum(1, keepdim=True).clamp_min(self.block_dim * _SQUARED_NORM_FLOOR)
            along += dy[:, self.block_dim :] / squared
        torch.div(dy[:, : self.block_dim], rms, out=out)
        out.addcmul_(x, along)

    def _blocks(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x as [rows * blocks, block_dim], y as [rows * blocks, block_dim (+ 1)]."""
        return x.view(-1, self.block_dim), y.view(-1, self.block_dim + self.add_log_stddev)

    def relative_rms(self, x: torch.Tensor) -> torch.Tensor:
        """sqrt(p) of each block of x, [..., block_dim]: [..., 1]."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return (norm / (self.block_dim**0.5 * self.target_rms)).clamp_min(_SQUARED_NORM_FLOOR**0.5)


class DropoutComponent(Component):
    """Zeroes a proportion of the elements, or of the rows, while training; without scaling, as nnet3.

    When it does not train, or `test_mode` is stored, y = (1 - proportion) x.
    """

    kind = "DropoutComponent"
    in_place: ClassVar[bool] = True

    def __init__(
        self, name: str, dim: int, proportion: float = 0.0, per_frame: bool = False, test_mode: bool = False
    ) -> None:
        super().__init__(name, dim, dim)
        self.proportion, self.per_frame, self.test_mode = proportion, per_frame, test_mode

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = mask x; the mask is kept for `backward`."""
        if self.randomness is None or self.test_mode:
            self._mask = torch.full((1, 1), 1.0 - self.proportion, dtype=x.dtype, device=x.device)
        else:
            columns = 1 if self.per_frame else self.input_dim
            dropped = self.randomness.dropped(self.name, self.proportion, len(x), columns)
            self._mask = sent(torch.from_numpy(~dropped), x.device).to(x.dtype)
        torch.mul(x, self._mask, out=out)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = mask dy."""
        torch.mul(dy, self._mask, out=out)


class NoOpComponent(Component):
    """y = x; the derivative is multiplied by `backprop_scale`."""

    kind = "NoOpComponent"
    in_place = True

    def __init__(self, name: str, dim: int, backprop_scale: float = 1.0) -> None:
        super().__init__(name, dim, dim)
        self.backprop_scale = backprop_scale

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """out = x."""
        if out.data_ptr() != x.data_ptr():
            out.copy_(x)

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """out = backprop_scale dy."""
        torch.mul(dy, self.backprop_scale, out=out)
