"""Delta features and splicing; edge frames are repeated (Kaldi's feat/feature-functions)."""

import numpy as np


def delta_filters(order: int, window: int) -> list[np.ndarray]:
    """Filters of the static features and of each delta, shape [2 * order * window + 1] at most, float32.

    The first-order filter is j / sum(j^2) for j from -window to window; higher orders convolve it with itself.
    """
    taps = np.arange(-window, window + 1, dtype=np.float64)
    taps /= (taps**2).sum()
    filters: list[np.ndarray] = [np.ones(1)]
    for _ in range(order):
        filters.append(np.convolve(filters[-1], taps))
    return [one.astype(np.float32) for one in filters]


def add_deltas(feats_TD: np.ndarray, order: int = 2, window: int = 2) -> np.ndarray:
    """Features with their deltas behind them, float32, shape [T, (order + 1) * D]."""
    count = len(feats_TD)
    parts = []
    for taps in delta_filters(order, window):
        reach = len(taps) // 2
        padded = np.pad(feats_TD, ((reach, reach), (0, 0)), mode="edge") if count else feats_TD
        part = np.zeros(feats_TD.shape, dtype=np.float32)
        for index, tap in enumerate(taps):
            if tap:
                part += tap * padded[index : index + count]
        parts.append(part)
    return np.concatenate(parts, axis=1)


def splice(feats_TD: np.ndarray, left: int, right: int) -> np.ndarray:
    """Each frame with its neighbours, from `left` before to `right` after; shape [T, (left + 1 + right) * D]."""
    count = len(feats_TD)
    rows = np.clip(np.arange(count)[:, None] + np.arange(-left, right + 1), 0, max(count - 1, 0))
    return feats_TD[rows].reshape(count, (left + 1 + right) * feats_TD.shape[1])
