"""Likelihoods of frames under one diagonal Gaussian of their own (Kaldi's tree/clusterable-classes, GaussClusterable).

The statistics of a set of frames are one row of moments: count, sums, and sums of squares, 1 + 2 D numbers in float64.
Likelihoods are rounded to float32, and sums and differences of them are taken in float32 from left to right, as Kaldi
does: with much data it is the rounding that decides which of two questions is the better one.
"""

import math
from collections.abc import Sequence

import numpy as np


def objective(moments: np.ndarray, var_floor: float) -> np.ndarray:
    """Log-likelihood of all frames of each set under the Gaussian that fits them best.

    With variance v and floored variance f it is -n/2 (sum_d v_d / f_d + sum_d log f_d + D log 2 pi).

    Args:
        moments: [..., 1 + 2 D], float64.
        var_floor: floor of variances.

    Returns:
        float32, [...]; 0 of a set without frames.
    """
    dim = moments.shape[-1] // 2
    count = moments[..., 0]
    scaled = moments[..., 1:] / np.where(count > 0, count, 1.0)[..., None]
    variance = scaled[..., dim:] - scaled[..., :dim] ** 2
    floored = np.maximum(variance, var_floor)
    per_frame = -0.5 * ((variance / floored).sum(axis=-1) + np.log(floored).sum(axis=-1) + dim * math.log(2 * math.pi))
    return np.where(count > 0, per_frame * count, 0.0).astype(np.float32)


def distance(first: np.ndarray, second: np.ndarray, var_floor: float) -> np.ndarray:
    """What log-likelihood is lost where two sets share a Gaussian instead of having one each.

    Args:
        first, second: moments, [..., 1 + 2 D], float64.
        var_floor: floor of variances.

    Returns:
        float32, [...], at least 0.
    """
    apart = objective(first, var_floor) + objective(second, var_floor)
    return np.maximum(apart - objective(first + second, var_floor), np.float32(0))


def total(values: Sequence[np.float32] | np.ndarray) -> np.float32:
    """Sum of single-precision numbers, shape [n], from left to right."""
    result = np.float32(0)
    for value in values:
        result += value
    return result


def sums_by_group(moments: np.ndarray, rows: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the moments of each group of rows.

    Args:
        moments: [N, 1 + 2 D].
        rows: those that count, [n].
        groups: number of each one's group, [n].

    Returns:
        The numbers that occur, sorted, [G], and the sums, [G, 1 + 2 D].
    """
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    return present, np.add.reduceat(moments[rows[order]], starts, axis=0)
