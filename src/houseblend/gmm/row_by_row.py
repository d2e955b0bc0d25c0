"""Maximum-likelihood transforms of features under diagonal Gaussians, estimated row by row (MLLT and fMLLR).

With W = [A b], rows w_d, the auxiliary function of both is

    Q(W) = beta log|det A| + sum_d (w_d . k_d - w_d^T G_d w_d / 2),

k = 0 and no offset b for MLLT (Gales 1999, "Semi-tied covariance matrices for hidden Markov models"), and Gales 1998, "Maximum
likelihood linear transformations for HMM-based speech recognition", for fMLLR.
"""

from dataclasses import dataclass

import numpy as np

BLOCK = 512
"""Rows whose outer products are held at a time."""


@dataclass
class RowStats:
    """Statistics of a transform of D rows and E columns, E being D or, with an offset, D + 1; float64.

    Args:
        count: beta.
        linear: k, [D, E].
        packed: lower triangles of the G_d, side by side: [D, E (E + 1) / 2].
    """

    count: float
    linear: np.ndarray
    packed: np.ndarray

    @classmethod
    def zeros(cls, rows: int, columns: int) -> "RowStats":
        """Statistics of nothing, for a transform of shape [D, E]."""
        return cls(0.0, np.zeros((rows, columns)), np.zeros((rows, columns * (columns + 1) // 2)))

    def add_outer_products(self, weights: np.ndarray, rows: np.ndarray) -> None:
        """G_d += sum_n weights[n, d] rows[n] rows[n]^T, of weights [N, D] and rows [N, E]: one product a block."""
        size = rows.shape[1]
        for start in range(0, len(rows), BLOCK):
            columns = np.ascontiguousarray(rows[start : start + BLOCK].T)
            triangle = np.empty((self.packed.shape[1], columns.shape[1]))
            for i in range(size):
                first = i * (i + 1) // 2
                np.multiply(columns[i], columns[: i + 1], out=triangle[first : first + i + 1])
            self.packed += weights[start : start + BLOCK].T @ triangle.T

    @property
    def quadratic(self) -> np.ndarray:
        """The G_d, [D, E, E]."""
        size = self.linear.shape[1]
        i, j = np.tril_indices(size)
        full = np.empty((len(self.packed), size, size))
        full[:, i, j] = full[:, j, i] = self.packed
        return full

    def auxiliary(self, transform: np.ndarray) -> float:
        """Q of a transform [D, E], not divided by the count."""
        rows = len(transform)
        _, log_det = np.linalg.slogdet(transform[:, :rows])
        squares = np.einsum("de,def,df->", transform, self.quadratic, transform)
        return float(self.count * log_det + (transform * self.linear).sum() - squares / 2)

    def maximise(self, start: np.ndarray, iterations: int) -> np.ndarray:
        """The transform [D, E] that maximises Q, found row by row from `start`; NaN where too little has been seen.

        With c the column d of the inverse of A (the cofactors of row d, but for a factor), the best row d is
        w_d = G_d^-1 (alpha c + k_d), where alpha solves alpha^2 c^T G_d^-1 c + alpha c^T G_d^-1 k_d = beta: Q never falls.
        The inverse of A follows each new row by the Sherman-Morrison formula, and is made afresh for every iteration.
        """
        try:
            with np.errstate(all="ignore"):
                return self._maximised(start, iterations)
        except np.linalg.LinAlgError:
            return np.full(start.shape, np.nan)

    def _maximised(self, start: np.ndarray, iterations: int) -> np.ndarray:
        size = len(start)
        inverses = np.linalg.inv(self.quadratic)
        towards = np.einsum("def,df->de", inverses, self.linear)
        by_cofactors = np.ascontiguousarray(inverses[:, :, :size])
        transform = start.astype(np.float64)
        for _ in range(iterations):
            inverse = np.linalg.inv(transform[:, :size])
            for d in range(size):
                cofactors = inverse[:, d].copy()
                direction = by_cofactors[d] @ cofactors
                alpha = _best_step(direction[:size] @ cofactors, towards[d, :size] @ cofactors, self.count)
                row = alpha * direction + towards[d]
                change = (row - transform[d])[:size] @ inverse
                inverse -= np.multiply.outer(cofactors, change / (1.0 + change[d]))
                transform[d] = row
        return transform


def _best_step(e1: float, e2: float, beta: float) -> float:
    """The alpha of the two roots of e1 alpha^2 + e2 alpha = beta where beta log|alpha e1 + e2| - alpha^2 e1 / 2 is larger."""
    root = np.sqrt(e2 * e2 + 4.0 * e1 * beta)
    roots = (-e2 + root) / (2.0 * e1), (-e2 - root) / (2.0 * e1)
    return max(roots, key=lambda alpha: beta * np.log(abs(alpha * e1 + e2)) - alpha * alpha * e1 / 2.0)
