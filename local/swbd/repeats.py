"""Utterances without too many of the same words, such as uh-huh."""

from collections import Counter
from collections.abc import Mapping

STEP, MODULUS = 103349, 71147
"""Of the numbers by which utterances are chosen, those of Kaldi's remove_dup_utts.sh."""


def without_repeats(texts: Mapping[str, str], most: int) -> list[str]:
    """The utterances, those of a text that occurs `most` times or more thinned out to about so many.

    The same utterances as Kaldi's remove_dup_utts.sh chooses.
    """
    counts = Counter(texts.values())
    state, kept = 0, []
    for key, text in texts.items():
        if counts[text] >= most:
            state = (state + STEP) % MODULUS
            if state * counts[text] >= most * MODULUS:
                continue
        kept.append(key)
    return kept
