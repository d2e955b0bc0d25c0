"""What is done to every frame with the Gaussians of its pdfs, in one pass each; compiled."""

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def _component_posteriors(x: np.ndarray, weights: np.ndarray, constants: np.ndarray, posteriors: np.ndarray) -> Any:
    """Posteriors [M] of a mixture's components for one frame, written in place; returns its log-likelihood, float32.

    Args:
        x: the frame and its squares, [2D], float32.
        weights: what x is multiplied with for each component, [M, 2D] (see `AmDiagGmm.side_by_side`).
        constants: [M].
        posteriors: [M], float32.
    """
    for g in range(len(posteriors)):
        posteriors[g] = _dot(x, weights[g]) + constants[g]
    best = posteriors.max()
    posteriors[:] = np.exp(posteriors - best)
    total = posteriors.sum()
    posteriors /= total
    return np.float32(np.log(total) + best)


@numba.njit(cache=True, fastmath={"reassoc"})
def _dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@numba.njit(cache=True)
def below_best(
    scores_GT: np.ndarray, constants: np.ndarray, begin: np.ndarray, far: np.float32, best_PT: np.ndarray
) -> None:
    """The best log-likelihood of every pdf's Gaussians in every frame; and how far each is from it, in place, `far` at most.

    Args:
        scores_GT: what the frames give of each Gaussian, but for the constants.
        constants: [G].
        begin: where each pdf's Gaussians begin, and the end, [P + 1].
        far: the least difference.
        best_PT: written; it may have more frames.
    """
    count = scores_GT.shape[1]
    for p in range(len(begin) - 1):
        best = best_PT[p]
        best[:] = -np.inf
        for g in range(begin[p], begin[p + 1]):
            row, constant = scores_GT[g], constants[g]
            for t in range(count):
                row[t] += constant
                best[t] = row[t] if row[t] > best[t] else best[t]
        for g in range(begin[p], begin[p + 1]):
            row = scores_GT[g]
            for t in range(count):
                difference = row[t] - best[t]
                row[t] = difference if difference > far else far


@numba.njit(cache=True)
def add_up(rows_GT: np.ndarray, begin: np.ndarray, sums_PT: np.ndarray) -> None:
    """Of every pdf the sum of its Gaussians' rows."""
    count = rows_GT.shape[1]
    for p in range(len(begin) - 1):
        sums = sums_PT[p]
        sums[:] = 0
        for g in range(begin[p], begin[p + 1]):
            row = rows_GT[g]
            for t in range(count):
                sums[t] += row[t]


@numba.njit(cache=True, error_model="numpy")
def share_out(
    feats: np.ndarray, frames: np.ndarray, pdfs: np.ndarray, begin: np.ndarray, weights: np.ndarray,
    constants: np.ndarray, starts: np.ndarray, shares: np.ndarray, likelihoods: np.ndarray,
) -> None:  # fmt: skip
    """Posteriors of the Gaussians of every entry's pdf, from starts[n] on, and the entry's log-likelihood."""
    dim = feats.shape[1]
    x = np.empty(2 * dim, np.float32)
    for n in range(len(frames)):
        frame, first, last = feats[frames[n]], begin[pdfs[n]], begin[pdfs[n] + 1]
        x[:dim], x[dim:] = frame, frame * frame
        into = shares[starts[n] : starts[n] + last - first]
        likelihoods[n] = _component_posteriors(x, weights[first:last], constants[first:last], into)


@numba.njit(cache=True)
def scatter(rows: np.ndarray, source: np.ndarray, weights: np.ndarray, target: np.ndarray, into: np.ndarray) -> None:
    """into[target[n]] += weights[n] rows[source[n]]."""
    for n in range(len(source)):
        row, sums, weight = rows[source[n]], into[target[n]], weights[n]
        for e in range(len(row)):
            sums[e] += weight * row[e]


@numba.njit(cache=True, error_model="numpy")
def add_frames(
    feats: np.ndarray, pdfs: np.ndarray, begin: np.ndarray, weights: np.ndarray, constants: np.ndarray,
    occupancy: np.ndarray, sums: np.ndarray, squares: np.ndarray,
) -> float:  # fmt: skip
    """Add frames [T, D] to the sums of their pdfs' Gaussians; returns the log-likelihood of all of them."""
    dim, log_likelihood = feats.shape[1], 0.0
    x, posteriors = np.empty(2 * dim, np.float32), np.empty(np.diff(begin).max(), np.float32)
    for t in range(len(feats)):
        first, last = begin[pdfs[t]], begin[pdfs[t] + 1]
        x[:dim], x[dim:] = feats[t], feats[t] * feats[t]
        log_likelihood += _component_posteriors(
            x, weights[first:last], constants[first:last], posteriors[: last - first]
        )
        for g in range(first, last):
            weight = np.float64(posteriors[g - first])
            occupancy[g] += weight
            for d in range(dim):
                value = np.float64(feats[t, d])
                sums[g, d] += weight * value
                squares[g, d] += weight * (value * value)
    return log_likelihood
