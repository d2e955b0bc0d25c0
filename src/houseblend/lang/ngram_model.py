"""N-gram language models with back-off: probabilities of words, normalisation, mixtures, perplexity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from houseblend.lang.ngrams import NgramSet, union
from houseblend.lang.options import UNKNOWN
from houseblend.lang.sentences import Sentences

NEVER = -99 * math.log(10)
"""Log-probability of the sentence start, which is only a history."""
EM_ROUNDS, EM_CLOSE = 500, 1e-7
_TINY = 1e-12


@dataclass(frozen=True)
class NgramModel:
    """A back-off model; logarithms are natural.

    Args:
        names: words by number; 0 is the sentence start, 1 the sentence end.
        ngrams: what it knows.
        log_prob: by order, of the last word behind the words before it, shape [N].
        back_off: by order, added where a word behind this history is no n-gram, shape [N]; of the highest, zeros.
    """

    names: list[str]
    ngrams: NgramSet
    log_prob: Sequence[np.ndarray]
    back_off: Sequence[np.ndarray]

    @property
    def order(self) -> int:
        """Words of the longest n-gram."""
        return self.ngrams.order

    @property
    def sizes(self) -> list[int]:
        """Number of n-grams by order."""
        return [len(word) for word in self.ngrams.word]

    def log_probs(self, words_NK: np.ndarray) -> np.ndarray:
        """Log-probabilities of last words behind those before, K at most the order; -1 is a word that is not known.

        Returns:
            Shape [N]; NaN where the last word is not known.
        """
        last, length = words_NK[:, -1], words_NK.shape[1]
        result = np.where(last >= 0, self.log_prob[0][last], np.nan)
        for n in range(2, length + 1):
            history = self.ngrams.find(words_NK[:, length - n : -1])
            number = self.ngrams.extend(n, history, last)
            back_off = np.where(history >= 0, self.back_off[n - 2][history], 0.0) if len(self.back_off[n - 2]) else 0.0
            longer = self.log_prob[n - 1][number] if len(self.log_prob[n - 1]) else 0.0
            result = np.where(number >= 0, longer, result + back_off)
        return result

    def lower(self, order: int) -> np.ndarray:
        """Log-probabilities of the n-grams of an order when their first word is not looked at, shape [N]."""
        return self.log_probs(self.ngrams.words(order)[:, 1:])

    def left_over(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """What the n-grams of `order` + 1 leave to other words, by history: of the whole, and of the lower order's.

        Returns:
            Two arrays of shape [N], one number an n-gram of `order`.
        """
        prefix, size = self.ngrams.prefix[order], len(self.ngrams.word[order - 1])
        behind = np.exp(self.log_prob[order]), np.exp(self.lower(order + 1))
        mine, lower = (1.0 - np.bincount(prefix, weights=p, minlength=size) for p in behind)
        return mine, lower

    def normalised(self) -> "NgramModel":
        """The model with the back-off weights that make the probabilities behind every history sum to one."""
        back_off = [np.zeros(size) for size in self.sizes]
        model = NgramModel(self.names, self.ngrams, self.log_prob, back_off)
        for order in range(1, self.order):
            mine, lower = model.left_over(order)
            back_off[order - 1] = log_ratio(mine, lower)
        return model

    def only(self, kept: Sequence[np.ndarray]) -> "NgramModel":
        """Without the n-grams whose mask is False, as `NgramSet.only`; back-off weights stay as they are."""
        masks = [np.ones(self.sizes[0], bool), *kept[1:]]
        log_prob, back_off = (
            [values[mask] for values, mask in zip(columns, masks, strict=True)]
            for columns in (self.log_prob, self.back_off)
        )
        return NgramModel(self.names, self.ngrams.only(masks), log_prob, back_off)


def log_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Logarithms of back-off weights, shape [N]; zero where every word is an n-gram, so that nothing is left over."""
    some = (numerator > _TINY) & (denominator > _TINY)
    return np.log(np.where(some, numerator, 1.0) / np.where(some, denominator, 1.0))


@dataclass(frozen=True)
class Perplexity:
    """What a model makes of a text.

    Args:
        log_prob: of all words known and all sentence ends, natural.
        num_words: words that are known.
        num_sentences: sentences.
        num_unknown: words that are not known; they count nowhere else.
    """

    log_prob: float
    num_words: int
    num_sentences: int
    num_unknown: int

    @property
    def value(self) -> float:
        """The perplexity: inverse of the mean probability."""
        return math.exp(-self.log_prob / (self.num_words + self.num_sentences))

    def __str__(self) -> str:
        return (
            f"perplexity {self.value:.2f} of {self.num_words} words and {self.num_sentences} sentences, "
            f"{self.num_unknown} words unknown"
        )


def perplexity(model: NgramModel, sentences: Sentences, unknown: str = UNKNOWN) -> Perplexity:
    """Perplexity of a text whose words have the model's numbers; the word `unknown` counts as not known."""
    windows = sentences.windows(model.order)
    log_probs = model.log_probs(windows)[_is_known(model, windows, unknown)]
    num_sentences = sentences.num_sentences
    num_unknown = len(windows) - len(log_probs)
    return Perplexity(float(log_probs.sum()), len(log_probs) - num_sentences, num_sentences, num_unknown)


def mixture_weight(first: NgramModel, second: NgramModel, held_out: Sentences, unknown: str = UNKNOWN) -> float:
    """The weight of the first model that makes a held-out text most probable, by expectation maximisation."""
    windows = held_out.windows(max(first.order, second.order))
    windows = windows[_is_known(first, windows, unknown)]
    p, q = (np.exp(model.log_probs(windows)) for model in (first, second))
    weight = 0.5
    for _ in range(EM_ROUNDS):
        before, weight = weight, float((weight * p / (weight * p + (1 - weight) * q)).mean())
        if abs(weight - before) < EM_CLOSE:
            break
    return weight


def mix(first: NgramModel, second: NgramModel, weight: float) -> NgramModel:
    """One back-off model with the n-grams of both; their probabilities are the weighted mean of the two models'.

    Args:
        first: a model.
        second: another one with the same words and orders.
        weight: of the first.
    """
    ngrams = union(first.ngrams, second.ngrams)
    log_prob = []
    for order in range(1, ngrams.order + 1):
        words = ngrams.words(order)
        p, q = (np.exp(model.log_probs(words)) for model in (first, second))
        log_prob.append(np.log(np.maximum(weight * p + (1 - weight) * q, np.exp(NEVER))))
    return NgramModel(first.names, ngrams, log_prob, [np.zeros(len(values)) for values in log_prob]).normalised()


def _is_known(model: NgramModel, windows: np.ndarray, unknown: str) -> np.ndarray:
    number = model.names.index(unknown) if unknown in model.names else -1
    return (windows[:, -1] >= 0) & (windows[:, -1] != number)
