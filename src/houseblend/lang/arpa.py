"""ARPA language models and their transducer G (Kaldi's arpa2fst with --disambig-symbol=#0)."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.lang.fst import Arc, Graph

Ngram = tuple[int, ...]


def arpa_graph(
    path: Path, words: dict[str, int], disambiguation: str = "#0", begin: str = "<s>", end: str = "</s>"
) -> Graph:
    """The acceptor of an n-gram model: a state for every history, back-off arcs with the disambiguation symbol as input.

    Args:
        path: the ARPA file.
        words: numbers of the words; n-grams with other words are left out and counted.
        disambiguation: symbol of the back-off arcs.
        begin: the sentence start.
        end: the sentence end.

    Raises:
        InputError: with file and line, when the file is broken.
    """
    for symbol in (disambiguation, begin, end):
        if symbol not in words:
            raise InputError(
                "the symbol is not in the table of words", file=path, key=symbol, do="use words.txt of a lang directory"
            )
    builder = _Builder(words[disambiguation], words[begin], words[end])
    skipped = 0
    for line, order, log_prob, ngram, back_off, highest in _read(path):
        numbers = tuple(words.get(word, -1) for word in ngram)
        if -1 in numbers:
            skipped += 1
            continue
        if (numbers[-1] == words[begin] and order > 1) or words[end] in numbers[:-1]:
            raise InputError(f"{begin} inside or {end} before the end of an n-gram", file=path, line=line)
        try:
            builder.add(numbers, log_prob, back_off, order == highest)
        except KeyError:
            raise InputError(
                f"the history of {' '.join(ngram)!r} has no n-gram of its own", file=path, line=line
            ) from None
    if skipped:
        warn(f"{path}: left out {skipped} n-grams with words that are not in the table")
    graph = builder.finish()
    if not any(graph.arcs) or graph.start < 0:
        raise InputError("no n-gram of words in the table", file=path, do="use words.txt of the same vocabulary")
    return graph


class _Builder:
    """States by history; the empty history is the back-off state of all."""

    def __init__(self, disambiguation: int, begin: int, end: int) -> None:
        self.disambiguation, self.begin, self.end = disambiguation, begin, end
        self.graph = Graph()
        self.states: dict[Ngram, int] = {(): self.graph.add_state()}
        self.graph.start = -1

    def add(self, ngram: Ngram, log_prob: float, back_off: float, highest: bool) -> None:
        history, word = ngram[:-1], ngram[-1]
        source = self.states[history]
        if word == self.end:
            self.graph.finals[source] = -log_prob
            return
        target = self._state(ngram, back_off) if not highest else self.states[self._known(ngram[1:])]
        if word == self.begin:
            self.graph.start = target
        else:
            self.graph.arcs[source].append(Arc(word, word, -log_prob, target))

    def _state(self, ngram: Ngram, back_off: float) -> int:
        if ngram not in self.states:
            self.states[ngram] = self.graph.add_state()
            lower = self.states[self._known(ngram[1:])]
            self.graph.arcs[self.states[ngram]].append(Arc(self.disambiguation, 0, -back_off, lower))
        return self.states[ngram]

    def _known(self, history: Ngram) -> Ngram:
        while history not in self.states:
            history = history[1:]
        return history

    def finish(self) -> Graph:
        """Drop states that only back off without cost, as nothing distinguishes them from where they lead."""
        graph = self.graph
        if graph.start < 0:
            graph.start = self.states[()]
        leads = {}
        for state, arcs in enumerate(graph.arcs):
            alone = len(arcs) == 1 and math.isinf(graph.finals[state]) and arcs[0].ilabel == self.disambiguation
            if alone:
                leads[state] = arcs[0]
        for arcs in graph.arcs:
            for index, arc in enumerate(arcs):
                while arc.nextstate in leads and arc.ilabel != self.disambiguation:
                    following = leads[arc.nextstate]
                    arc = arc._replace(weight=arc.weight + following.weight, nextstate=following.nextstate)
                arcs[index] = arc
        while graph.start in leads and leads[graph.start].weight == 0:
            graph.start = leads[graph.start].nextstate
        for arcs in graph.arcs:
            arcs.sort(key=lambda arc: arc.ilabel)
        return graph.connect()


def _read(path: Path) -> Iterator[tuple[int, int, float, list[str], float, int]]:
    """Line, order, natural log-probability, words, natural log back-off, and highest order of every n-gram."""
    counts: dict[int, int] = {}
    order = found = 0
    ended = False
    for number, text in _lines(path):
        if text.startswith("\\"):
            if order and found != counts[order]:
                raise InputError(
                    f"{found} {order}-grams", file=path, line=number, expected=f"{counts[order]}, as the header says"
                )
            section = re.fullmatch(r"\\(\d+)-grams:", text)
            if section:
                order, found = int(section[1]), 0
                if order not in counts:
                    raise InputError(f"{order}-grams are not in the header", file=path, line=number)
            elif text == "\\end\\":
                ended = True
                break
            elif text != "\\data\\":
                raise InputError(f"unknown section {text[:40]!r}", file=path, line=number)
            continue
        announced = re.fullmatch(r"ngram (\d+)\s*=\s*(\d+)", text)
        if announced and not order:
            counts[int(announced[1])] = int(announced[2])
            continue
        if not order:
            continue
        words = text.split()
        try:
            log_prob = float(words[0]) * math.log(10)
            back_off = float(words[order + 1]) * math.log(10) if len(words) == order + 2 else 0.0
            if len(words) not in (order + 1, order + 2) or math.isnan(log_prob) or math.isnan(back_off):
                raise ValueError
        except (ValueError, IndexError):
            raise InputError(
                f"cannot read {text[:60]!r}", file=path, line=number, expected=f"LOGPROB {order} words [BACKOFF]"
            ) from None
        found += 1
        yield number, order, log_prob, words[1 : order + 1], back_off, max(counts)
    if not ended:
        raise InputError("the file ends without \\end\\", file=path, do="make it again")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.strip()
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except UnicodeDecodeError:
        raise InputError("not UTF-8", file=path, do="convert it with iconv") from None
