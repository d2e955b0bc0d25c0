"""Sums in float64 of many float32 numbers, compiled: each is read once, and nothing in between leaves the cache."""

from collections.abc import Sequence

import numba
import numpy as np

_PIECE = 1 << 14
"""Numbers whose sums in float64 stay in the nearest cache."""


def mean(arrays: Sequence[np.ndarray], out: np.ndarray) -> None:
    """The mean of arrays [n] float32, summed in float64 in their order and rounded once, into `out` [n] float32."""
    total = np.empty(min(_PIECE, len(out)))
    for begin in range(0, len(out), _PIECE):
        part = slice(begin, begin + _PIECE)
        own = total[: len(out[part])]
        _begin(own, arrays[0][part])
        for array in arrays[1:]:
            _add(own, array[part])
        _finish(own, float(len(arrays)), out[part])


@numba.njit(cache=True)
def _begin(total: np.ndarray, x: np.ndarray) -> None:
    """total = x, [n]."""
    for i in range(len(total)):
        total[i] = x[i]


@numba.njit(cache=True)
def _add(total: np.ndarray, x: np.ndarray) -> None:
    """total += x, [n]."""
    for i in range(len(total)):
        total[i] += x[i]


@numba.njit(cache=True)
def _finish(total: np.ndarray, count: float, out: np.ndarray) -> None:
    """out = total / count, [n]."""
    for i in range(len(total)):
        out[i] = np.float32(total[i] / count)
