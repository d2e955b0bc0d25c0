"""The telephone: handset and line, noise, cross-talk, clipping, mu-law."""

from collections.abc import Sequence

import numpy as np
from espeak import RATE as VOICE_RATE
from profiles import Profile

RATE = 8000
FULL = 32768.0
UP, DOWN = 160, 441
"""RATE / VOICE_RATE, reduced."""
TAIL = 441
"""Samples behind a segment in which a filter may ring."""
LEVEL_DB = -24.0
"""Of active speech under full scale."""
LOOP = 1 << 18
"""Samples (33 s) after which line noise begins anew."""
SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power proportional to f ** -slope."""
LOWEST_HZ = 50.0
VOICES, DELAY = 5, (160, 480)
CLIPPED = 0.35
"""Of its largest sample, where a line that is too loud clips."""


class Line:
    """Handset and line of one side of a call, drawn from a profile.

    Args:
        profile: the knobs.
        draw: random numbers of this side.
    """

    def __init__(self, profile: Profile, draw: np.random.RandomState) -> None:
        self.low, self.high = draw.uniform(*profile.low_hz), draw.uniform(*profile.high_hz)
        self.tilt_db = profile.tilt_db * draw.standard_normal()
        self.ripples = [
            (draw.uniform(np.log(300.0), np.log(3400.0)), profile.ripple_db * draw.standard_normal()) for _ in range(3)
        ]
        self.level_db = LEVEL_DB + profile.level_db * draw.standard_normal()
        self.snr_db = draw.uniform(*profile.snr_db)
        self.noise = profile.noises[draw.randint(len(profile.noises))]
        self.crosstalk_db = draw.uniform(*profile.crosstalk_db)
        self.clips = draw.uniform() < profile.clipped
        self.delay = draw.randint(*DELAY)

    def response(self, frequency: np.ndarray) -> np.ndarray:
        """Gain at frequencies in Hz, shape [num_frequencies]."""
        place = np.log(np.maximum(frequency, 20.0))
        gain_db = self.tilt_db * (place - np.log(1000.0)) / np.log(3400.0 / 300.0)
        for centre, height in self.ripples:
            gain_db = gain_db + height * np.exp(-0.5 * ((place - centre) / 0.25) ** 2)
        edges = (1.0 + (self.low / np.maximum(frequency, 1.0)) ** 6) * (1.0 + (frequency / self.high) ** 24)
        return 10.0 ** (gain_db / 20.0) / np.sqrt(edges)

    def carry(self, sound: np.ndarray) -> np.ndarray:
        """A segment at VOICE_RATE through the line, at RATE: resampled and filtered in one transform.

        Args:
            sound: shape [samples].

        Returns:
            Shape [samples * RATE / VOICE_RATE, and a tail].
        """
        blocks = _smooth(-(-(len(sound) + TAIL) // DOWN))
        spectrum = np.fft.rfft(sound.astype(np.float32), blocks * DOWN)[: blocks * UP // 2 + 1]
        frequency = np.arange(len(spectrum)) * (VOICE_RATE / (blocks * DOWN))
        carried = np.fft.irfft(spectrum * self.response(frequency).astype(np.float32), blocks * UP) * np.float32(
            UP / DOWN
        )
        return carried[: -(-(len(sound) + TAIL) * UP // DOWN)]


def mix(
    sides: Sequence[np.ndarray], spoken: Sequence[np.ndarray], lines: Sequence[Line], draw: np.random.RandomState
) -> np.ndarray:
    """Levels, noise, cross-talk and clipping of both sides.

    Args:
        sides: what each line has carried, shape [samples] each.
        spoken: whether somebody speaks on that side, shape [samples] each, bool.
        lines: the lines.
        draw: random numbers of the call.

    Returns:
        Mu-law, shape [samples, 2], uint8.
    """
    levelled = [
        side * np.float32(FULL * 10 ** (line.level_db / 20) / _rms(side[active]))
        for side, active, line in zip(sides, spoken, lines, strict=True)
    ]
    encoded = np.empty((len(sides[0]), 2), np.uint8)
    for own, line in enumerate(lines):
        level = FULL * 10 ** (line.level_db / 20)
        noise = _noise(line, levelled, draw)
        mixed = levelled[own] + noise * np.float32(level * 10 ** (-line.snr_db / 20))
        other = levelled[1 - own] * np.float32(10 ** (line.crosstalk_db / 20))
        mixed[line.delay :] += other[: -line.delay]
        if line.clips:
            edge = CLIPPED * np.abs(mixed).max()
            mixed = np.clip(mixed, -edge, edge)
        encoded[:, own] = _MU_LAW[np.clip(np.rint(mixed), -32768, 32767).astype(np.int16).view(np.uint16)]
    return encoded


def _noise(line: Line, sides: Sequence[np.ndarray], draw: np.random.RandomState) -> np.ndarray:
    """Noise of unit power; babble is the call's own speech, five times over, shifted."""
    count = len(sides[0])
    if line.noise == "babble":
        both = sides[0] + sides[1]
        shifts = draw.randint(RATE, count - RATE, VOICES)
        babble = np.sum([np.roll(both, int(shift)) for shift in shifts], axis=0)
        return babble / np.float32(_rms(babble))
    spectrum = draw.standard_normal(LOOP + 2).astype(np.float32).view(np.complex64)
    frequency = np.arange(len(spectrum)) * (RATE / LOOP)
    gain = line.response(frequency) * np.maximum(frequency, LOWEST_HZ) ** (-0.5 * SLOPES[line.noise])
    loop = np.fft.irfft(spectrum * gain.astype(np.float32), LOOP)
    return np.resize(loop / np.float32(_rms(loop)), count)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0


def _smooth(count: int) -> int:
    """The next number with no prime factor above 5, of which transforms are quick."""
    while True:
        rest = count
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return count
        count += 1


def _mu_law() -> np.ndarray:
    """Mu-law codes (ITU-T G.711) of 16-bit samples by their bits, shape [65536], uint8."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(values), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    return (~((values < 0) * 128 | exponent << 4 | mantissa) & 255).astype(np.uint8)


_MU_LAW = _mu_law()
