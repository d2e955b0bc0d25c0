"""Modified Kneser-Ney estimation (Chen and Goodman 1998, "An empirical study of smoothing techniques for language
modeling", TR-10-98, section 3), in its interpolated form, with cut-offs.

Behind a history h with its first word dropped as h', and c the adjusted counts (below),

    p(w | h) = (c(h w) - D(c(h w))) / c(h .) + g(h) p(w | h'),

where g(h) is what the discounts, and the n-grams that are cut off, leave over. Below the 1-grams lies the uniform
distribution. Of the highest order, and of n-grams that begin a sentence, the adjusted count is the count; of others it
is the number of different words before the n-gram.
"""

from collections.abc import Sequence

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.lang.ngram_model import NEVER, NgramModel
from houseblend.lang.ngrams import NgramSet, count_ngrams
from houseblend.lang.sentences import Sentences

FALLBACK = np.array([0.0, 0.5, 1.0, 1.5])
"""Discounts where too few n-grams occur once to four times to estimate them."""


def estimate(sentences: Sentences, names: list[str], order: int, min_counts: Sequence[int]) -> NgramModel:
    """A model of a text.

    Args:
        sentences: the text.
        names: words by number; those that the text lacks get a share of the uniform distribution.
        order: the largest n.
        min_counts: by order, the count that an n-gram must have to be kept; they must not fall. That of the
            1-grams has no effect.

    Raises:
        InputError: no word of the text is in the vocabulary.
    """
    ngrams, counts = count_ngrams(sentences, len(names), order)
    if counts[0][2:].sum() == 0:
        raise InputError("no word of the text is in the vocabulary", do="check text and vocabulary")
    log_prob, back_off = [], []
    lower = np.full(len(names), 1.0 / (len(names) - 1))
    for n in range(1, order + 1):
        adjusted = _adjusted_counts(ngrams, counts, n)
        kept = counts[n - 1] >= min_counts[n - 1] if n > 1 else np.ones(len(names), bool)
        discounted = np.where(kept, adjusted - discounts(adjusted, n)[np.minimum(adjusted, 3)], 0.0)
        history = ngrams.prefix[n - 1]
        size = len(ngrams.word[n - 2]) if n > 1 else 1
        total, remains = (np.bincount(history, weights=c, minlength=size) for c in (adjusted, discounted))
        share = np.divide(1.0, total, out=np.zeros(size), where=total > 0)
        gamma = np.where(total > 0, 1.0 - remains * share, 1.0)
        if n > 1:
            lower = lower[ngrams.find(ngrams.words(n)[:, 1:])]
            back_off.append(np.log(np.maximum(gamma, 1e-12)))
        lower = discounted * share[history] + gamma[history] * lower
        if n == 1:
            lower[0] = 0.0  # the sentence start is never predicted
        log_prob.append(np.log(np.maximum(lower, np.exp(NEVER))))
    back_off.append(np.zeros(len(lower)))
    return NgramModel(names, ngrams, log_prob, back_off).only(
        [count >= least for count, least in zip(counts, min_counts, strict=True)]
    )


def discounts(adjusted: np.ndarray, order: int) -> np.ndarray:
    """D(0), D(1), D(2), D(3 and more) from the numbers of n-grams with adjusted counts 1 to 4, shape [N]."""
    once, twice, thrice, four = (int((adjusted == count).sum()) for count in (1, 2, 3, 4))
    if once and twice and thrice and four:
        y = once / (once + 2 * twice)
        found = np.array([0, 1 - 2 * y * twice / once, 2 - 3 * y * thrice / twice, 3 - 4 * y * four / thrice])
        if (found[1:] > 0).all():
            return found
    warn(f"{order}-grams: discounts {FALLBACK[1:].tolist()}, as too few occur one to four times to estimate them")
    return FALLBACK


def _adjusted_counts(ngrams: NgramSet, counts: Sequence[np.ndarray], order: int) -> np.ndarray:
    """Adjusted counts of an order, [N]; zero for the sentence start, which is never predicted."""
    if order == ngrams.order:
        adjusted = counts[order - 1].copy()
    else:
        suffix = ngrams.find(ngrams.words(order + 1)[:, 1:])
        adjusted = np.bincount(suffix, minlength=len(counts[order - 1]))
        begins = ngrams.words(order)[:, 0] == 0
        adjusted[begins] = counts[order - 1][begins]
    if order == 1:
        adjusted[0] = 0
    return adjusted
