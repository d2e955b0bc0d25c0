"""LDA: statistics of rows by class, and the transforms estimated from them (Kaldi's LdaEstimate, and nnet3's variant)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.gmm.options import InputTransformOptions
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input

SMALLEST_VARIANCE = 1e-10
"""Variance inside the classes below this share of the largest counts as this."""
ROUNDING = 1e-14
"""And below this share as none at all."""
SMOOTHING = 1e-3
"""Share of the mean variance that is added to all if there is a direction without."""


@dataclass
class LdaStats:
    """Kaldi's LdaEstimate: by class, counts [C] and sums [C, D]; and the total second moment [D, D]; all float64."""

    counts: np.ndarray
    sums: np.ndarray
    second: np.ndarray

    @classmethod
    def zeros(cls, num_classes: int, dim: int) -> "LdaStats":
        """Statistics of no rows, of C classes and D numbers a row."""
        return cls(np.zeros(num_classes), np.zeros((num_classes, dim)), np.zeros((dim, dim)))

    @property
    def dim(self) -> int:
        """Numbers a row."""
        return self.sums.shape[1]

    def add(self, rows: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> None:
        """Add rows [N, D] of these classes [N], each below C, with weights [N]."""
        x, weights = rows.astype(np.float64), weights.astype(np.float64)
        self.counts += np.bincount(classes, weights, len(self.counts))
        weighted = x * weights[:, None]
        order = np.argsort(classes, kind="stable")
        present, starts = np.unique(classes[order], return_index=True)
        self.sums[present] += np.add.reduceat(weighted[order], starts)
        self.second += weighted.T @ x

    def merge(self, other: "LdaStats") -> None:
        """Add other statistics.

        Raises:
            InputError: they are of other classes or dimensions.
        """
        if self.sums.shape != other.sums.shape:
            mine, its = (f"{one.sums.shape[0]} classes and {one.sums.shape[1]} dimensions" for one in (self, other))
            raise InputError(f"statistics of {its}", expected=f"{mine}, as the first")
        self.counts += other.counts
        self.sums += other.sums
        self.second += other.second

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form: the second moment as a packed triangle."""
        target.write_token("<LDAACCS>")
        target.write_token("<VECSIZE>")
        target.write_int(self.dim)
        target.write_token("<NUMCLASSES>")
        target.write_int(len(self.counts))
        target.write_token("<ZERO_ACCS>")
        target.write_vector(self.counts.astype(np.float32))
        target.write_token("<FIRST_ACCS>")
        target.write_matrix(self.sums.astype(np.float32))
        target.write_token("<SECOND_ACCS>")
        target.write_packed(self._within_means().astype(np.float32))
        target.write_token("</LDAACCS>")

    def _within_means(self) -> np.ndarray:
        """What Kaldi stores: the second moment less that of the class means, [D, D]."""
        used = self.counts > 0
        means = self.sums[used] / np.sqrt(self.counts[used])[:, None]
        return self.second - means.T @ means

    @classmethod
    def load(cls, rxfilename: str | Path) -> "LdaStats":
        """Read a file of statistics; InputError if it is none."""
        with open_input(rxfilename) as source:
            stats = cls.read(source)
            source.stream.expect_end()
        return stats

    @classmethod
    def read(cls, source: KaldiInput) -> "LdaStats":
        """Read Kaldi's form; InputError if it is another."""
        source.expect("<LDAACCS>", "<VECSIZE>")
        dim = source.read_int()
        source.expect("<NUMCLASSES>")
        classes = source.read_int()
        source.expect("<ZERO_ACCS>")
        counts = source.read_vector().astype(np.float64)
        source.expect("<FIRST_ACCS>")
        sums = source.read_matrix().astype(np.float64)
        source.expect("<SECOND_ACCS>")
        within = source.read_packed().astype(np.float64)
        source.expect("</LDAACCS>")
        if counts.shape != (classes,) or sums.shape != (classes, dim) or within.shape != (dim, dim):
            raise source.fail("statistics of another shape than announced")
        if not (counts >= 0).all() or not all(np.isfinite(array).all() for array in (counts, sums, within)):
            raise source.fail("statistics that are not finite, or counts below 0")
        used = counts > 0
        means = sums[used] / np.sqrt(counts[used])[:, None]
        return cls(counts, sums, within + means.T @ means)


def mean_variance_transform(stats: LdaStats) -> np.ndarray:
    """Zero mean and unit variance of every number: [D, D + 1], the offset last, float32."""
    count = stats.counts.sum()
    mean = stats.sums.sum(axis=0) / count
    scale = 1.0 / np.sqrt(np.maximum(np.diag(stats.second) / count - mean**2, 1e-10))
    return np.concatenate([np.diag(scale), (-mean * scale)[:, None]], axis=1).astype(np.float32)


def lda(stats: LdaStats) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear discriminant analysis: directions of unit within-class variance that are uncorrelated, the best first.

    With S_w and S_b the covariances within and between classes, R S_w R^T = I and R S_b R^T is diagonal.

    Returns:
        The rows R [D, D], the between-class variance of each [D] in falling order, and the mean of all [D]; float64.

    Raises:
        InputError: there are no frames, or they vary in no direction inside the classes.
    """
    count = stats.counts.sum()
    if not count > 0:
        raise InputError("LDA statistics of no frames", do="check the log of what accumulated them")
    mean = stats.sums.sum(axis=0) / count
    total = stats.second / count - np.outer(mean, mean)
    used = stats.counts > 0
    means = stats.sums[used] / stats.counts[used][:, None] - mean
    between = (means * (stats.counts[used] / count)[:, None]).T @ means
    within = total - between
    values, vectors = np.linalg.eigh(within)
    if not values[-1] > 0:
        raise InputError("LDA statistics without variance inside the classes", do="accumulate more frames")
    if values[0] <= ROUNDING * values[-1]:
        smooth = SMOOTHING * np.trace(within) / len(within)
        warn(f"features that never vary inside classes, or too few frames: {smooth:.3g} is added to every variance")
        values, vectors = np.linalg.eigh(within + smooth * np.eye(len(within)))
    whiten = (vectors / np.sqrt(np.maximum(values, SMALLEST_VARIANCE * values[-1]))).T
    spread, turn = np.linalg.eigh(whiten @ between @ whiten.T)
    order = np.argsort(-spread)
    return turn.T[order] @ whiten, spread[order], mean


def scaled_within(rows: np.ndarray, spread: np.ndarray, factor: float) -> np.ndarray:
    """Rows [D, D] of `lda` scaled as if the variance inside the classes were `factor` instead of 1.

    Row i, of between-class variance b_i (spread, [D]), is scaled by sqrt((factor + b_i) / (1 + b_i)).
    """
    return rows * np.sqrt((factor + spread) / (1.0 + spread))[:, None]


def with_offset(rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Rows [E, D] and, as the last column, the offset that takes the mean [D] to zero: [E, D + 1]."""
    return np.concatenate([rows, -(rows @ mean)[:, None]], axis=1)


def lda_transform(stats: LdaStats, options: InputTransformOptions) -> np.ndarray:
    """nnet3's LDA-like transform (Kaldi's nnet2/get-feature-transform).

    The rows of `lda`, scaled so that uninformative directions become small; then singular values are cut at a maximum.

    Args:
        stats: of spliced frames.
        options: rows kept, the factor of `scaled_within`, and the maximum.

    Returns:
        [dim, D + 1], the offset last, float32.
    """
    rows, spread, mean = lda(stats)
    scaled = scaled_within(rows, spread, options.within_class_factor)[: options.dim or len(rows)]
    if options.max_singular_value > 0:
        u, s, v = np.linalg.svd(scaled, full_matrices=False)
        scaled = (u * np.minimum(s, options.max_singular_value)) @ v
    return with_offset(scaled, mean).astype(np.float32)
