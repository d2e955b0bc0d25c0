"""Entropy pruning (Stolcke 1998, "Entropy-based pruning of backoff language models", section 3)."""

import numpy as np

from houseblend.lang.ngram_model import NgramModel, log_ratio
from houseblend.lang.ngrams import NgramSet


def prune(model: NgramModel, threshold: float) -> NgramModel:
    """The model without the n-grams each of which alone changes the perplexity by less than a share `threshold`.

    Each n-gram is judged against the unpruned model, the highest order first. Those that longer n-grams begin or end
    with stay, so that the model keeps the form that Kaldi's programs expect.

    Args:
        model: normalised; with every n-gram it must hold what that ends with, as estimated models and mixtures do.
        threshold: for example 1e-7; at 0 nothing is pruned.
    """
    kept = [np.ones(size, bool) for size in model.sizes]
    needed = np.zeros(model.sizes[-1], bool)
    for order in range(model.order, 1, -1):
        kept[order - 1] = needed | (np.expm1(relative_entropies(model, order)) >= threshold)
        needed = _needed(model.ngrams, order, kept[order - 1])
    return model.only(kept).normalised()


def relative_entropies(model: NgramModel, order: int) -> np.ndarray:
    """Relative entropy between the model and itself without one n-gram, for each n-gram of an order; shape [N], nats."""
    history = model.ngrams.prefix[order - 1]
    log_p, log_lower = model.log_prob[order - 1], model.lower(order)
    p, lower = np.exp(log_p), np.exp(log_lower)
    mine, below = (values[history] for values in model.left_over(order - 1))
    old = model.back_off[order - 2][history]
    new = log_ratio(mine + p, below + lower)  # the back-off weight without the n-gram
    left = np.maximum(mine, 0.0)  # probability of all that backs off behind the history
    change = p * (log_lower + new - log_p) + left * (new - old)
    return -np.exp(_history_log_probs(model, order - 1))[history] * change


def _history_log_probs(model: NgramModel, order: int) -> np.ndarray:
    """Log-probabilities of all words of the n-grams of an order, one after another; of a sentence start, its end's."""
    total = model.log_prob[0].copy()
    total[0] = total[1]
    for n in range(2, order + 1):
        total = total[model.ngrams.prefix[n - 1]] + model.log_prob[n - 1]
    return total


def _needed(ngrams: NgramSet, order: int, kept: np.ndarray) -> np.ndarray:
    """Which n-grams of the order below begin or end a kept one."""
    needed = np.zeros(len(ngrams.word[order - 2]), bool)
    needed[ngrams.prefix[order - 1][kept]] = True
    needed[ngrams.find(ngrams.words(order)[kept][:, 1:])] = True
    return needed
