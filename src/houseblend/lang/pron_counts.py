"""Counts of pronunciations, and of silence around them, in Kaldi's files (steps/get_prons.sh).

Words are told apart by their phones, which do not tell their positions; silence between words is the word <eps>.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.numbers import to_int
from houseblend.io.streams import read_text
from houseblend.io.text import lines_of
from houseblend.lang.lexicon import Pronunciation

AGAIN = "count again: count_prons"
_COUNTS = range(1 << 53)
BEGIN, END, SILENCE = "<s>", "</s>", "<eps>"
Key = tuple[str, Pronunciation]
"""A word and its phones."""


class Around(NamedTuple):
    """How often a word stood behind silence and not, and before silence and not."""

    behind: float
    behind_none: float
    before: float
    before_none: float


@dataclass(frozen=True)
class SilenceCounts:
    """Counts by words with their phones; <s> and </s> are words without phones.

    Args:
        around: silence on both sides.
        pairs: of words that follow each other, with silence between them or without.
    """

    around: dict[Key, Around]
    pairs: dict[tuple[Key, Key], float]


def read_pron_counts(path: Path) -> dict[Key, float]:
    """Lines COUNT WORD PHONE ... of Kaldi's get_prons; those of silence between words are left out.

    Raises:
        InputError: naming the line.
    """
    counts: dict[Key, float] = defaultdict(float)
    for number, line in _lines(path):
        count, *rest = line.split()
        if not rest:
            raise InputError(f"{line[:60]!r}", file=path, line=number, expected="COUNT WORD PHONE ...", do=AGAIN)
        key = _key(rest)
        if key[0] != SILENCE:
            counts[key] += _count(path, number, count)
    return dict(counts)


def read_silence_counts(around: Path, pairs: Path) -> SilenceCounts:
    """Lines of four counts, WORD, PHONE ...; and lines of a count, WORD PHONE ... and WORD PHONE ..., between tabs.

    Raises:
        InputError: naming file and line.
    """
    sides = {}
    for number, line in _lines(around):
        words = line.split()
        if len(words) < 5:
            raise InputError(
                f"{line[:60]!r}", file=around, line=number, expected="COUNT COUNT COUNT COUNT WORD PHONE ...", do=AGAIN
            )
        sides[_key(words[4:])] = Around(*(_count(around, number, word) for word in words[:4]))
    follow = {}
    for number, line in _lines(pairs):
        parts = line.split("\t")
        if len(parts) != 3 or not parts[1].split() or not parts[2].split():
            raise InputError(
                f"{line[:60]!r}",
                file=pairs,
                line=number,
                expected="COUNT, and WORD PHONE ... twice, between tabs",
                do=AGAIN,
            )
        follow[_key(parts[1].split()), _key(parts[2].split())] = _count(pairs, number, parts[0])
    return SilenceCounts(sides, follow)


def write_counts(utterances: Iterable[Sequence[Key]], prons: Path, around: Path, pairs: Path) -> None:
    """Count the words of utterances, silence between them included, and write the three files.

    Args:
        utterances: words with their phones, in the order spoken.
        prons, around, pairs: files to write, for `read_pron_counts` and `read_silence_counts`.
    """
    words: Counter[Key] = Counter()
    sides: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    follow: Counter[tuple[Key, Key]] = Counter()
    for utterance in utterances:
        words.update(utterance)
        whole = [(BEGIN, ()), *utterance, (END, ())]
        for left, right in zip(whole, whole[1:], strict=False):
            if left[0] != SILENCE:
                sides[left][2 + (right[0] != SILENCE)] += 1
            if right[0] != SILENCE:
                sides[right][left[0] != SILENCE] += 1
        spoken = [key for key in whole if key[0] != SILENCE]
        follow.update(zip(spoken, spoken[1:], strict=False))
    frequent = sorted(words.items(), key=lambda counted: (-counted[1], counted[0]))
    write_text(prons, "".join(f"{count} {_spelled(key)}\n" for key, count in frequent))
    rows = (f"{' '.join(map(str, counts))} {_spelled(key)}\n" for key, counts in sorted(sides.items()))
    write_text(around, "".join(rows))
    write_text(pairs, "".join(f"{count}\t{_spelled(a)}\t{_spelled(b)}\n" for (a, b), count in sorted(follow.items())))


def _key(words: list[str]) -> Key:
    return words[0], tuple(words[1:])


def _count(path: Path, number: int, word: str) -> float:
    try:
        return float(to_int(word, _COUNTS))
    except ValueError:
        raise InputError(
            f"{word[:60]!r} is no count", file=path, line=number, expected="a whole number", do=AGAIN
        ) from None


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = [(number, line) for number, line in enumerate(lines_of(read_text(path)), start=1) if line.strip()]
    if not lines:
        raise InputError("no counts", file=path, do=AGAIN)
    return lines


def _spelled(key: Key) -> str:
    return " ".join((key[0], *key[1]))
