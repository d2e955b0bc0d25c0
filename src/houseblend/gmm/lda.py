"""LDA: statistics of rows by class, and the transforms estimated from them (Kaldi's LdaEstimate, and nnet3's variant)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.io.objects import KaldiInput, KaldiOutput, open_input


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

    def add(self, rows: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> None:
        """Add rows [N, D] of these classes [N], each below C, with weights [N]."""
        x, weights = rows.astype(np.float64), weights.astype(np.float64)
        self.counts += np.bincount(classes, weights, len(self.counts))
        weighted = x * weights[:, None]
        order = np.argsort(classes, kind="stable")
        present, starts = np.unique(classes[order], return_index=True)
        self.sums[present] += np.add.reduceat(weighted[order], starts)
        self.second += weighted.T @ x

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form: the second moment as a packed triangle."""
        target.write_token("<LDAACCS>")
        target.write_token("<VECSIZE>")
        target.write_int(self.sums.shape[1])
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


def lda_transform(
    stats: LdaStats, dim: int | None = None, within_class_factor: float = 0.001, max_singular_value: float = 5.0
) -> np.ndarray:
    """nnet3's LDA-like transform (Kaldi's nnet2/get-feature-transform).

    LDA rows sorted by between-class variance b; row i is scaled by sqrt((f + b_i) / (1 + b_i)), f the within-class factor,
    so that uninformative directions become small; then singular values are cut at a maximum.

    Args:
        stats: of spliced frames.
        dim: rows kept; all if not given.
        within_class_factor: f.
        max_singular_value: 0 for no cut.

    Returns:
        [dim, D + 1], the offset last, float32.
    """
    count = stats.counts.sum()
    mean = stats.sums.sum(axis=0) / count
    total = stats.second / count - np.outer(mean, mean)
    used = stats.counts > 0
    means = stats.sums[used] / stats.counts[used][:, None] - mean
    between = (means * (stats.counts[used] / count)[:, None]).T @ means
    within = total - between
    values, vectors = np.linalg.eigh(within)
    whiten = (vectors / np.sqrt(np.maximum(values, 1e-10 * values.max()))).T
    spread, turn = np.linalg.eigh(whiten @ between @ whiten.T)
    order = np.argsort(-spread)
    spread, rows = spread[order], turn.T[order] @ whiten
    scaled = rows * np.sqrt((within_class_factor + spread) / (1.0 + spread))[:, None]
    scaled = scaled[: dim or len(scaled)]
    if max_singular_value > 0:
        u, s, v = np.linalg.svd(scaled, full_matrices=False)
        scaled = (u * np.minimum(s, max_singular_value)) @ v
    return np.concatenate([scaled, -(scaled @ mean)[:, None]], axis=1).astype(np.float32)
