"""N-gram models as ARPA files."""

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.streams import open_sink
from houseblend.lang.arpa import Entry, read_entries
from houseblend.lang.ngram_model import NEVER, NgramModel
from houseblend.lang.ngrams import NgramSet
from houseblend.lang.sentences import BEGIN, END

CLOSE_TO_ONE = 0.01
"""By how much the probabilities behind a history may differ from one in sum."""
_BLOCK = 100_000


def write_arpa(wxfilename: str | Path, model: NgramModel) -> None:
    """Write an ARPA file, gzipped if it is a file whose name ends in .gz; it appears whole or not at all."""
    name = str(wxfilename).strip()
    with open_sink(wxfilename) as file:
        if name.endswith(".gz") and not name.startswith("|"):
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=4) as packed:
                _write(packed, model)
        else:
            _write(file, model)


def _write(file: IO[bytes] | gzip.GzipFile, model: NgramModel) -> None:
    head = [f"ngram {order}={size}\n" for order, size in enumerate(model.sizes, start=1)]
    file.write("".join(["\\data\\\n", *head]).encode())
    texts = model.names
    for order in range(1, model.order + 1):
        if order > 1:
            before, last = model.ngrams.prefix[order - 1].tolist(), model.ngrams.word[order - 1].tolist()
            texts = [f"{texts[p]} {model.names[w]}" for p, w in zip(before, last, strict=True)]
        file.write(f"\n\\{order}-grams:\n".encode())
        for block in _lines(model, order, texts):
            file.write(block.encode())
    file.write(b"\n\\end\\\n")


def _lines(model: NgramModel, order: int, texts: list[str]) -> Iterator[str]:
    for first in range(0, len(texts), _BLOCK):
        here = slice(first, first + _BLOCK)
        log_prob, back_off = (
            (values[order - 1][here] / math.log(10)).tolist() for values in (model.log_prob, model.back_off)
        )
        yield "".join(
            f"{p:.7g}\t{text}\t{b:.7g}\n" if b else f"{p:.7g}\t{text}\n"
            for p, text, b in zip(log_prob, texts[here], back_off, strict=True)
        )


def read_arpa(rxfilename: str | Path, max_unigram_sum: float | None = None) -> NgramModel:
    """Read an ARPA file and check that it is a probability distribution.

    Args:
        rxfilename: the file, gzipped or not.
        max_unigram_sum: what the 1-grams may sum to, as people add words without rescaling the others; all sums may then
            be less than one, too. Both is told. N-grams that come twice or lack their history are left out.

    Raises:
        InputError: with the line, where the file is broken, an n-gram comes twice or its history is no n-gram, or the
            probabilities behind a history do not sum to one.
    """
    reader = _Reader(rxfilename)
    for entry in read_entries(rxfilename):
        try:
            reader.add(entry)
        except InputError:
            if max_unigram_sum is None:
                raise
    model = reader.model()
    for order, what, line, total in reader.faults(model):
        refused = max_unigram_sum is None or not total <= (max_unigram_sum if order == 1 else 1.0)
        advice = _advice(order, total, refused and max_unigram_sum is not None)
        fault = InputError(what, file=rxfilename, line=line, expected="1", do=advice)
        if refused:
            raise fault
        warn(str(fault))
    return model


def _advice(order: int, total: float, allowing: bool) -> str:
    """What to do about probabilities that do not sum to one; `allowing`: the program can be told to take them."""
    if order > 1:
        return "look for a back-off weight that is wrong or missing, or make the model again"
    if total < 1.0:
        return "look for words that are missing, or make the model again"
    allow = (
        f", or allow it by --max-unigram-sum={math.ceil(100 * total) / 100:g}" if allowing and total < math.inf else ""
    )
    return f"if words were added, scale the probabilities of the others down, or make the model again{allow}"


class _Reader:
    """Columns of an ARPA file by order, in its order of lines."""

    def __init__(self, rxfilename: str | Path) -> None:
        self.file = rxfilename
        self.names: dict[str, int] = {BEGIN: 0, END: 1}
        self.known: list[dict[tuple[int, int], int]] = []
        self.columns: list[tuple[list[int], list[float], list[float]]] = []  # line, log_prob, back_off

    def add(self, entry: Entry) -> None:
        order = len(entry.words)
        while order > len(self.known):
            self.known.append({})
            self.columns.append(([], [], []))
        if order == 1:
            self.names.setdefault(entry.words[0], len(self.names))
        key = (self._history(entry), self._word(entry))
        if self.known[-1].setdefault(key, len(self.known[-1])) != len(self.columns[-1][0]):
            raise self._fail(entry, "the n-gram comes twice")
        lines, log_probs, back_offs = self.columns[-1]
        lines.append(entry.line)
        is_begin = order == 1 and entry.words[0] == BEGIN
        log_probs.append(NEVER if is_begin and entry.log_prob == 0 else entry.log_prob)  # KenLM writes 0 there
        back_offs.append(entry.back_off)

    def _word(self, entry: Entry) -> int:
        number = self.names.get(entry.words[-1])
        if number is None:
            raise self._fail(entry, f"the word {entry.words[-1]} is no 1-gram")
        return number

    def _history(self, entry: Entry) -> int:
        number = 0
        for order, word in enumerate(entry.words[:-1]):
            number = self.known[order].get((number, self.names.get(word, -1)), -1)
        if number < 0:
            raise self._fail(entry, f"its history, {' '.join(entry.words[:-1])}, is no n-gram")
        return number

    def _fail(self, entry: Entry, what: str) -> InputError:
        return InputError(what, file=self.file, key=" ".join(entry.words), line=entry.line, do="make the model again")

    def model(self) -> NgramModel:
        """The columns sorted as `NgramSet` has them."""
        for name in (BEGIN, END):
            if (0, self.names[name]) not in self.known[0]:
                raise InputError(f"no {name} among the 1-grams", file=self.file, do="make it with sentence boundaries")
        prefix, word, log_prob, back_off = [], [], [], []
        self.lines: list[np.ndarray] = []
        rank = np.zeros(1, np.int64)
        for known, (lines, log_probs, back_offs) in zip(self.known, self.columns, strict=True):
            keys = np.array(list(known), np.int64).reshape(-1, 2)
            keys[:, 0] = rank[keys[:, 0]]
            order = np.lexsort((keys[:, 1], keys[:, 0]))
            prefix.append(keys[order, 0])
            word.append(keys[order, 1])
            log_prob.append(np.array(log_probs)[order])
            back_off.append(np.array(back_offs)[order])
            self.lines.append(np.array(lines)[order])
            rank = np.empty(len(order), np.int64)
            rank[order] = np.arange(len(order))
        return NgramModel(list(self.names), NgramSet(len(self.names), prefix, word), log_prob, back_off)

    def faults(self, model: NgramModel) -> list[tuple[int, str, int, float]]:
        """Of every order the largest sum of probabilities that is not one: the order, what it is, its line, the sum."""
        with np.errstate(over="ignore", invalid="ignore"):  # a probability too large for a number is one of these
            return list(self._faults(model))

    def _faults(self, model: NgramModel) -> Iterator[tuple[int, str, int, float]]:
        total = np.exp(model.log_prob[0]).sum()
        if abs(total - 1.0) > CLOSE_TO_ONE:
            yield 1, f"the probabilities of the 1-grams sum to {total:.4f}", int(self.lines[0][0]), total
        for order in range(1, model.order):
            mine, lower = model.left_over(order)
            total = 1.0 - mine + np.exp(model.back_off[order - 1]) * lower
            has_longer = np.zeros(len(total), bool)
            has_longer[model.ngrams.prefix[order]] = True
            wrong = has_longer & ~(np.abs(total - 1.0) <= CLOSE_TO_ONE)
            if wrong.any():
                most = int(np.where(wrong, np.nan_to_num(total, nan=np.inf), -np.inf).argmax())
                history = " ".join(model.names[word] for word in model.ngrams.words(order)[most])
                what = f"the probabilities behind '{history}' sum to {total[most]:.4f}"
                yield order + 1, what, int(self.lines[order - 1][most]), total[most]
