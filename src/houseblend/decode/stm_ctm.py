"""NIST's files of a scored test: stm (what was said in which segment) and ctm (which word was recognised when).

Both are text, one entry a line, comments after `;;` at the beginning of a line (NIST SCTK, doc/infmts.htm).
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.io.streams import read_text
from houseblend.io.text import BLANKS, words_of

STM = "FILE CHANNEL SPEAKER START END [<LABEL,...>] [WORD ...]"
CTM = "FILE CHANNEL START DURATION WORD [CONFIDENCE]"
_ACRONYM = re.compile(r"((?:[a-z]\._)*[a-z])\.('?s)?", re.IGNORECASE)
_LABEL = re.compile(r';;\s*LABEL\s+"([^"]*)"\s+"([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True)
class Segment:
    """A line of an stm: who says what between two times in seconds; `labels` names the subsets that it belongs to."""

    file: str
    channel: str
    speaker: str
    start: float
    end: float
    labels: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True)
class TimedWord:
    """A line of a ctm; times in seconds, confidence None where there is none."""

    file: str
    channel: str
    start: float
    duration: float
    word: str
    confidence: float | None
    line: int

    def __str__(self) -> str:
        confidence = "" if self.confidence is None else f" {self.confidence:.2f}"
        return f"{self.file} {self.channel} {self.start:.2f} {self.duration:.2f} {self.word}{confidence}"


def spelled_out(one: TimedWord) -> list[TimedWord]:
    """An acronym in Fisher's form as its letters (`i._b._m.` i b m, `c._d.s` c d's), which share its time; else the word."""
    found = _ACRONYM.fullmatch(one.word)
    if not found:
        return [one]
    letters = found[1].split("._")
    letters[-1] += "'s" if found[2] else ""
    borders = [round(one.duration * place / len(letters), 2) for place in range(len(letters) + 1)]
    return [
        replace(one, start=one.start + begin, duration=end - begin, word=letter)
        for letter, begin, end in zip(letters, borders, borders[1:], strict=False)
    ]


def read_stm(path: Path) -> tuple[list[Segment], dict[str, str]]:
    """Segments in the order of the lines, and the titles of the labels that the file declares.

    Raises:
        InputError: no UTF-8, a line of another form, or times out of order.
    """
    titles = dict(_LABEL.findall(read_text(path)))
    return [_parse(path, number, line, STM, _segment) for number, line in _entries(path)], titles


def read_ctm(path: Path) -> list[TimedWord]:
    """Words in the order of the lines.

    Raises:
        InputError: no UTF-8, a line of another form, or a time or confidence that is none.
    """
    return [_parse(path, number, line, CTM, _timed_word) for number, line in _entries(path)]


def _parse(path: Path, number: int, line: str, expected: str, parse: Callable[[str, int], Any]) -> Any:
    try:
        return parse(line, number)
    except (ValueError, IndexError):
        raise InputError(
            f"cannot read {line[:80]!r}", file=path, line=number, expected=expected, do="mend it"
        ) from None


def _segment(line: str, number: int) -> Segment:
    file, channel, speaker, start, end, *rest = words_of(line, 5)
    text = rest[0] if rest else ""
    labels: tuple[str, ...] = ()
    if text.startswith("<"):
        first, _, text = text.partition(" ")
        if not first.endswith(">"):
            raise ValueError("label")
        labels = tuple(first[1:-1].split(","))
    begin, stop = _time(start), _time(end)
    if begin > stop:
        raise ValueError("times")
    return Segment(file, channel, speaker, begin, stop, labels, text.strip(BLANKS), number)


def _timed_word(line: str, number: int) -> TimedWord:
    file, channel, start, duration, word, *rest = words_of(line)
    confidence = float(rest[0]) if rest and rest[0].upper() != "NA" else None
    return TimedWord(file, channel, _time(start), _time(duration), word, confidence, number)


def _time(word: str) -> float:
    value = float(word)
    if not 0 <= value < math.inf:
        raise ValueError("time")
    return value


def _entries(path: Path) -> Iterator[tuple[int, str]]:
    """Number from 1 and content of every line that is neither empty nor a comment."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if words_of(line) and not line.startswith(";;"):
            yield number, line
