"""Natural gradient for other people's networks: a drop-in for `torch.nn.Linear`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from houseblend.train.update.natural_gradient import OnlineNaturalGradient, PreconditionedAffine


class NGLinear(torch.nn.Linear):
    """A linear layer whose weight and bias gradients come out preconditioned; any optimizer may use them.

    The derivative passed to the layer below is the true one. In nnet3 the gradient is summed over the minibatch
    and the smoothing and the forgetting are tuned for that; with a loss that is a mean the result is the same but
    for the factor, since the preconditioned direction scales with the gradient.

    Args:
        in_features, out_features, bias: as in `torch.nn.Linear`.
        rank_in, rank_out: ranks of the Fisher matrices of input and output; nnet3's rule if not given.
        update_period: minibatches from one update of the Fisher matrices to the next.
        num_samples_history: rows over which they remember.
        alpha: how strongly they are smoothed with the unit matrix.
        kwargs: `device`, `dtype`; float32 only.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rank_in: int | None = None,
        rank_out: int | None = None,
        update_period: int = 4,
        num_samples_history: float = 2000.0,
        alpha: float = 4.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(in_features, out_features, bias, **kwargs)
        ranks = (rank_in or min(20, (in_features + 1) // 2), rank_out or min(80, (out_features + 1) // 2))
        sides = [OnlineNaturalGradient(rank, update_period, num_samples_history, alpha=alpha) for rank in ranks]
        self.preconditioner = PreconditionedAffine(sides[0], sides[1], in_features, out_features)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear`.

        Args:
            input: [..., in_features].

        Returns:
            [..., out_features].
        """
        return _Linear.apply(input, self.weight, self.bias, self.preconditioner)

    def get_extra_state(self) -> dict[str, torch.Tensor]:
        """What natural gradient remembers, kept in the module's `state_dict`."""
        return {key: torch.from_numpy(np.array(value)) for key, value in self.preconditioner.state().items()}

    def set_extra_state(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a `state_dict`."""
        arrays = {key: value.cpu().numpy() for key, value in state.items()}
        self.preconditioner.load_state(arrays)


class _Linear(torch.autograd.Function):
    """x W' + b whose derivatives by W and b are preconditioned."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, ng: Any) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.ng = ng
        return torch.nn.functional.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (dy,) = grads
        x, weight = ctx.saved_tensors
        dx = dy @ weight if ctx.needs_input_grad[0] else None
        if not (ctx.needs_input_grad[1] or ctx.needs_input_grad[2]):
            return dx, None, None, None
        rows_x, rows_dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
        x1_hat, dy_hat = ctx.ng(rows_x, rows_dy)
        both = dy_hat.t() @ x1_hat
        return dx, both[:, :-1], both[:, -1] if ctx.needs_input_grad[2] else None, None
