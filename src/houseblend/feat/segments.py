"""Segments: utterances as parts of recordings (Kaldi's file `segments`)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.data_files import MEND
from houseblend.io.numbers import to_float, to_int
from houseblend.io.tables import read_script
from houseblend.io.text import words_of

EXPECTED = "UTTERANCE RECORDING START END, perhaps with END -1 for the recording's end, and a channel (0, 1, ...)"


@dataclass(frozen=True)
class Segment:
    """A part of a recording.

    Args:
        key: the utterance.
        recording: that it is part of.
        start: in seconds.
        end: in seconds; infinite for the recording's end.
        channel: of the recording; -1 for the only one.
    """

    key: str
    recording: str
    start: float
    end: float
    channel: int = -1

    def cut(self, rate: float, samples_N: np.ndarray) -> np.ndarray:
        """Its samples, shape [num_samples]; up to half a second beyond the end is cut off.

        Args:
            rate: Hz.
            samples_N: of the recording's channel, shape [num_samples].

        Raises:
            InputError: it begins, or ends by more, behind the recording's end.
        """
        first, last = self.start * rate, len(samples_N) if self.end == math.inf else self.end * rate
        if round(first) >= len(samples_N) or last > len(samples_N) + rate / 2:
            times, length = f"{self.start:g} to {self.end:g} s", f"{len(samples_N) / rate:g} s"
            raise InputError(f"segment {times} of a recording of {length}", key=self.key, do="mend segments")
        return samples_N[round(first) : round(last)]


def read_segments(path: Path) -> Iterator[Segment]:
    """All lines of a file.

    Raises:
        InputError: a line of another form, or times out of order.
    """
    for key, rest, line in read_script(str(path)):
        try:
            segment = _parse(key, words_of(rest))
        except ValueError:
            raise InputError("bad segment", file=path, line=line, key=key, expected=EXPECTED, do=MEND) from None
        if not 0 <= segment.start < segment.end:
            what, expected = f"segment from {segment.start} to {segment.end}", "0 <= start < end"
            raise InputError(what, file=path, line=line, key=key, expected=expected, do=MEND)
        yield segment


def _parse(key: str, words: list[str]) -> Segment:
    """What stands behind the key; ValueError if it is no segment."""
    if len(words) not in (3, 4):
        raise ValueError("fields")
    start, end = to_float(words[1]), to_float(words[2])
    if end == math.inf:
        raise ValueError("an infinite end")
    channel = to_int(words[3], range(1 << 16)) if len(words) == 4 else -1
    return Segment(key, words[0], start, math.inf if end == -1 else end, channel)
