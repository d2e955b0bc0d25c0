"""Power spectra in float32 as Kaldi's split-radix transform rounds them (matrix/srfft).

Where a loud band meets a silent one, the rounding of a transform is heard: cepstra of upsampled speech move by up to
0.01. So every addition and product here is Kaldi's, in compiled code, for many frames at once: arrays have a column for
each of them, and the innermost loops run over frames, which is what vector instructions want.
"""

import functools
from typing import NamedTuple

import numba
import numpy as np

_TOGETHER = 64
"""Frames transformed at once; few enough for the cache."""
_HALF, _SQRT_HALF = np.float32(0.5), np.float32(np.sqrt(0.5))


class _Plan(NamedTuple):
    """What depends on the size of the transform only.

    Blocks of the complex transform by size, largest first: those of size n / 2^level start at
    starts[begins[level]:begins[level + 1]]. A block of m is followed by one of m / 2 at its start and by two of m / 4 in
    its second half.
    """

    starts: np.ndarray
    begins: np.ndarray
    twiddles: np.ndarray
    """cos, -(sin + cos), sin - cos of the angles and of three times the angles; [levels, 6, n / 4]."""
    order: np.ndarray
    """Bit reversal, [n]."""
    roots: np.ndarray
    """exp(-2 pi i k / 2n), k from 1 to n / 2, each the float32 product of the one before; [2, n / 2]."""


def split_radix_power(frames: np.ndarray) -> np.ndarray:
    """Squared magnitudes of the frames' Fourier transforms.

    Args:
        frames: float32, shape [T, N], N a power of two and at least 4.

    Returns:
        float32, shape [T, N / 2 + 1].
    """
    power = np.empty((len(frames), frames.shape[1] // 2 + 1), dtype=np.float32)
    _power(frames, _plan(frames.shape[1] // 2), power)
    return power


@numba.njit(cache=True, error_model="numpy")
def _power(frames: np.ndarray, plan: _Plan, power: np.ndarray) -> None:
    """The even samples are the real, the odd ones the imaginary part of the transform."""
    half = frames.shape[1] // 2
    re, im = np.zeros((half, _TOGETHER), np.float32), np.zeros((half, _TOGETHER), np.float32)
    for first in range(0, len(frames), _TOGETHER):
        some = frames[first : first + _TOGETHER]
        for t in range(len(some)):
            for i in range(half):
                re[i, t], im[i, t] = some[t, 2 * i], some[t, 2 * i + 1]
        _transform(re, im, plan)
        _power_of_real(re, im, plan, power[first : first + _TOGETHER])


@numba.njit(cache=True, error_model="numpy")
def _transform(re: np.ndarray, im: np.ndarray, plan: _Plan) -> None:
    """Of re + i im, each of shape [n, T], in place and left in bit-reversed order."""
    size = len(re)
    for level in range(len(plan.begins) - 1):
        for start in plan.starts[plan.begins[level] : plan.begins[level + 1]]:
            if size == 2:
                _add_and_subtract(re[start], re[start + 1])
                _add_and_subtract(im[start], im[start + 1])
            for k in range(size // 4):
                rows = slice(start + k, start + size, size // 4)
                turn = 0 if k == 0 else 1 if 8 * k == size else 2
                _butterfly(re[rows], im[rows], turn, plan.twiddles[level, :, k])
        size //= 2


@numba.njit(cache=True, error_model="numpy")
def _add_and_subtract(a: np.ndarray, b: np.ndarray) -> None:
    for t in range(_TOGETHER):
        a[t], b[t] = a[t] + b[t], a[t] - b[t]


@numba.njit(cache=True, error_model="numpy")
def _butterfly(re: np.ndarray, im: np.ndarray, turn: int, twiddles: np.ndarray) -> None:
    """One element of each quarter of a block, [4, T]: turned not at all (0), by an eighth (1), by the twiddles (2)."""
    re0, re1, re2, re3 = re[0], re[1], re[2], re[3]
    im0, im1, im2, im3 = im[0], im[1], im[2], im[3]
    cos, minus, plus, cos3, minus3, plus3 = twiddles
    for t in range(_TOGETHER):
        a, b, c, d = re0[t] - re2[t], re1[t] - re3[t], im0[t] - im2[t], im1[t] - im3[t]
        re0[t], re1[t], im0[t], im1[t] = re0[t] + re2[t], re1[t] + re3[t], im0[t] + im2[t], im1[t] + im3[t]
        x, y, u, v = a + d, c - b, a - d, c + b
        if turn == 0:
            re2[t], im2[t], re3[t], im3[t] = x, y, u, v
        elif turn == 1:
            re2[t], im2[t] = _SQRT_HALF * (x + y), _SQRT_HALF * (y - x)
            re3[t], im3[t] = _SQRT_HALF * (v - u), -(_SQRT_HALF * (u + v))
        else:
            common, common3 = cos * (x + y), cos3 * (u + v)
            re2[t], im2[t] = plus * y + common, minus * x + common
            re3[t], im3[t] = plus3 * v + common3, minus3 * u + common3


@numba.njit(cache=True, error_model="numpy")
def _power_of_real(re: np.ndarray, im: np.ndarray, plan: _Plan, power: np.ndarray) -> None:
    """Powers of a real signal's bins, [frames, n + 1], from the transform of its even (re) and odd (im) samples."""
    half = len(re)
    low, high = np.empty(_TOGETHER, np.float32), np.empty(_TOGETHER, np.float32)
    for t in range(len(power)):
        power[t, 0], power[t, half] = (re[0, t] + im[0, t]) ** 2, (re[0, t] - im[0, t]) ** 2
    for k in range(1, half // 2 + 1):
        re1, im1, re2, im2 = re[plan.order[k]], im[plan.order[k]], re[plan.order[half - k]], im[plan.order[half - k]]
        root_re, root_im = plan.roots[0, k - 1], plan.roots[1, k - 1]
        for t in range(_TOGETHER):
            even_re, even_im = _HALF * (re1[t] + re2[t]), _HALF * (im1[t] - im2[t])
            odd_re, odd_im = _HALF * (im1[t] + im2[t]), -_HALF * (re1[t] - re2[t])
            turned_re, turned_im = root_re * odd_re - root_im * odd_im, root_re * odd_im + root_im * odd_re
            high[t] = (even_re - turned_re) ** 2 + (turned_im - even_im) ** 2
            low[t] = (even_re + turned_re) ** 2 + (even_im + turned_im) ** 2
        for t in range(len(power)):
            power[t, half - k], power[t, k] = high[t], low[t]


@functools.cache
def _plan(n: int) -> _Plan:
    by_size: dict[int, list[int]] = {n: [0]}
    starts, begins, twiddles = [], [0], []
    size = n
    while size > 1:
        for start in by_size.get(size, []):
            by_size.setdefault(size // 2, []).append(start)
            by_size.setdefault(size // 4, []).extend([start + size // 2, start + 3 * size // 4])
        starts += sorted(by_size[size])
        begins.append(len(starts))
        twiddles.append(np.zeros((6, max(n // 4, 1)), dtype=np.float32))
        twiddles[-1][:, : size // 4] = _twiddles(size)
        size //= 2
    return _Plan(np.array(starts), np.array(begins), np.stack(twiddles), _bit_reversal(n), _drifting_roots(2 * n))


def _twiddles(size: int) -> np.ndarray:
    """[6, size / 4], float32."""
    found = []
    for factor in (1, 3):
        angle = (factor * np.arange(size // 4) * (2 * np.pi) / size).astype(np.float32).astype(np.float64)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        found += [cos, -(sin + cos), sin - cos]
    return np.stack(found)


def _bit_reversal(n: int) -> np.ndarray:
    order = np.zeros(1, dtype=np.int64)
    while len(order) < n:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def _drifting_roots(size: int) -> np.ndarray:
    angle = np.float32(-2 * np.pi / size)
    root_re, root_im = np.cos(angle), np.sin(angle)
    re, im = np.float32(1), np.float32(0)
    roots = np.empty((2, size // 4), dtype=np.float32)
    for k in range(size // 4):
        re, im = re * root_re - im * root_im, re * root_im + im * root_re
        roots[:, k] = re, im
    return roots
