"""Options of lexica, grammars and language models; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared

LARGEST_ORDER = 9
UNKNOWN = "<unk>"
"""The word that stands for words outside a vocabulary, wherever nothing else is said."""


@dataclass(frozen=True)
class LexiconOptions:
    """What a lang directory adds to a lexicon."""

    oov: str = declared("<UNK>", "Word of the lexicon for words outside it")
    sil_prob: float = declared(0.5, "Probability of optional silence, if the dictionary does not know it by word")
    position_dependent_phones: bool = declared(False, "Tell phones by their place in words (A_B, A_I, ...)")


@dataclass(frozen=True)
class GrammarOptions:
    """What an ARPA file may say, to become a grammar."""

    max_unigram_sum: float = declared(1.1, "Most that the probabilities of 1-grams may sum to (above 1.01: told)")


@dataclass(frozen=True)
class LmOptions:
    """The estimation of a language model."""

    order: int = declared(3, "Words of the longest n-grams")
    min_counts: str = declared("1", "Least counts of n-grams kept, by order; the last holds for all higher")
    prune: float = declared(0.0, "Drop n-grams that change the perplexity by less than this share")
    unknown: str = declared(UNKNOWN, "Word of the vocabulary that stands for all others, and counts as unknown")

    def __post_init__(self) -> None:
        """UsageError: no such order, counts or threshold."""
        if not 1 <= self.order <= LARGEST_ORDER:
            raise UsageError(f"--order={self.order}", expected=f"1 to {LARGEST_ORDER}")
        if not self.prune >= 0:
            raise UsageError(f"--prune={self.prune}", expected="0 or more")
        self.least_counts()

    def least_counts(self) -> list[int]:
        """Least counts of every order from 1 on.

        Raises:
            UsageError: they are no numbers that rise.
        """
        try:
            counts = [int(word) for word in self.min_counts.split(",")]
        except ValueError:
            counts = []
        if not counts or counts[0] < 1 or counts != sorted(counts) or len(counts) > self.order:
            expected = f"up to {self.order} numbers from 1 on that do not fall, as 1,1,2"
            raise UsageError(f"--min-counts={self.min_counts}", expected=expected)
        return counts + [counts[-1]] * (self.order - len(counts))
