"""Noise of several colours, and mixing at a signal-to-noise ratio over the active speech."""

import numpy as np

from houseblend.base.seeds import seed_of

SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0}
"""Power spectrum proportional to f ** -slope."""
RATE = 8000
LOWEST = 50.0
"""Hz; the power of pink and brown noise would else lie where nobody hears it."""
BLOCK = 160
ACTIVE_RANGE_DB = 30.0
LARGEST = 32767.0


def generator(seed: int, *purpose: str | int) -> np.random.RandomState:
    """Random numbers of one use; RandomState because numpy never changes its streams."""
    return np.random.RandomState(np.random.Philox(key=seed_of(seed, "digits", *purpose)))


def coloured_noise(count: int, colour: str, draw: np.random.RandomState) -> np.ndarray:
    """Gaussian noise of unit power above LOWEST and none below, shape [count]."""
    spectrum = np.fft.rfft(draw.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    audible = frequency >= LOWEST
    spectrum[audible] *= frequency[audible] ** (-0.5 * SLOPES[colour])
    spectrum[~audible] = 0.0
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise**2))


def active_power(samples: np.ndarray) -> float:
    """Mean power of the 20 ms blocks that lie within 30 dB of the loudest one; samples of shape [num_samples]."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    power = (blocks**2).mean(axis=1)
    return float(power[power >= power.max() * 10 ** (-ACTIVE_RANGE_DB / 10)].mean())


def add_noise(samples: np.ndarray, colour: str, snr_db: float, draw: np.random.RandomState) -> np.ndarray:
    """Samples with noise `snr_db` below their active power; all is made quieter where the sum would be clipped."""
    level = np.sqrt(active_power(samples) * 10 ** (-snr_db / 10))
    mixed = samples + level * coloured_noise(len(samples), colour, draw)
    return mixed * min(1.0, LARGEST / np.abs(mixed).max())
