"""MLLT, a global semi-tied covariance: a rotation of the features in which diagonal Gaussians fit best (Kaldi's mllt)."""

from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.gmm.row_by_row import RowStats
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input

ITERATIONS = 200


class MlltStats:
    """G_d = sum over frames t and Gaussians m of gamma_tm / sigma^2_md (x_t - mu_m)(x_t - mu_m)^T, for all D dimensions.

    Args:
        rows: statistics of a transform of shape [D, D].
    """

    def __init__(self, rows: RowStats) -> None:
        self.rows = rows

    @classmethod
    def zeros(cls, dim: int) -> "MlltStats":
        """Statistics of no frames."""
        return cls(RowStats.zeros(dim, dim))

    @property
    def dim(self) -> int:
        """Numbers a frame."""
        return len(self.rows.packed)

    def add(self, posteriors: GaussianPosteriors, mixtures: AmDiagGmm, feats_TD: np.ndarray) -> None:
        """Add frames [T, D], shared out among Gaussians of the mixtures."""
        natural = mixtures.side_by_side()[0][posteriors.gaussians].astype(np.float64)
        inverse_variances = -2.0 * natural[:, self.dim :]
        offsets = feats_TD[posteriors.frames] - natural[:, : self.dim] / inverse_variances
        self.rows.count += float(posteriors.weights.sum())
        self.rows.add_outer_products(posteriors.weights[:, None] * inverse_variances, offsets)

    def merge(self, other: "MlltStats") -> None:
        """Add other statistics; InputError if they are of another dimension."""
        if self.dim != other.dim:
            raise InputError(f"MLLT statistics of dimension {other.dim}", expected=f"{self.dim}, as the first")
        self.rows.count += other.rows.count
        self.rows.packed += other.rows.packed

    def estimate(self) -> tuple[np.ndarray, float]:
        """The transform, [D, D], float64, and by how much it raises the auxiliary function a frame, beside no transform.

        Raises:
            InputError: there are too few frames.
        """
        unit = np.eye(self.dim)
        transform = self.rows.maximise(unit, ITERATIONS)
        if not np.isfinite(transform).all():
            what = f"MLLT statistics of {self.rows.count:g} frames"
            raise InputError(what, expected=f"many more than the dimension, {self.dim}", do="accumulate more frames")
        return transform, (self.rows.auxiliary(transform) - self.rows.auxiliary(unit)) / self.rows.count

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("<MlltAccs>")
        target.newline()
        target.write_double(self.rows.count)
        target.write_int(self.dim)
        target.write_token("<G>")
        target.newline()
        for matrix in self.rows.quadratic:
            target.write_packed(matrix)
        target.write_token("</MlltAccs>")
        target.newline()

    @classmethod
    def read(cls, source: KaldiInput) -> "MlltStats":
        """Read Kaldi's form; InputError if it is another."""
        source.expect("<MlltAccs>")
        count = source.read_double()
        dim = source.read_dim()
        source.expect("<G>")
        matrices = [source.read_packed() for _ in range(dim)]
        source.expect("</MlltAccs>")
        if any(matrix.shape != (dim, dim) for matrix in matrices):
            raise source.fail("statistics of another shape than announced", f"{dim} matrices of {dim} x {dim}")
        quadratic = np.stack(matrices).astype(np.float64)
        if not (count >= 0 and np.isfinite(count) and np.isfinite(quadratic).all()):
            raise source.fail("statistics that are not finite, or a count below 0")
        i, j = np.tril_indices(dim)
        return cls(RowStats(count, np.zeros((dim, dim)), quadratic[:, i, j]))

    @classmethod
    def load(cls, rxfilename: str | Path) -> "MlltStats":
        """Read a file of statistics; InputError if it is none."""
        with open_input(rxfilename) as source:
            stats = cls.read(source)
            source.stream.expect_end()
        return stats
