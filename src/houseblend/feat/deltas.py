"""Delta features and splicing; edge frames are repeated (Kaldi's feat/feature-functions)."""

import numpy as np

from houseblend.feat.options import DeltaOptions


def delta_filters(order: int, window: int) -> list[np.ndarray]:
    """Filters of the static features and of each delta, shape [2 * order * window + 1] at most, float32.

    The first-order filter is j / sum(j^2) for j from -window to window; higher orders convolve it with itself.
    """
    taps = np.arange(-window, window + 1, dtype=np.float32)
    scale = np.float32(1.0 / (taps**2).sum())
    filters = [np.ones(1, dtype=np.float32)]
    for _ in range(order):
        wider = np.zeros(len(filters[-1]) + 2 * window, dtype=np.float32)
        for place, tap in enumerate(taps):
            wider[place : place + len(filters[-1])] += tap * filters[-1]
        filters.append(scale * wider)
    return filters


def add_deltas(feats_TD: np.ndarray, order: int, window: int = DeltaOptions.delta_window) -> np.ndarray:
    """Features with their deltas behind them, float32, shape [T, (order + 1) * D].

    Frames are multiplied and added in one step, rounded to float32 once: so do the processor's instructions in Kaldi.
    """
    count, most = len(feats_TD), order * window
    rows = np.clip(np.arange(-most, count + most), 0, max(count - 1, 0))
    padded = feats_TD.astype(np.float64)[rows] if count else feats_TD.astype(np.float64)
    parts = []
    for taps in delta_filters(order, window):
        first = most - len(taps) // 2
        part = np.zeros(feats_TD.shape, dtype=np.float32)
        for index, tap in enumerate(taps.tolist(), start=first):
            if tap:
                part = (part + tap * padded[index : index + count]).astype(np.float32)
        parts.append(part)
    return np.concatenate(parts, axis=1)


def splice(feats_TD: np.ndarray, left: int, right: int) -> np.ndarray:
    """Each frame with its neighbours, from `left` before to `right` after; shape [T, (left + 1 + right) * D]."""
    count = len(feats_TD)
    rows = np.clip(np.arange(count)[:, None] + np.arange(-left, right + 1), 0, max(count - 1, 0))
    return feats_TD[rows].reshape(count, (left + 1 + right) * feats_TD.shape[1])
