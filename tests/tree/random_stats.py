"""Random frames of phones in context, and what the definitions say of them, in float64 and frame by frame."""

import numpy as np

from houseblend.tree.statistics import TreeStatistics

DIM = 3


def random_frames(noise, phones=4, classes=2, contexts=40, width=3, central=1):
    """Event -> its frames, [n, D]: the phones move the mean, each of its own position by its own vector."""
    shift = noise.normal(scale=1.5, size=(width + 1, max(phones, classes) + 1, DIM))
    frames = {}
    for _ in range(contexts):
        window = noise.integers(1, phones + 1, width).tolist()
        pdf_class = int(noise.integers(classes))
        mean = shift[-1, pdf_class] + sum(
            shift[p, phone] / (1 + 2 * abs(p - central)) for p, phone in enumerate(window)
        )
        event = ((-1, pdf_class), *enumerate(window))
        frames[event] = noise.normal(mean, noise.uniform(0.3, 2.0), size=(int(noise.integers(2, 30)), DIM))
    return frames


def statistics(frames, var_floor=0.01):
    """Moments of such frames."""
    events = sorted(frames)
    rows = [np.concatenate([[len(frames[e])], frames[e].sum(axis=0), (frames[e] ** 2).sum(axis=0)]) for e in events]
    return TreeStatistics(events, np.array(rows), var_floor)


def log_likelihood(parts, var_floor=0.01):
    """Of frames, [n, D] each, under the Gaussian of them all: the sum of its logarithm over the frames."""
    if not parts:
        return 0.0
    x = np.concatenate(parts)
    variance = np.maximum(x.var(axis=0), var_floor)
    return float(-0.5 * ((x - x.mean(axis=0)) ** 2 / variance + np.log(2 * np.pi * variance)).sum())
