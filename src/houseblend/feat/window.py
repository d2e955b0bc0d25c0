"""From samples to windowed frames (Kaldi's feat/feature-window), whole utterances at a time."""

import functools

import numba
import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.feat.options import FrameOptions

EPSILON = np.finfo(np.float32).eps


def num_frames(num_samples: int, options: FrameOptions) -> int:
    """Frames of a recording: whole windows with snip_edges, else one for each shift."""
    if options.snip_edges:
        return 0 if num_samples < options.size else 1 + (num_samples - options.size) // options.shift
    return (num_samples + options.shift // 2) // options.shift


def window_function(options: FrameOptions) -> np.ndarray:
    """The window, shape [size], float64.

    Raises:
        InputError: the window type is unknown.
    """
    i = np.arange(options.size)
    angle = 2 * np.pi * i / (options.size - 1)
    windows = {
        "hanning": lambda: 0.5 - 0.5 * np.cos(angle),
        "sine": lambda: np.sin(0.5 * angle),
        "hamming": lambda: 0.54 - 0.46 * np.cos(angle),
        "povey": lambda: (0.5 - 0.5 * np.cos(angle)) ** 0.85,
        "rectangular": lambda: np.ones(options.size),
        "blackman": lambda: (
            options.blackman_coeff - 0.5 * np.cos(angle) + (0.5 - options.blackman_coeff) * np.cos(2 * angle)
        ),
    }
    if options.window_type not in windows:
        raise InputError(f"window type {options.window_type!r}", key="--window-type", expected=", ".join(windows))
    return windows[options.window_type]()


def cut_frames(samples_N: np.ndarray, options: FrameOptions) -> np.ndarray:
    """Frames of a recording before anything is done to them, shape [T, size], float32 (a copy)."""
    count = num_frames(len(samples_N), options)
    if count == 0:
        return np.zeros((0, options.size), dtype=np.float32)
    if not options.snip_edges:
        samples_N = _reflect(samples_N, count, options)
    windows = np.lib.stride_tricks.sliding_window_view(samples_N, options.size)
    return windows[:: options.shift][:count].astype(np.float32)


def prepare_frames(
    samples_N: np.ndarray, options: FrameOptions, seed: int = 0, utterance: str = "", energy_before: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Dither, mean removal, pre-emphasis and windowing.

    Args:
        samples_N: samples on the int16 scale, shape [num_samples].
        options: how to cut.
        seed: run seed of the dither.
        utterance: its id; the dither depends on it and on nothing else.
        energy_before: measure the energy before pre-emphasis and windowing (Kaldi's --raw-energy).

    Returns:
        Windowed frames padded with zeros, shape [T, padded_size], float32, and the energy of each frame, shape [T].
    """
    count = num_frames(len(samples_N), options)
    samples, shift = np.ascontiguousarray(samples_N, dtype=np.float32), options.shift
    if options.dither or not options.snip_edges:
        cut = cut_frames(samples_N, options)
        if options.dither:
            noise = np.random.Generator(np.random.Philox(key=seed_of(seed, "dither", utterance)))
            cut += np.float32(options.dither) * noise.standard_normal(cut.shape, dtype=np.float32)
        samples, shift = cut.reshape(-1), options.size
    frames, energy = np.zeros((count, options.padded_size), dtype=np.float32), np.empty(count, dtype=np.float32)
    c = np.float32(options.preemphasis_coefficient)
    _shape(samples, shift, options.remove_dc_offset, c, _window(options), energy_before, frames, energy)
    return frames, energy


@functools.lru_cache(maxsize=8)
def _window(options: FrameOptions) -> np.ndarray:
    return window_function(options).astype(np.float32)


@numba.njit(cache=True, error_model="numpy")
def _shape(
    samples: np.ndarray, shift: int, remove_dc_offset: bool, preemphasis: np.float32, window: np.ndarray,
    energy_before: bool, frames: np.ndarray, energy: np.ndarray,
) -> None:  # fmt: skip
    """Fill the beginnings of zeroed frames, [T, padded_size], and energies, [T]; frame t begins at sample t * shift."""
    size = len(window)
    cut = np.empty(size, np.float32)
    for t in range(len(frames)):
        frame = samples[t * shift : t * shift + size]
        mean = np.float32(_sum(frame)) / np.float32(size) if remove_dc_offset else np.float32(0)
        for i in range(size):
            cut[i] = frame[i] - mean
        if energy_before:
            energy[t] = max(_sum_of_squares(cut), EPSILON)
        out = frames[t]
        out[0] = (cut[0] - preemphasis * cut[0]) * window[0]
        for i in range(1, size):
            out[i] = (cut[i] - preemphasis * cut[i - 1]) * window[i]
        if not energy_before:
            energy[t] = max(_sum_of_squares(out), EPSILON)


@numba.njit(cache=True, fastmath={"reassoc"})
def _sum(values: np.ndarray) -> float:
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    return total


@numba.njit(cache=True, fastmath={"reassoc"})
def _sum_of_squares(values: np.ndarray) -> np.float32:
    total = np.float32(0)
    for i in range(len(values)):
        total += values[i] * values[i]
    return total


def _reflect(samples: np.ndarray, count: int, options: FrameOptions) -> np.ndarray:
    """Samples continued by reflection, so that frame t is centred on shift * (t + 1/2)."""
    first = options.shift // 2 - options.size // 2
    positions = np.arange(first, first + (count - 1) * options.shift + options.size)
    period = 2 * len(samples)
    folded = positions % period
    return samples[np.where(folded < len(samples), folded, period - 1 - folded)]
