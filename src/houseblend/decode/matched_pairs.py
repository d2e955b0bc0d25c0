"""Matched pairs sentence segment word error test (Gillick and Cox 1989, "Some statistical issues in the comparison of
speech recognition algorithms"; MAPSSWE in NIST's sc_stats): whether two systems make different numbers of errors.

Utterances are cut where both systems have two words in a row right: what lies between two cuts and holds an error is taken
as independent of the rest.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

GOOD_WORDS = 2
"""Words that both have right between two segments."""


class MatchedPairs(NamedTuple):
    """Segments, mean of the second system's errors less the first's, its standard score, two-sided probability."""

    segments: int
    mean: float
    score: float
    probability: float


def matched_pairs(first: Mapping[str, str], second: Mapping[str, str]) -> MatchedPairs:
    """Compare two systems.

    Args:
        first: kinds of the aligned pairs by utterance, a letter C S D I each.
        second: the same of the other system; utterances that only one has are left out.
    """
    found = [pair for key in first if key in second for pair in error_pairs(first[key], second[key])]
    gaps = np.array([two - one for one, two in found], dtype=np.float64)
    if len(gaps) < 2 or not gaps.any() or gaps.std() == 0:
        return MatchedPairs(len(gaps), float(gaps.mean()) if len(gaps) else 0.0, 0.0, 1.0)
    score = float(gaps.mean() / (gaps.std(ddof=1) / math.sqrt(len(gaps))))
    return MatchedPairs(len(gaps), float(gaps.mean()), score, math.erfc(abs(score) / math.sqrt(2)))


def error_pairs(first: str, second: str) -> list[tuple[int, int]]:
    """Errors of both systems in every segment of an utterance.

    Where the systems have chosen ways of different length through the reference, the utterance is one segment.
    """
    placed = sorted([(place, 0) for place in _error_places(first)] + [(place, 1) for place in _error_places(second)])
    if len(first.replace("I", "")) != len(second.replace("I", "")):
        counts = [sum(1 for _, system in placed if system == one) for one in (0, 1)]
        return [(counts[0], counts[1])] if placed else []
    segments: list[list[int]] = []
    last = 0.0
    for place, system in placed:
        if not segments or math.ceil(place) - math.floor(last) - 1 >= GOOD_WORDS:
            segments.append([0, 0])
        segments[-1][system] += 1
        last = place
    return [(one, two) for one, two in segments]


def _error_places(kinds: str) -> list[float]:
    """Number of the reference's word that is wrong; an insertion lies half before the next one."""
    places, word = [], 0
    for kind in kinds:
        if kind != "C":
            places.append(word - 0.5 if kind == "I" else float(word))
        word += kind != "I"
    return places
