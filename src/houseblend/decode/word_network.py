"""Alignment of word sequences with alternatives and optional words, as NIST's sclite makes it.

A transcript is a network of words: `{ a b / c / @ }` is a b, or c, or nothing; `(a)` may be left out. Two networks are
aligned where an insertion or a deletion costs 3, a substitution 4, an optional word left out 2, `@` left out 0.001. Of equal
costs sclite takes a substitution before an insertion before a deletion, and the alternative that stands first.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.text import words_of

LEFT_OUT, SUBSTITUTED, OPTIONAL_LEFT_OUT, BOTH_NOTHING = 3.0, 4.0, 2.0, 1.0
NOTHING_LEFT_OUT = float(np.float32(0.001))


@dataclass(frozen=True)
class Word:
    """A word as it is compared (`text`) and as it is shown; whether it is optional or nothing at all."""

    text: str
    shown: str
    optional: bool
    nothing: bool

    @property
    def cost(self) -> float:
        """What leaving it out costs."""
        if self.nothing:
            return NOTHING_LEFT_OUT
        return OPTIONAL_LEFT_OUT if self.optional else LEFT_OUT

    def against(self, other: "Word") -> float:
        """What taking it for another costs."""
        if self.nothing and other.nothing:
            return BOTH_NOTHING
        return 0.0 if same(self.text, other.text) else SUBSTITUTED


def word(shown: str) -> Word:
    """A word of a transcript: `a`, `(a)` or `@`."""
    shown = shown.lower()
    optional = shown.startswith("(") and shown.endswith(")")
    return Word(shown[1:-1] if optional else shown, shown, optional, shown == "@")


def same(first: str, second: str) -> bool:
    """Whether two words are equal; a fragment (`th-`, `-ing`) equals every word that begins or ends so."""
    for one, other in ((first, second), (second, first)):
        if len(one) > 1 and one.startswith("-"):
            return other.endswith(one[1:])
        if len(one) > 1 and one.endswith("-"):
            return other.startswith(one[:-1])
    return first == second


class Network:
    """Words, each with those that may stand before it; the first is no word but the beginning.

    Args:
        tokens: words and the signs `{`, `/`, `}`.

    Attributes:
        words: in an order in which all that may stand before a word have lower numbers; None for the beginning.
        before: for each the numbers of those before it, the first alternative first.
        last: numbers of those that may end the transcript.

    Raises:
        InputError: a brace without its partner.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.words: list[Word | None] = [None]
        self.before: list[list[int]] = [[]]
        stream = iter(tokens)
        self.last = self._sequence(stream, [0], depth=0)[0]
        if next(stream, None) is not None:
            raise InputError("} without {", expected="{ a / b }", do="mend the transcript or the rules")

    @property
    def has_nothing(self) -> bool:
        """Whether one of the words is `@`."""
        return any(word is not None and word.nothing for word in self.words)

    def _sequence(self, stream: Iterator[str], before: list[int], depth: int) -> tuple[list[int], str]:
        """Add words up to the end of an alternative; what may stand before the next word, and the sign that ended it."""
        for token in stream:
            if token == "{":
                before = self._alternatives(stream, before, depth + 1)
            elif depth and token in ("/", "}"):
                return before, token
            elif token == "}":
                raise InputError("} without {", expected="{ a / b }", do="mend the transcript or the rules")
            else:
                self.words.append(word(token))
                self.before.append(before)
                before = [len(self.words) - 1]
        if depth:
            raise InputError("{ without }", expected="{ a / b }", do="mend the transcript or the rules")
        return before, ""

    def _alternatives(self, stream: Iterator[str], before: list[int], depth: int) -> list[int]:
        ends: list[int] = []
        sign = "/"
        while sign == "/":
            end, sign = self._sequence(stream, before, depth)
            ends += [number for number in end if end is not before]
        return ends or before


def tokens(text: str) -> list[str]:
    """Words and signs of a transcript; a slash outside of braces is part of a word."""
    found: list[str] = []
    depth = 0
    for part in re.split(r"([{}])", text):
        found += words_of(part.replace("/", " / ") if depth > 0 else part)
        depth += (part == "{") - (part == "}")
    return found


class Pair(NamedTuple):
    """What stands beside each other: kind (C S D I), word of the reference and of the hypothesis, None for none.

    An optional word that is left out counts as correct.
    """

    kind: str
    reference: str | None
    hypothesis: str | None


def align(reference: Network, hypothesis: Network) -> list[Pair]:
    """The cheapest alignment of any way through one network with any through the other."""
    add = _add_single if reference.has_nothing or hypothesis.has_nothing else operator.add
    table = _Table(reference, hypothesis, add)
    row, column = _least(((i, j) for i in reference.last for j in hypothesis.last), table.cost)
    pairs = []
    while row or column:
        before = table.back[row][column]
        if before[0] == row:
            pairs.append(_inserted(hypothesis.words[column]))
        elif before[1] == column:
            pairs.append(_deleted(reference.words[row]))
        else:
            pairs.append(_both(reference.words[row], hypothesis.words[column]))
        row, column = before
    return [pair for pair in reversed(pairs) if pair is not None]


class _Table:
    """Least cost of aligning all up to each word with all up to each other, and the cell before it."""

    def __init__(self, reference: Network, hypothesis: Network, add: Callable[[float, float], float]) -> None:
        deletions = [one.cost if one else 0.0 for one in reference.words]
        insertions = [one.cost if one else 0.0 for one in hypothesis.words]
        rows, columns = range(len(deletions)), range(len(insertions))
        self.cost = [[0.0] * len(insertions) for _ in rows]
        self.back = [[(0, 0)] * len(insertions) for _ in rows]
        for i in rows:
            for j in columns:
                if i == 0 and j == 0:
                    continue
                self.cost[i][j], self.back[i][j] = min(
                    self._ways(reference, hypothesis, deletions, insertions, add, i, j), key=operator.itemgetter(0)
                )

    def _ways(
        self, reference: Network, hypothesis: Network, deletions: list[float], insertions: list[float],
        add: Callable[[float, float], float], i: int, j: int,
    ) -> Iterator[tuple[float, tuple[int, int]]]:  # fmt: skip
        """Costs of the ways into a cell, the preferred of equals first."""
        one, other = reference.words[i], hypothesis.words[j]
        if one and other:
            cell = _least(((a, b) for a in reference.before[i] for b in hypothesis.before[j]), self.cost)
            yield add(self.cost[cell[0]][cell[1]], one.against(other)), cell
        if other:
            cell = _least(((i, b) for b in hypothesis.before[j]), self.cost)
            yield add(self.cost[cell[0]][cell[1]], insertions[j]), cell
        if one:
            cell = _least(((a, j) for a in reference.before[i]), self.cost)
            yield add(self.cost[cell[0]][cell[1]], deletions[i]), cell


def _least(cells: Iterable[tuple[int, int]], cost: Sequence[Sequence[float]]) -> tuple[int, int]:
    return min(cells, key=lambda cell: cost[cell[0]][cell[1]])


def _add_single(first: float, second: float) -> float:
    """Rounded as sclite's float, so that costs are equal where its are."""
    return float(np.float32(first) + np.float32(second))


def _inserted(one: Word | None) -> Pair | None:
    if one is None or one.nothing:
        return None
    return Pair("C" if one.optional else "I", None, one.shown)


def _deleted(one: Word | None) -> Pair | None:
    if one is None or one.nothing:
        return None
    return Pair("C" if one.optional else "D", one.shown, None)


def _both(one: Word | None, other: Word | None) -> Pair | None:
    if one is None or other is None or (one.nothing and other.nothing):
        return None
    return Pair("C" if same(one.text, other.text) else "S", one.shown, other.shown)
