"""Cepstral mean and variance statistics and their use (Kaldi's transform/cmvn)."""

import numpy as np

from houseblend.base.errors import InputError

VARIANCE_FLOOR = 1e-20


def cmvn_stats(feats_TD: np.ndarray) -> np.ndarray:
    """Statistics of an utterance, shape [2, D + 1], float64: sums and count, sums of squares and 0."""
    stats = np.zeros((2, feats_TD.shape[1] + 1))
    stats[0, :-1] = feats_TD.sum(axis=0, dtype=np.float64)
    stats[1, :-1] = np.einsum("td,td->d", feats_TD, feats_TD, dtype=np.float64)
    stats[0, -1] = len(feats_TD)
    return stats


def apply_cmvn(feats_TD: np.ndarray, stats: np.ndarray, norm_vars: bool = False, reverse: bool = False) -> np.ndarray:
    """Features of zero mean (and unit variance), or the way back.

    Args:
        feats_TD: features, shape [T, D].
        stats: from `cmvn_stats`, shape [2, D + 1], possibly summed over utterances.
        norm_vars: normalise the variance too.
        reverse: undo the normalisation.

    Returns:
        float32, shape [T, D].

    Raises:
        InputError: the dimensions differ, or the statistics are empty or not finite.
    """
    dim = feats_TD.shape[1]
    if stats.shape != (2, dim + 1):
        raise InputError(f"CMVN statistics of shape {stats.shape} for features of dimension {dim}")
    count = stats[0, -1]
    if not count >= 1 or not np.isfinite(stats).all():
        raise InputError(f"CMVN statistics with count {count:g}", expected="finite sums of at least one frame")
    mean = stats[0, :-1] / count
    scale = np.ones(dim)
    if norm_vars:
        scale = 1.0 / np.sqrt(np.maximum(stats[1, :-1] / count - mean**2, VARIANCE_FLOOR))
    if reverse:
        return (feats_TD / scale + mean).astype(np.float32)
    return (feats_TD * scale - mean * scale).astype(np.float32)
