"""ARPA language models and their transducer G (Kaldi's arpa2fst with --disambig-symbol=#0)."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.numbers import to_float
from houseblend.io.streams import AGAIN, open_stream
from houseblend.io.text import decode_line, words_of
from houseblend.lang.fst import NO_FINAL, Arc, Graph
from houseblend.lang.local_epsilons import remove_epsilons_locally

Ngram = tuple[int, ...]

MAX_PREFACE = 1000
"""Most lines before the \\data\\ section."""
MAX_BLANKS = 1000
"""Most empty lines in a row."""


class Entry(NamedTuple):
    """One n-gram of a file; log-probabilities are natural."""

    line: int
    words: list[str]
    log_prob: float
    back_off: float
    is_highest: bool


def arpa_graph(
    rxfilename: str | Path, words: dict[str, int], disambiguation: str = "#0", begin: str = "<s>", end: str = "</s>"
) -> Graph:
    """The acceptor of an n-gram model: a state for every history; back-off arcs read the disambiguation symbol.

    N-grams with other words, with a sentence start or end inside, or without an n-gram for their history are left
    out and counted, as Kaldi does.

    Args:
        rxfilename: the ARPA file, gzipped or not.
        words: numbers of the words.
        disambiguation: symbol of the back-off arcs.
        begin: the sentence start.
        end: the sentence end.

    Raises:
        InputError: with file and line, when the file is broken; or the model accepts no sentence.
    """
    for symbol in (disambiguation, begin, end):
        if symbol not in words:
            raise InputError(
                "the symbol is not in the table of words",
                file=rxfilename,
                key=symbol,
                do="use words.txt of a lang directory",
            )
    builder = _Builder(words[disambiguation], words[begin], words[end])
    left_out: Counter[str] = Counter()
    for entry in read_entries(rxfilename):
        ngram = tuple(words.get(word, -1) for word in entry.words)
        if {0, words[disambiguation]} & {*ngram}:
            raise InputError(
                "epsilon or the disambiguation symbol in an n-gram",
                file=rxfilename,
                line=entry.line,
                do="take it out of the texts",
            )
        if -1 in ngram:
            left_out["a word that is not in the table"] += 1
        elif begin in entry.words[1:] or end in entry.words[:-1]:
            left_out[f"{begin} or {end} inside"] += 1
        elif not builder.add(ngram, entry):
            left_out["a history that is no n-gram"] += 1
    for why, count in left_out.items():
        warn(f"{rxfilename}: left out {count} n-grams with {why}")
    if builder.graph.start < 0:
        raise InputError(f"no {begin} among the 1-grams", file=rxfilename, do="make it with sentence boundaries")
    graph = builder.finish()
    if not graph.arcs:
        what = f"the model accepts no sentence: no n-gram that can be reached ends in {end}"
        raise InputError(what, file=rxfilename, do="make it with sentence boundaries")
    return graph


class _Builder:
    """States by history; the empty history is the back-off state of all."""

    def __init__(self, disambiguation: int, begin: int, end: int) -> None:
        self.disambiguation, self.begin, self.end = disambiguation, begin, end
        self.graph = Graph(start=-1)
        self.states: dict[Ngram, int] = {(): self.graph.add_state()}

    def add(self, ngram: Ngram, entry: Entry) -> bool:
        """Add an n-gram; False if there is no state for its history."""
        source = self.states.get(ngram[:-1])
        if source is None:
            return False
        if ngram[-1] == self.end:
            self.graph.finals[source] = -entry.log_prob
            return True
        target = self._state(ngram[1:] if entry.is_highest else ngram, entry.back_off)
        if ngram[-1] == self.begin:
            self.graph.start = target
        else:
            self.graph.arcs[source].append(Arc(ngram[-1], ngram[-1], -entry.log_prob, target))
        return True

    def _state(self, history: Ngram, back_off: float) -> int:
        if history not in self.states:
            shorter = history[1:]
            while shorter not in self.states:
                shorter = shorter[1:]
            self.states[history] = self.graph.add_state()
            arc = Arc(self.disambiguation, 0, -back_off, self.states[shorter])
            self.graph.arcs[self.states[history]].append(arc)
        return self.states[history]

    def finish(self) -> Graph:
        """The graph without the states that only back off, its arcs sorted by input label."""
        for arcs, final in zip(self.graph.arcs, self.graph.finals, strict=True):
            if len(arcs) == 1 and final == NO_FINAL and arcs[0].ilabel == self.disambiguation:
                arcs[0] = arcs[0]._replace(ilabel=0)
        graph = remove_epsilons_locally(self.graph, min).connect()
        for arcs in graph.arcs:
            arcs.sort(key=lambda arc: arc.ilabel)
        return graph


def read_entries(rxfilename: str | Path) -> Iterator[Entry]:
    """The n-grams of an ARPA file in its order.

    Raises:
        InputError: with file and line, when the file is broken.
    """
    lines = _lines(rxfilename)
    counts, (number, text) = _read_header(rxfilename, lines)
    for order in range(1, max(counts) + 1):
        if text != f"\\{order}-grams:":
            raise InputError(
                f"found {text[:40]!r}", file=rxfilename, line=number, expected=f"\\{order}-grams:", do=AGAIN
            )
        found = 0
        for number, text in lines:
            if text.startswith("\\"):
                break
            yield _entry(rxfilename, number, text, order, order == max(counts))
            found += 1
        if found != counts.get(order, 0):
            expected = f"{counts.get(order, 0)}, as the header says"
            raise InputError(f"{found} {order}-grams", file=rxfilename, line=number, expected=expected, do=AGAIN)
    if text != "\\end\\":
        raise InputError(f"found {text[:40]!r}", file=rxfilename, line=number, expected="\\end\\", do="make it again")


def _read_header(
    rxfilename: str | Path, lines: Iterator[tuple[int, str]]
) -> tuple[dict[int, int], tuple[int, str]]:  # fmt: skip
    """Number of n-grams by order, and the line behind the header with its number."""
    counts: dict[int, int] = {}
    if any(text == "\\data\\" for _, text in islice(lines, MAX_PREFACE)):
        for number, text in lines:
            announced = re.fullmatch(r"ngram\s+([1-9]\d?)\s*=\s*(\d+)", text)
            if announced and int(announced[1]) not in counts:
                counts[int(announced[1])] = int(announced[2])
            elif counts and text.startswith("\\"):
                return counts, (number, text)
            else:
                raise InputError(
                    f"cannot read {text[:60]!r}", file=rxfilename, line=number, expected="ngram N=COUNT", do=AGAIN
                )
    raise InputError("no \\data\\ section with n-grams behind it", file=rxfilename, expected="an ARPA model", do=AGAIN)


def _entry(rxfilename: str | Path, number: int, text: str, order: int, is_highest: bool) -> Entry:
    fields = words_of(text)
    try:
        if len(fields) != order + 1 and (is_highest or len(fields) != order + 2):
            raise ValueError
        numbers = fields[0], fields[-1] if len(fields) == order + 2 else "0"
        log_prob, back_off = (float(np.float32(to_float(number))) * math.log(10) for number in numbers)
        if not log_prob < math.inf or not back_off < math.inf:
            raise ValueError
    except ValueError:
        expected = f"LOG10_PROBABILITY {'WORD ' * order}" + ("" if is_highest else "[LOG10_BACK_OFF]")
        raise InputError(
            f"cannot read {text[:60]!r}", file=rxfilename, line=number, expected=expected, do=AGAIN
        ) from None
    return Entry(number, fields[1 : order + 1], log_prob, back_off, is_highest)


def _lines(rxfilename: str | Path) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that are not empty."""
    with open_stream(rxfilename) as stream:
        number = last = 0
        while (line := stream.readline()) and number - last <= MAX_BLANKS:
            number += 1
            text = decode_line(line, rxfilename, number).strip(" \t\r\n")
            if text:
                last = number
                yield number, text
