"""Pitch and normalised cross-correlation of recordings (Ghahremani, BabaAli, Povey, Riedhammer, Trmal, Khudanpur 2014, "A pitch
extraction algorithm tuned for automatic speech recognition"; Kaldi's feat/pitch-functions).

The recording is resampled to 4 kHz. With w the window at frame t, w_l the one that begins l samples later, both less the mean
of w, and a ballast b that grows with the recording's power, phi_t(l) = w.w_l / sqrt(|w|^2 |w_l|^2 + b) is interpolated at lags
L_i in geometric progression. The lags of all frames are the path of least cost
sum_t 1 - phi_t(L_i)(1 - f_soft L_i) + penalty (i_t - i_(t-1))^2 log(1 + delta)^2.

A recording may come in chunks, as to a recogniser that follows a speaker: the power that is known is then that of the samples
so far, and corrected once, at `recompute_frame` or the end.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numba
import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import PitchOptions
from houseblend.feat.resample import Resampler, interpolation

TOLERATED = 0.01
"""The power that frames were computed with is kept when it is wrong by less than this, relative to the sum of both."""
_BLOCK = 4096
"""Frames whose correlations are interpolated at once."""


class _Lags(NamedTuple):
    """Where correlations are measured, first to first + M - 1 samples, and where they are wanted, [L] in seconds."""

    first: int
    wanted: np.ndarray
    weights: np.ndarray
    """Of what is measured in what is wanted, [M, L]."""


class _Chunk(NamedTuple):
    """How many samples and frames there are when a chunk has come; whether somebody looks at the frames then."""

    samples: int
    frames: int
    shown: bool


def compute_pitch(samples_N: np.ndarray, options: PitchOptions) -> np.ndarray:
    """Correlation at the pitch, -1 to 1, and pitch in Hz of every frame.

    Args:
        samples_N: on the int16 scale, at the options' rate, shape [num_samples].
        options: Kaldi's options.

    Returns:
        float32, shape [T, 2]; T is 0 for recordings of less than a window.

    Raises:
        InputError: rates, cutoff and pitches that do not go together.
    """
    tracker = PitchTracker(samples_N, options)
    parts, done = [np.empty((0, 2), dtype=np.float32)], 0
    for ready, last in tracker.chunks():
        if options.simulate_first_pass_online or last:
            parts.append(tracker.frames(done, ready))
            done = ready
    return np.concatenate(parts)


class PitchTracker:
    """The pitch of one recording, chunk by chunk.

    Args:
        samples_N: on the int16 scale, at the options' rate, shape [num_samples].
        options: Kaldi's options.

    Raises:
        InputError: rates, cutoff and pitches that do not go together.
    """

    def __init__(self, samples_N: np.ndarray, options: PitchOptions) -> None:
        self._options, self._lags = options, _lags(options)
        resampler = Resampler(
            int(options.sample_frequency), int(options.resample_frequency),
            options.lowpass_cutoff, options.lowpass_filter_width,
        )  # fmt: skip
        signal = resampler(samples_N)
        full = options.window + self._lags.first + len(self._lags.weights) - 1
        self._schedule = _schedule(len(samples_N), len(signal), resampler, full, options)
        self.num_frames = self._schedule[-1].frames
        ends = np.repeat(
            [chunk.samples for chunk in self._schedule], np.diff([chunk.frames for chunk in self._schedule], prepend=0)
        )
        starts = np.arange(self.num_frames) * options.shift
        if not options.snip_edges:
            starts += options.shift // 2 - full // 2
        if options.nccf_ballast_online:
            ends = np.minimum(starts + full, ends)
        self._power = _Power(signal)
        self._known = self._power(ends)
        padded = np.pad(signal, (full, 2 * full))
        self._inner, self._norm = np.empty((2, self.num_frames, len(self._lags.weights)), dtype=np.float32)
        _correlate(padded, starts + full, options.window, self._lags.first, self._inner, self._norm)
        self._cost = np.zeros(len(self._lags.wanted))
        self._back = np.empty((self.num_frames, len(self._lags.wanted)), dtype=np.int16)
        self._path = np.full(self.num_frames, -1, dtype=np.int16)

    @property
    def num_samples(self) -> int:
        """Samples of the resampled recording."""
        return self._schedule[-1].samples

    def chunks(self) -> Iterator[tuple[int, bool]]:
        """Take one chunk after the other; after each, the number of frames and whether it was the last."""
        done, once = 0, self._options.recompute_frame
        for chunk in self._schedule:
            if done < once <= chunk.frames:
                self._extend(done, once)
                self._correct(once, chunk.samples)
                done = once
            self._extend(done, chunk.frames)
            done = chunk.frames
            if chunk is self._schedule[-1] and done < once:
                self._correct(done, chunk.samples)
            if chunk.shown:
                _trace(self._back, int(self._cost.argmin()), done, self._path)
                yield done, chunk is self._schedule[-1]

    def frames(self, first: int, last: int) -> np.ndarray:
        """Correlation (without ballast) and pitch of frames as they are now believed, float32, shape [last - first, 2]."""
        lags = self._path[first:last]
        phi = _correlation(self._inner[first:last], self._norm[first:last], np.float32(0))
        correlation = np.einsum("tm,tm->t", phi, self._lags.weights.T[lags])
        return np.stack([correlation, 1 / self._lags.wanted[lags]], axis=1).astype(np.float32)

    def _extend(self, first: int, last: int, scale_T: np.ndarray | None = None) -> None:
        """Go on with the search by some frames, perhaps with correlations multiplied by factors."""
        options = self._options
        ballast = self._ballast(self._known).astype(np.float32)
        for begin in range(first, last, _BLOCK):
            part = slice(begin, min(begin + _BLOCK, last))
            phi = _correlation(self._inner[part], self._norm[part], ballast[part, None]) @ self._lags.weights
            if scale_T is not None:
                phi *= scale_T[part, None]
            local = 1 - phi * (1 - np.float32(options.soft_min_f0) * self._lags.wanted)
            step = options.penalty_factor * np.log1p(options.delta_pitch) ** 2
            _search(local, step, self._cost, self._back[part])

    def _correct(self, frames: int, samples: int) -> None:
        """Search the first frames again if the power of so many samples is not what they were computed with."""
        options, known = self._options, self._known[:frames]
        power = self._power(np.array([samples]))
        if options.nccf_ballast_online or (np.abs(known - power) <= TOLERATED * (known + power)).all():
            return
        norm = self._norm[:frames].mean(axis=1)
        old, new = self._ballast(known) + norm, self._ballast(power) + norm
        self._cost[:], self._path[:] = 0, -1
        self._extend(0, frames, np.sqrt(np.divide(old, new, out=np.ones_like(new), where=new > 0)).astype(np.float32))

    def _ballast(self, power: np.ndarray) -> np.ndarray:
        return (power * self._options.window) ** 2 * self._options.nccf_ballast


class _Power:
    """Mean square, less the square of the mean, of the first samples of a signal, for any number of them; at least 0."""

    def __init__(self, signal: np.ndarray) -> None:
        self._sums = [np.concatenate([[0.0], np.cumsum(signal.astype(np.float64) ** power)]) for power in (1, 2)]

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        mean, square = (sums[counts] / np.maximum(counts, 1) for sums in self._sums)
        return np.maximum(square - mean**2, 0.0)


@functools.lru_cache(maxsize=8)
def _lags(options: PitchOptions) -> _Lags:
    rate, margin = options.resample_frequency, options.upsample_filter_width / (2.0 * options.resample_frequency)
    first = int(np.ceil(rate * (1.0 / options.max_f0 - margin)))
    last = int(np.floor(rate * (1.0 / options.min_f0 + margin)))
    if first < 0:
        raise InputError(f"--max-f0={options.max_f0:g}", expected=f"at most {1 / margin:g} Hz")
    wanted, longest = [np.float32(1.0 / options.max_f0)], np.float32(1.0 / options.min_f0)
    while wanted[-1] <= longest:
        wanted.append(np.float32(float(wanted[-1]) * (1.0 + float(np.float32(options.delta_pitch)))))
    lags = np.array(wanted[:-1])
    times = lags - np.float32(first) / np.float32(rate)
    return _Lags(first, lags, interpolation(last + 1 - first, rate, times, options.upsample_filter_width))


def _schedule(
    num_samples: int, num_resampled: int, resampler: Resampler, full: int, options: PitchOptions
) -> list[_Chunk]:
    """What there is after each chunk, and after the end is known; the frame's window with all its lags has `full` samples."""
    size = options.chunk_size or max(num_samples, 1)
    chunks = []
    for end in range(size, num_samples + size, size):
        settled = resampler.settled(min(end, num_samples))
        chunks.append(_Chunk(settled, _num_frames(settled, full, full // 2, options), end < num_samples))
    return [*chunks, _Chunk(num_resampled, _num_frames(num_resampled, options.window, 0, options), True)]


def _num_frames(samples: int, needed: int, behind: int, options: PitchOptions) -> int:
    """Frames of so many samples, if the last one needs so many, of which some are behind its middle (snip_edges=false)."""
    if samples < needed:
        return 0
    if options.snip_edges:
        return (samples - needed) // options.shift + 1
    return (2 * (samples - behind) + options.shift) // (2 * options.shift)


def _correlation(inner: np.ndarray, norm: np.ndarray, ballast: np.ndarray | np.float32) -> np.ndarray:
    """inner / sqrt(norm + ballast), 0 where nothing sounds; float32, shape [T, M]."""
    root = np.sqrt(norm + ballast)
    return np.divide(inner, root, out=np.zeros_like(inner), where=root > 0)


@numba.njit(cache=True, error_model="numpy")
def _correlate(
    signal: np.ndarray, starts: np.ndarray, window: int, first_lag: int, inner: np.ndarray, norm: np.ndarray
) -> None:
    """Fill w.w_l and |w|^2 |w_l|^2, both [T, M], for windows at the starts, [T], and M lags from the first on."""
    num_lags = inner.shape[1]
    full = window + first_lag + num_lags - 1
    part = np.empty(full, np.float32)
    for t in range(len(starts)):
        frame = signal[starts[t] : starts[t] + full]
        mean = 0.0
        for i in range(window):
            mean += frame[i]
        mean /= window
        for i in range(full):
            part[i] = frame[i] - np.float32(mean)
        products, energy, lagged = inner[t], 0.0, 0.0
        products[:] = 0
        for i in range(window):
            energy += part[i] ** 2
            lagged += part[first_lag + i] ** 2
            for lag in range(num_lags):
                products[lag] += part[i] * part[first_lag + i + lag]
        for lag in range(num_lags):
            norm[t, lag] = energy * max(lagged, 0.0)
            if lag + 1 < num_lags:
                lagged += part[first_lag + lag + window] ** 2 - part[first_lag + lag] ** 2


@numba.njit(cache=True, error_model="numpy")
def _search(local: np.ndarray, step: float, cost: np.ndarray, back: np.ndarray) -> None:
    """Viterbi search: cost[i] becomes min_j(cost[j] + step (i - j)^2) + local[t, i], less the least of them, frame by frame.

    The minimum is the lower envelope of parabolas, found in one pass (Felzenszwalb, Huttenlocher 2012, "Distance transforms of
    sampled functions"). Arrays: local [T, L], cost [L] (in place), back [T, L], which is filled with the j.
    """
    count = len(cost)
    lowest, begins = np.empty(count, np.int64), np.empty(count + 1)
    for t in range(len(local)):
        last = 0
        lowest[0], begins[0] = 0, -np.inf
        for j in range(1, count):
            while True:
                other = lowest[last]
                meet = (cost[j] - cost[other]) / (2 * step * (j - other)) + 0.5 * (j + other)
                if meet > begins[last]:
                    break
                last -= 1
            last += 1
            lowest[last], begins[last] = j, meet
        begins[last + 1] = np.inf
        new, place, least = np.empty(count), 0, np.inf
        for i in range(count):
            while begins[place + 1] < i:
                place += 1
            j = lowest[place]
            new[i] = cost[j] + step * (i - j) ** 2 + local[t, i]
            back[t, i], least = j, min(least, new[i])
        for i in range(count):
            cost[i] = new[i] - least


@numba.njit(cache=True)
def _trace(back: np.ndarray, state: int, frames: int, path: np.ndarray) -> None:
    """Follow back, [T, L], from the state of the last of the frames; write states into path, [T], until it agrees."""
    for t in range(frames - 1, -1, -1):
        if path[t] == state:
            break
        path[t] = state
        state = back[t, state]
