"""Natural gradient from one minibatch alone, as the first scripts of nnet2 had it (nnet2/nnet-precondition.cc)."""

from __future__ import annotations

import math

import torch

from houseblend.base.errors import NotFiniteError


class SimpleNaturalGradient:
    """Preconditions each row with the inverse of the smoothed Fisher matrix of the other rows; remembers nothing.

    p_i = (lambda I + 1/(N-1) sum over j != i of r_j r_j')^-1 r_i, lambda = alpha ||R||^2 / (N D). One inverse
    serves all rows: with G = (lambda I + R'R / (N-1))^-1, q_i = G r_i and g_i = r_i' q_i, it is
    p_i = q_i (1 + g_i / (N - 1 - g_i)) (Sherman-Morrison).

    Args:
        alpha: smoothing with the unit matrix.

    Attributes:
        frozen: as in `OnlineNaturalGradient`; without effect.
    """

    def __init__(self, alpha: float = 4.0) -> None:
        self.alpha, self.frozen = alpha, False

    def precondition(self, x: torch.Tensor) -> float:
        """Replace the rows r_i by p_i.

        Args:
            x: rows R [N, D], float32; changed in place, but for N = 1 and for zeros.

        Returns:
            The factor that gives the result the Frobenius norm that X had.

        Raises:
            NotFiniteError: x holds NaN or infinity.
        """
        num_rows, dim = x.shape
        norm = float(torch.linalg.vector_norm(x))
        if not math.isfinite(norm):
            raise NotFiniteError("NaN or infinity in what natural gradient preconditions")
        if norm == 0.0 or num_rows == 1:
            return 1.0
        smoothing = self.alpha * norm**2 / (num_rows * dim)
        q = self._smoothed_inverse_times(x, smoothing)
        g = (x * q).sum(1, keepdim=True)
        torch.mul(q, 1.0 + g / (num_rows - 1.0 - g), out=x)
        return norm / float(torch.linalg.vector_norm(x))

    @staticmethod
    def _smoothed_inverse_times(x: torch.Tensor, smoothing: float) -> torch.Tensor:
        """R G, [N, D], through the smaller of D x D and N x N: R (s I + R'R / (N-1))^-1 = (s I + RR' / (N-1))^-1 R."""
        num_rows, dim = x.shape
        wide = num_rows < dim
        product = (x @ x.t() if wide else x.t() @ x) / (num_rows - 1.0)
        product.diagonal().add_(smoothing)
        root = torch.linalg.cholesky(product)
        return torch.cholesky_solve(x, root) if wide else torch.cholesky_solve(x.t(), root).t()
