"""Power spectra in float32 as Kaldi's split-radix transform rounds them (matrix/srfft).

Where a loud band meets a silent one, the rounding of a transform is heard: cepstra of upsampled speech move by up to
0.01. So every addition and product here is Kaldi's, for many frames at once.
"""

import functools

import numpy as np

_TOGETHER = 128
"""Frames transformed at once; few enough for the cache."""
_SQRT_HALF = np.float32(np.sqrt(0.5))


def split_radix_power(frames: np.ndarray) -> np.ndarray:
    """Squared magnitudes of the frames' Fourier transforms.

    Args:
        frames: float32, shape [T, N], N a power of two and at least 4.

    Returns:
        float32, shape [T, N / 2 + 1].
    """
    power = np.empty((len(frames), frames.shape[1] // 2 + 1), dtype=np.float32)
    for first in range(0, len(frames), _TOGETHER):
        some = frames[first : first + _TOGETHER].T
        re, im = _complex_transform(np.ascontiguousarray(some[0::2]), np.ascontiguousarray(some[1::2]))
        power[first : first + _TOGETHER] = _power_of_real(re, im).T
    return power


def _complex_transform(re: np.ndarray, im: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of re + i im, each of shape [n, T]."""
    for rows, twiddles in _plan(len(re)):
        re[rows], im[rows] = _butterflies(re[rows], im[rows], twiddles)
    order = _bit_reversal(len(re))
    return re[order], im[order]


def _butterflies(re: np.ndarray, im: np.ndarray, twiddles: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """One step on all blocks of one size m; re, im of shape [blocks, m, T]."""
    half = re.shape[1] // 2
    out_re, out_im = np.empty_like(re), np.empty_like(im)
    np.add(re[:, :half], re[:, half:], out=out_re[:, :half])
    np.add(im[:, :half], im[:, half:], out=out_im[:, :half])
    if half == 1:
        np.subtract(re[:, 0], re[:, 1], out=out_re[:, 1])
        np.subtract(im[:, 0], im[:, 1], out=out_im[:, 1])
        return out_re, out_im
    re, im = re[:, :half] - re[:, half:], im[:, :half] - im[:, half:]
    quarter = half // 2
    re1, re2, im1, im2 = re[:, :quarter], re[:, quarter:], im[:, :quarter], im[:, quarter:]
    rotated = [(re1 + im2, im1 - re2), (re1 - im2, im1 + re2)]
    for index, (re, im) in enumerate(rotated):
        if twiddles is not None:
            cos, minus, plus = twiddles[3 * index : 3 * index + 3, :, None]
            product = cos * (re + im)
            turned_re, turned_im = plus * im + product, minus * re + product
            turned_re[:, 0], turned_im[:, 0] = re[:, 0], im[:, 0]
            total, difference = _SQRT_HALF * (re + im)[:, quarter // 2], _SQRT_HALF * (im - re)[:, quarter // 2]
            pair = (total, difference) if index == 0 else (difference, -total)
            turned_re[:, quarter // 2], turned_im[:, quarter // 2] = pair
            re, im = turned_re, turned_im
        place = slice(half + index * quarter, half + (index + 1) * quarter)
        out_re[:, place], out_im[:, place] = re, im
    return out_re, out_im


def _power_of_real(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    """Powers of a real signal's bins from the transform of its even (re) and odd (im) samples; [n, T] to [n + 1, T]."""
    half, quarter = len(re), len(re) // 2
    power = np.empty((half + 1, re.shape[1]), dtype=np.float32)
    power[0], power[half] = (re[0] + im[0]) ** 2, (re[0] - im[0]) ** 2
    low, high = slice(1, quarter + 1), slice(half - 1, quarter - 1, -1)
    even_re, even_im = np.float32(0.5) * (re[low] + re[high]), np.float32(0.5) * (im[low] - im[high])
    odd_re, odd_im = np.float32(0.5) * (im[low] + im[high]), np.float32(-0.5) * (re[low] - re[high])
    root_re, root_im = _drifting_roots(2 * half)
    turned_re, turned_im = root_re * odd_re - root_im * odd_im, root_re * odd_im + root_im * odd_re
    power[high] = (even_re - turned_re) ** 2 + (turned_im - even_im) ** 2
    power[low] = (even_re + turned_re) ** 2 + (even_im + turned_im) ** 2
    return power


@functools.cache
def _plan(n: int) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """For block sizes from n to 2: the rows of every block, shape [blocks, m], and the twiddle factors.

    A block of m is followed by one of m / 2 at its start and by two of m / 4 in its second half.
    """
    starts: dict[int, list[int]] = {n: [0]}
    steps = []
    size = n
    while size > 1:
        for start in starts.get(size, []):
            starts.setdefault(size // 2, []).append(start)
            starts.setdefault(size // 4, []).extend([start + size // 2, start + 3 * size // 4])
        steps.append((np.array(sorted(starts[size]))[:, None] + np.arange(size), _twiddles(size)))
        size //= 2
    return steps


def _twiddles(size: int) -> np.ndarray | None:
    """cos, -(sin + cos), sin - cos of the angles and of three times the angles; shape [6, size / 4], float32."""
    if size < 8:
        return None
    found = []
    for factor in (1, 3):
        angle = (factor * np.arange(size // 4) * (2 * np.pi) / size).astype(np.float32).astype(np.float64)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        found += [cos, -(sin + cos), sin - cos]
    return np.stack(found)


@functools.cache
def _bit_reversal(n: int) -> np.ndarray:
    order = np.zeros(1, dtype=np.int64)
    while len(order) < n:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@functools.cache
def _drifting_roots(size: int) -> tuple[np.ndarray, np.ndarray]:
    """exp(-2 pi i k / size), k from 1 to size / 4, each the float32 product of the one before; shape [size / 4, 1]."""
    angle = np.float32(-2 * np.pi / size)
    root_re, root_im = np.cos(angle), np.sin(angle)
    re, im = np.float32(1), np.float32(0)
    roots = np.empty((2, size // 4, 1), dtype=np.float32)
    for k in range(size // 4):
        re, im = re * root_re - im * root_im, re * root_im + im * root_re
        roots[:, k, 0] = re, im
    return roots[0], roots[1]
