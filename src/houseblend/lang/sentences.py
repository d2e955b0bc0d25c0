"""Text for language models, a sentence a line, as numbers of words."""

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.streams import open_stream
from houseblend.io.text import decode_line, spoken_words, words_of
from houseblend.lang.options import UNKNOWN

BEGIN, END = "<s>", "</s>"
NO_WORDS = {"<eps>", "#0", BEGIN, END}
"""Symbols of a lang directory's words.txt that are no words of a text."""


@dataclass
class Vocabulary:
    """Words and their numbers; 0 is the sentence start, 1 the sentence end.

    Args:
        unknown: the word that stands for words outside.
        is_open: new words are added instead of being counted as unknown.
    """

    unknown: str = UNKNOWN
    is_open: bool = True
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, rxfilename: str | Path, unknown: str = UNKNOWN) -> "Vocabulary":
        """The first column of a file: a list of words, a lexicon, or the words.txt of a lang directory.

        Raises:
            InputError: no words, or not UTF-8.
        """
        vocabulary = cls(unknown)
        with open_stream(rxfilename) as stream:
            number = 0
            while line := stream.readline():
                number += 1
                for word in words_of(decode_line(line, rxfilename, number))[:1]:
                    if word not in NO_WORDS:
                        vocabulary.add(word)
        if not vocabulary.numbers:
            raise InputError("no words", file=rxfilename, expected="a word a line", do="name a list of words")
        vocabulary.is_open = False
        return vocabulary

    @property
    def names(self) -> list[str]:
        """The words by number."""
        return [BEGIN, END, *self.numbers]

    def add(self, word: str) -> int:
        """The number of a word, new or not."""
        return self.numbers.setdefault(word, len(self.numbers) + 2)


@dataclass(frozen=True)
class Sentences:
    """A text: every sentence is 0 (start), its words, 1 (end).

    Args:
        words: numbers, shape [T], int32; -1 for a word that the vocabulary lacks.
        position: in the sentence, shape [T], int32; the start has 0.
        unknown: how often each word outside the vocabulary occurs.
    """

    words: np.ndarray
    position: np.ndarray
    unknown: Counter[str]

    @property
    def num_sentences(self) -> int:
        """Number of sentences."""
        return int((self.position == 0).sum())

    def windows(self, order: int) -> np.ndarray:
        """Every word and the end of every sentence with the `order` - 1 words before, -1 before the sentence; [N, order]."""
        size, predicted = len(self.words), np.flatnonzero(self.position)
        windows_NO = np.full((len(predicted), order), -1, np.int32)
        for back in range(min(order, size)):
            inside = self.position[predicted] >= back
            windows_NO[inside, order - 1 - back] = self.words[predicted[inside] - back]
        return windows_NO


def read_sentences(rxfilename: str | Path, vocabulary: Vocabulary) -> Sentences:
    """Read a text. Empty lines are no sentences. Words that the vocabulary lacks are counted; they become its
    unknown word if it has that.

    Args:
        rxfilename: the text, gzipped or not, a file or a pipe.
        vocabulary: grows if it is open.

    Raises:
        InputError: no sentence in it, no text, a sentence start or end among the words, or utterance ids before them.
    """
    words, lengths, unknown, ids = array("i"), array("i"), Counter[str](), _Ids()
    known = vocabulary.numbers
    with open_stream(rxfilename) as stream:
        number = 0
        while line := stream.readline():
            number += 1
            names = _words(line, rxfilename, number)
            if not names:
                continue
            try:
                sentence = [known[name] for name in names]
            except KeyError:
                _refuse_boundaries(names, rxfilename, number)
                sentence = [_number(name, vocabulary, unknown) for name in names]
            ids.see(names[0])
            words.append(0)
            words.extend(sentence)
            words.append(1)
            lengths.append(len(sentence) + 2)
    if not lengths:
        raise InputError("no sentences", file=rxfilename, expected="a sentence a line", do="name a text with words")
    counts = np.array(lengths, np.int64)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    position = (np.arange(len(words)) - starts).astype(np.int32)
    sentences = Sentences(np.array(words, np.int32), position, unknown)
    if ids.found and ids.occur_once(sentences, known):
        raise InputError(
            "the lines begin with utterance ids: sorted, each once, none elsewhere", file=rxfilename, key=ids.found[0],
            expected="a sentence a line", do="take the ids off: cut -d ' ' -f 2- (if they are words, sort the lines otherwise)",
        )  # fmt: skip
    return sentences


_ID = re.compile(r"[\d_-]")


class _Ids:
    """First words of lines, as long as they may be the ids of a data directory's text: sorted, with digits or hyphens."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._open = True

    def see(self, word: str) -> None:
        """Take the first word of the next line."""
        if self._open and _ID.search(word) and (not self.found or self.found[-1] < word):
            self.found.append(word)
        elif self._open:
            self.found, self._open = [], False

    def occur_once(self, sentences: Sentences, numbers: dict[str, int]) -> bool:
        """Whether there are several, all at the beginning of their line only, with words behind them."""
        counts = np.bincount(np.maximum(sentences.words, 0), minlength=len(numbers) + 2)
        once = all(
            sentences.unknown[name] == 1 if name in sentences.unknown else counts[numbers[name]] == 1
            for name in self.found
        )
        return len(self.found) > 1 and once and len(sentences.words) > 3 * len(self.found)


def _number(name: str, vocabulary: Vocabulary, unknown: Counter[str]) -> int:
    if vocabulary.is_open:
        return vocabulary.add(name)
    if name not in vocabulary.numbers:
        unknown[name] += 1
        name = vocabulary.unknown
    return vocabulary.numbers.get(name, -1)


def _refuse_boundaries(names: list[str], rxfilename: str | Path, line: int) -> None:
    for name in (BEGIN, END):
        if name in names:
            raise InputError(
                f"{name} in a sentence", file=rxfilename, line=line, expected="words only, a sentence a line",
                do="take it out; sentences begin and end with their lines",
            )  # fmt: skip


def _words(line: bytes, rxfilename: str | Path, number: int) -> list[str]:
    try:
        return spoken_words(decode_line(line, rxfilename, number))
    except ValueError as failure:
        raise InputError(str(failure), file=rxfilename, line=number, do="take it out, or write a blank") from None
