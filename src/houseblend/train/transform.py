"""Transforms of a network's spliced input, from statistics: mean and variance, and nnet3's LDA-like transform."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input
from houseblend.train.examples import read_minibatches

MINIBATCH = 4096


@dataclass
class LdaStats:
    """Kaldi's LdaEstimate: by class, counts [C] and sums [C, D]; and the total second moment [D, D]; all float64."""

    counts: np.ndarray
    sums: np.ndarray
    second: np.ndarray

    @classmethod
    def gather(cls, examples: str, context: tuple[int, int], num_classes: int) -> "LdaStats":
        """Statistics of spliced frames, weighted by their targets.

        Args:
            examples: `frames:DIR[:SUBSET]` or a rspecifier.
            context: frames before and after.
            num_classes: number of pdfs.

        Raises:
            InputError: there are no examples, or more pdfs than classes.
        """
        stats = None
        for batch in read_minibatches(examples, context, MINIBATCH):
            x = batch.x_NWD.numpy().reshape(len(batch.x_NWD), -1).astype(np.float64)[batch.rows.numpy()]
            pdfs, weights = batch.pdfs.numpy(), batch.weights.numpy().astype(np.float64)
            if stats is None:
                dim = x.shape[1]
                stats = cls(np.zeros(num_classes), np.zeros((num_classes, dim)), np.zeros((dim, dim)))
            if pdfs.max() >= num_classes:
                raise InputError(f"target pdf {pdfs.max()}", file=examples, expected=f"0 to {num_classes - 1}")
            stats.counts += np.bincount(pdfs, weights, num_classes)
            weighted = x * weights[:, None]
            order = np.argsort(pdfs, kind="stable")
            present, starts = np.unique(pdfs[order], return_index=True)
            stats.sums[present] += np.add.reduceat(weighted[order], starts)
            stats.second += weighted.T @ x
        if stats is None:
            raise InputError("no examples", file=examples)
        return stats

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
