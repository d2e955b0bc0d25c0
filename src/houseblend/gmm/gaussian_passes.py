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
