"""Cepstral mean and variance statistics and their use (Kaldi's transform/cmvn)."""

from collections.abc import Sequence

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import CmvnOptions, SlidingOptions

VARIANCE_FLOOR = 1e-20
SLIDING_VARIANCE_FLOOR = 1e-10


def cmvn_stats(feats_TD: np.ndarray) -> np.ndarray:
    """Statistics of an utterance, shape [2, D + 1], float64: sums and count, sums of squares (float32) and 0."""
    stats = np.zeros((2, feats_TD.shape[1] + 1))
    stats[0, :-1] = feats_TD.sum(axis=0, dtype=np.float64)
    stats[1, :-1] = np.square(feats_TD, dtype=np.float32).sum(axis=0, dtype=np.float64)
    stats[0, -1] = len(feats_TD)
    return stats


def apply_cmvn(
    feats_TD: np.ndarray, stats: np.ndarray, norm_vars: bool = CmvnOptions.norm_vars, reverse: bool = False
) -> np.ndarray:
    """Features of zero mean (and unit variance), or the way back.

    Args:
        feats_TD: features, shape [T, D].
        stats: from `cmvn_stats`, shape [2, D + 1], possibly summed over utterances.
        norm_vars: normalise the variance too.
        reverse: undo the normalisation.

    Returns:
        float32, shape [T, D]: scales and offsets are rounded before they are used, as Kaldi's are.

    Raises:
        InputError: the dimensions differ, or the statistics are empty or not finite.
    """
    dim, stats = feats_TD.shape[1], stats.astype(np.float64)
    if stats.shape != (2, dim + 1):
        raise InputError(f"CMVN statistics of shape {stats.shape} for features of dimension {dim}")
    count = stats[0, -1]
    if not count >= 1 or not np.isfinite(stats).all():
        raise InputError(f"CMVN statistics with count {count:g}", expected="finite sums of at least one frame")
    mean = stats[0, :-1] / count
    scale = np.ones(dim)
    offset = mean if reverse else np.float32(-1.0 / count) * stats[0, :-1]
    if norm_vars:
        deviation = np.sqrt(np.maximum(stats[1, :-1] / count - mean**2, VARIANCE_FLOOR))
        scale = deviation if reverse else 1.0 / deviation
        offset = mean if reverse else -mean * scale
    return feats_TD.astype(np.float32) * scale.astype(np.float32) + offset.astype(np.float32)


def skip_dims(stats: np.ndarray, dims: Sequence[int]) -> np.ndarray:
    """Statistics [2, D + 1] that leave some dimensions as they are: mean 0 and variance 1 there.

    Raises:
        InputError: no such dimension, or something else than statistics.
    """
    dim = stats.shape[1] - 1
    if len(stats) != 2 or dim < 1:
        raise InputError(f"a matrix of {len(stats)} x {dim + 1}", expected="CMVN statistics of two rows")
    if any(not 0 <= index < dim for index in dims):
        raise InputError(f"dimensions {list(dims)} of statistics of {dim}", expected=f"0 to {dim - 1}")
    result = stats.astype(np.float64)
    result[:, list(dims)] = [[0.0], [result[0, -1]]]
    return result


def mean_and_variance(stats: np.ndarray) -> np.ndarray:
    """Means and variances, shape [2, D], float64, of statistics [2, D + 1].

    Raises:
        InputError: they are of no frames.
    """
    count = stats[0, -1]
    if not count > 0:
        raise InputError(f"CMVN statistics with count {count:g}", expected="a count above 0")
    mean = stats[0, :-1].astype(np.float64) / count
    return np.stack([mean, stats[1, :-1] / count - mean**2])


def sliding_cmvn(feats_TD: np.ndarray, options: SlidingOptions) -> np.ndarray:
    """Each frame less the mean (and over the standard deviation) of the frames around it, or before it.

    Windows that reach over an end are shifted inwards, as Kaldi's feat/feature-functions does (SlidingWindowCmn).

    Args:
        feats_TD: features, shape [T, D].
        options: how long the window is and where it lies, and whether the variance is normalised too.

    Returns:
        float32, shape [T, D].
    """
    starts_T, ends_T = _windows(len(feats_TD), options.cmn_window, options.min_cmn_window, options.center)
    sizes_T1 = (ends_T - starts_T)[:, None]
    feats = feats_TD.astype(np.float64)
    mean_TD = _windowed_sums(feats, starts_T, ends_T) / sizes_T1
    centred = feats - mean_TD
    if options.norm_vars:
        variance_TD = _windowed_sums(feats**2, starts_T, ends_T) / sizes_T1 - mean_TD**2
        centred /= np.sqrt(np.maximum(variance_TD, SLIDING_VARIANCE_FLOOR))
        centred[sizes_T1[:, 0] == 1] = 0
    return centred.astype(np.float32)


def _windows(num_frames: int, window: int, min_window: int, center: bool) -> tuple[np.ndarray, np.ndarray]:
    """First frame of every window and the frame behind it, each of shape [T]."""
    frames = np.arange(num_frames)
    starts = np.maximum(frames - (window // 2 if center else window), 0)
    ends = np.maximum(starts + window if center else frames + 1, 0 if center else min_window)
    over = np.maximum(ends - num_frames, 0)
    return np.maximum(starts - over, 0), ends - over


def _windowed_sums(values_TD: np.ndarray, starts_T: np.ndarray, ends_T: np.ndarray) -> np.ndarray:
    sums = np.concatenate([np.zeros((1, values_TD.shape[1])), np.cumsum(values_TD, axis=0)])
    return sums[ends_T] - sums[starts_T]
