"""Sets of n-grams as sorted arrays of integers, and their counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from houseblend.lang.sentences import Sentences


@dataclass(frozen=True)
class NgramSet:
    """N-grams of orders 1 to n, with each also all that it begins with.

    An n-gram is the number of the one shorter n-gram that it begins with, and its last word; so one 64-bit integer
    (`prefix` x `num_words` + `word`) holds it whatever its order, and each order is sorted by it.

    Args:
        num_words: words are numbered from 0; the 1-grams are all of them.
        prefix: by order, numbers of the n-grams of the order below, shape [N].
        word: by order, last words, shape [N].
    """

    num_words: int
    prefix: Sequence[np.ndarray]
    word: Sequence[np.ndarray]

    @property
    def order(self) -> int:
        """Words of the longest."""
        return len(self.word)

    def words(self, order: int) -> np.ndarray:
        """The n-grams of an order, shape [N, order]."""
        last = self.word[order - 1][:, None]
        return last if order == 1 else np.hstack([self.words(order - 1)[self.prefix[order - 1]], last])

    def find(self, words_NK: np.ndarray) -> np.ndarray:
        """Numbers of n-grams among those of order K; -1 where it is none. Shape [N]."""
        number = words_NK[:, 0].astype(np.int64)
        for order in range(2, words_NK.shape[1] + 1):
            number = self.extend(order, number, words_NK[:, order - 1])
        return number

    def extend(self, order: int, prefix: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Numbers of the n-grams of `order` that are these (-1: none) and one more word; -1 where it is none."""
        keys = self._keys(order)
        wanted = prefix.astype(np.int64) * self.num_words + word
        if not len(keys):
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((keys[place] == wanted) & (prefix >= 0) & (word >= 0), place, -1)

    def only(self, kept: Sequence[np.ndarray]) -> "NgramSet":
        """Without the n-grams whose mask is False; what longer ones begin with must be kept. The 1-grams all stay."""
        prefix, word = [self.prefix[0]], [self.word[0]]
        number = np.arange(self.num_words)
        for order in range(2, self.order + 1):
            mask = kept[order - 1]
            prefix.append(number[self.prefix[order - 1][mask]])
            word.append(self.word[order - 1][mask])
            number = np.cumsum(mask) - 1
        return NgramSet(self.num_words, prefix, word)

    def _keys(self, order: int) -> np.ndarray:
        return self.prefix[order - 1].astype(np.int64) * self.num_words + self.word[order - 1]


def count_ngrams(sentences: Sentences, num_words: int, order: int) -> tuple[NgramSet, list[np.ndarray]]:
    """All n-grams up to an order, and how often each occurs; n-grams with a word of number -1 are left out.

    Args:
        sentences: the text.
        num_words: size of the vocabulary.
        order: the largest n.

    Returns:
        The n-grams, and their counts by order, each of shape [N].
    """
    prefix, word = [np.zeros(num_words, np.int32)], [np.arange(num_words, dtype=np.int32)]
    counts = [np.bincount(sentences.words[sentences.words >= 0], minlength=num_words)]
    number = sentences.words.astype(np.int64)
    for n in range(2, order + 1):
        before = np.roll(number, 1)
        there = np.flatnonzero((sentences.position >= n - 1) & (before >= 0) & (sentences.words >= 0))
        keys = before[there] * num_words + sentences.words[there]
        found, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
        prefix.append((found // num_words).astype(np.int32))
        word.append((found % num_words).astype(np.int32))
        counts.append(count)
        number = np.full(len(sentences.words), -1)
        number[there] = inverse
    return NgramSet(num_words, prefix, word), counts


def union(first: NgramSet, second: NgramSet) -> NgramSet:
    """The n-grams of either; both have the same words and orders."""
    prefix, word = [first.prefix[0]], [first.word[0]]
    numbers = [np.arange(first.num_words)] * 2
    for n in range(1, first.order):
        keys = [
            number[ngrams.prefix[n]].astype(np.int64) * first.num_words + ngrams.word[n]
            for ngrams, number in zip((first, second), numbers, strict=True)
        ]
        found = np.union1d(*keys)
        numbers = [np.searchsorted(found, key) for key in keys]
        prefix.append((found // first.num_words).astype(np.int32))
        word.append((found % first.num_words).astype(np.int32))
    return NgramSet(first.num_words, prefix, word)
