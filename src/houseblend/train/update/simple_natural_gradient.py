"""Natural gradient from one minibatch alone, as the first scripts of nnet2 had it (nnet2/nnet-precondition.cc)."""

from __future__ import annotations

import torch


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

    def precondition(self, x: torch.Tensor) -> torch.Tensor:
        """Replace the rows r_i by p_i; of NaN or infinity comes the like.

        Args:
            x: rows R [N, D], float32; changed in place, but for N = 1 and for zeros.

        Returns:
            The factor that gives the result the Frobenius norm that X had, a scalar.
        """
        num_rows, dim = x.shape
        if num_rows == 1:
            return x.new_ones(())
        norm = torch.linalg.vector_norm(x)
        smoothing = self.alpha * norm.double() ** 2 / (num_rows * dim)
        q = self._smoothed_inverse_times(x, smoothing.where(norm != 0.0, 1.0))
        g = (x * q).sum(1, keepdim=True)
        torch.mul(q, 1.0 + g / (num_rows - 1.0 - g), out=x)
        return ratio_of_norms(norm, torch.linalg.vector_norm(x))

    @staticmethod
    def _smoothed_inverse_times(x: torch.Tensor, smoothing: torch.Tensor) -> torch.Tensor:
        """R G, [N, D], through the smaller of D x D and N x N: R (s I + R'R / (N-1))^-1 = (s I + RR' / (N-1))^-1 R."""
        num_rows, dim = x.shape
        wide = num_rows < dim
        product = (x @ x.t() if wide else x.t() @ x) / (num_rows - 1.0)
        product.diagonal().add_(smoothing)
        root, _ = torch.linalg.cholesky_ex(product)
        return torch.cholesky_solve(x, root) if wide else torch.cholesky_solve(x.t(), root).t()


def ratio_of_norms(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """By what to multiply rows to give them the norm that they had, a scalar; 1 where they were 0, or not finite, and stay so."""
    return (before / after).nan_to_num_(nan=1.0)
