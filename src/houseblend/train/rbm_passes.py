"""What contrastive divergence does besides products, in one pass over the memory each; compiled."""

import math

import numba
import numpy as np


@numba.njit(cache=True, fastmath={"reassoc"})
def compare(x: np.ndarray, y: np.ndarray, gap: np.ndarray) -> tuple[float, float, float]:
    """Compare data with its reconstruction.

    Args:
        x, y: data and reconstruction, [frames, visible], float32.
        gap: is filled with the sum of x - y over the frames, [visible], float32.

    Returns:
        The squared distance of x from y, and the standard deviations of all of x and all of y.
    """
    gap[:] = 0.0
    distance, sum_x, sum_y, squares_x, squares_y = 0.0, 0.0, 0.0, 0.0, 0.0
    for frame in range(len(x)):
        row_x, row_y = x[frame], y[frame]
        own = own_x = own_y = own_xx = own_yy = np.float32(0.0)
        for unit in range(len(gap)):
            difference = row_x[unit] - row_y[unit]
            gap[unit] += difference
            own += difference * difference
            own_x += row_x[unit]
            own_y += row_y[unit]
            own_xx += row_x[unit] * row_x[unit]
            own_yy += row_y[unit] * row_y[unit]
        distance += own
        sum_x += own_x
        sum_y += own_y
        squares_x += own_xx
        squares_y += own_yy
    return distance, _deviation(sum_x, squares_x, x.size), _deviation(sum_y, squares_y, y.size)


@numba.njit(cache=True)
def _deviation(total: float, squares: float, count: int) -> float:
    mean = total / count
    return math.sqrt(max(squares / count - mean * mean, 0.0))


@numba.njit(cache=True)
def take_step(params: np.ndarray, change: np.ndarray, decay: np.float32) -> None:
    """change -= decay * params; params += change.

    Args:
        params, change: [n], float32.
        decay: float32.
    """
    for i in range(len(params)):
        change[i] -= decay * params[i]
        params[i] += change[i]
