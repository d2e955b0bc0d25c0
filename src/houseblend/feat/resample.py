"""Resampling by a windowed sinc: evenly spaced samples at another rate, or at any points (Kaldi's feat/resample).

The value at time t is sum_n x_n h(t - n / rate) / rate, with h(t) = 2 f sinc(2 f t) (1 + cos(2 pi f t / z)) / 2 for |t| < z / 2f,
a low-pass of cutoff f Hz that ends at its z-th zero on each side.
"""

import math
from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError


@dataclass(frozen=True)
class Resampler:
    """From one rate to another, below a cutoff.

    Args:
        rate_in, rate_out: in Hz, whole numbers.
        cutoff: in Hz, at most half of either rate.
        zeros: zeros of the filter on each side.

    Raises:
        InputError: rates or cutoff that do not go together.
    """

    rate_in: int
    rate_out: int
    cutoff: float
    zeros: int

    def __post_init__(self) -> None:
        """Check them."""
        if not (self.zeros >= 1 and 0 < 2 * self.cutoff <= min(self.rate_in, self.rate_out)):
            raise InputError(
                f"a low-pass of {self.cutoff:g} Hz and {self.zeros} zeros from {self.rate_in} to {self.rate_out} Hz",
                expected="a cutoff up to half of the lower rate, and at least one zero",
            )

    def __call__(self, samples_N: np.ndarray) -> np.ndarray:
        """All samples at the new rate, zeros assumed around the old ones; float32."""
        common = math.gcd(self.rate_in, self.rate_out)
        step_in, step_out = self.rate_in // common, self.rate_out // common
        out = np.empty(_points_before(len(samples_N) * step_out, step_in), dtype=np.float32)
        reach = self.zeros / (2.0 * self.cutoff)
        margin = math.ceil(reach * self.rate_in)
        padded = np.pad(np.asarray(samples_N, dtype=np.float32), (margin, 2 * margin + step_in))
        for phase in range(min(step_out, len(out))):
            time = phase / self.rate_out
            points = np.arange(math.ceil((time - reach) * self.rate_in), math.floor((time + reach) * self.rate_in) + 1)
            weights = low_pass(points / self.rate_in - time, self.cutoff, self.zeros) / np.float32(self.rate_in)
            windows = np.lib.stride_tricks.sliding_window_view(padded[margin + points[0] :], len(points))[::step_in]
            part = out[phase::step_out]
            part[:] = windows[: len(part)] @ weights
        return out

    def settled(self, num_samples: int) -> int:
        """How many new samples no longer change when more than `num_samples` old ones come."""
        common = math.gcd(self.rate_in, self.rate_out)
        ticks = self.rate_in * self.rate_out // common
        reach = np.float32(self.zeros / (2.0 * self.cutoff)) * np.float32(ticks)
        return _points_before(num_samples * self.rate_out // common - int(reach), self.rate_in // common)


def interpolation(num_points: int, rate: float, times_L: np.ndarray, zeros: int) -> np.ndarray:
    """Weights of evenly spaced values, from time 0 on, in values at other times, below half the rate.

    Args:
        num_points: values there are.
        rate: of them in Hz.
        times_L: in seconds, float32, shape [L].
        zeros: zeros of the filter on each side.

    Returns:
        float32, shape [num_points, L].
    """
    cutoff, points = np.float32(0.5 * rate), np.arange(num_points, dtype=np.float32)[:, None]
    reach = np.float32(zeros / (2.0 * cutoff))
    first, last = np.ceil(np.float32(rate) * (times_L - reach)), np.floor(np.float32(rate) * (times_L + reach))
    weights = low_pass(times_L - points / np.float32(rate), float(cutoff), zeros) / np.float32(rate)
    return np.where((points >= first) & (points <= last), weights, np.float32(0))


def low_pass(times: np.ndarray, cutoff: float, zeros: int) -> np.ndarray:
    """The filter h(t) of this module at times in seconds, any shape; float32."""
    times = np.asarray(times, dtype=np.float32).astype(np.float64)
    window = np.where(
        np.abs(times) < zeros / (2.0 * cutoff), 0.5 + 0.5 * np.cos(2 * np.pi * cutoff / zeros * times), 0.0
    )
    return (2.0 * cutoff * np.sinc(2.0 * cutoff * times)).astype(np.float32) * window.astype(np.float32)


def _points_before(length: int, period: int) -> int:
    """Points 0, period, ... below a length, all of them whole numbers of a common unit."""
    return max(0, -(-length // period))
