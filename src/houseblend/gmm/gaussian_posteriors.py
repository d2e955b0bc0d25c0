"""Posteriors of Gaussians: how much of every frame belongs to which Gaussian of its pdfs."""

from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.gmm.diag import AmDiagGmm

GaussPost = list[list[tuple[int, np.ndarray]]]
"""As Kaldi's tables hold them: for every frame pdfs, each with the weights of its Gaussians, [M]."""


@dataclass(frozen=True)
class GaussianPosteriors:
    """Entry n gives Gaussian gaussians[n], counted through all pdfs, weights[n] of frame frames[n]; all of shape [N]."""

    frames: np.ndarray
    gaussians: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(
        cls, mixtures: AmDiagGmm, feats_TD: np.ndarray, frames: np.ndarray, pdfs: np.ndarray, weights: np.ndarray,
        key: str | None = None,
    ) -> tuple["GaussianPosteriors", float]:  # fmt: skip
        """Share out weights of pdfs among their Gaussians.

        Args:
            mixtures: the mixtures.
            feats_TD: features, [T, D].
            frames: frame of every weight, [K].
            pdfs: its pdf, [K].
            weights: how much of the frame is the pdf's, [K].
            key: the utterance, for errors.

        Returns:
            The posteriors, and the log-likelihood of the frames, weighted.

        Raises:
            InputError: features of another dimension.
        """
        from houseblend.gmm import gaussian_passes  # compiled code takes time to load

        if feats_TD.ndim != 2 or feats_TD.shape[1] != mixtures.dim:
            raise InputError(f"features of shape {feats_TD.shape}", key=key, expected=f"dimension {mixtures.dim}")
        begin = mixtures.begin
        sizes = np.diff(begin)[pdfs]
        starts = np.cumsum(sizes) - sizes
        shares, likelihoods = np.empty(sizes.sum(), np.float32), np.empty(len(pdfs))
        x = np.ascontiguousarray(feats_TD, dtype=np.float32)
        gaussian_passes.share_out(x, frames, pdfs, begin, *mixtures.side_by_side(), starts, shares, likelihoods)
        gaussians = np.arange(len(shares)) + np.repeat(begin[pdfs] - starts, sizes)
        posteriors = cls(np.repeat(frames, sizes), gaussians, shares * np.repeat(weights, sizes))
        return posteriors, float(weights @ likelihoods)

    @classmethod
    def from_table(cls, posterior: GaussPost, mixtures: AmDiagGmm, key: str | None = None) -> "GaussianPosteriors":
        """Of what a table holds.

        Raises:
            InputError: pdfs that the model lacks, or other numbers of Gaussians.
        """
        pairs = [(t, pdf, weights) for t, frame in enumerate(posterior) for pdf, weights in frame]
        begin = mixtures.begin
        for t, pdf, weights in pairs:
            size = begin[pdf + 1] - begin[pdf] if 0 <= pdf < mixtures.num_pdfs else 0
            if len(weights) != size:
                raise InputError(
                    f"frame {t} has {len(weights)} Gaussians of pdf {pdf}", key=key, expected=f"{size}, as the model",
                    do="make them with a model of the same Gaussians",
                )  # fmt: skip
        sizes = [len(weights) for _, _, weights in pairs]
        return cls(
            np.repeat(np.array([t for t, _, _ in pairs], dtype=np.int64), sizes),
            _joined([np.arange(begin[pdf], begin[pdf + 1]) for _, pdf, _ in pairs], np.int64),
            _joined([weights for _, _, weights in pairs], np.float64),
        )

    def to_table(self, mixtures: AmDiagGmm, num_frames: int) -> GaussPost:
        """As a table holds them; pdfs without weight in a frame are left out. Whole pdfs must stand together."""
        table: GaussPost = [[] for _ in range(num_frames)]
        begin = mixtures.begin
        n = 0
        while n < len(self.weights):
            pdf = int(np.searchsorted(begin, self.gaussians[n], side="right")) - 1
            weights = self.weights[n : n + begin[pdf + 1] - begin[pdf]].astype(np.float32)
            if weights.any():
                table[self.frames[n]].append((pdf, weights))
            n += len(weights)
        return table

    def with_weights(self, weights: np.ndarray) -> "GaussianPosteriors":
        """The same entries with other weights [N]; those without weight are left out."""
        kept = weights != 0
        return GaussianPosteriors(self.frames[kept], self.gaussians[kept], weights[kept])

    def by_frame(self, table: np.ndarray, num_frames: int) -> np.ndarray:
        """Of every frame the weighted sum of its Gaussians' rows of a table [G, E]: [T, E], float64."""
        return self._scattered(table, self.gaussians, num_frames, self.frames)

    def by_gaussian(self, rows: np.ndarray, num_gaussians: int) -> np.ndarray:
        """Of every Gaussian the weighted sum of its frames' rows [T, E]: [G, E], float64."""
        return self._scattered(rows, self.frames, num_gaussians, self.gaussians)

    def _scattered(self, rows: np.ndarray, source: np.ndarray, size: int, target: np.ndarray) -> np.ndarray:
        from houseblend.gmm import gaussian_passes  # compiled code takes time to load

        into = np.zeros((size, rows.shape[1]))
        gaussian_passes.scatter(np.ascontiguousarray(rows), source, self.weights, target, into)
        return into


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
