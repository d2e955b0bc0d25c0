"""Word error rate: alignments of word sequences, counts, and intervals by resampling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of

RESAMPLES = 10_000
_KEPT = 100_000
"""Counts of pairs of transcripts held."""


@dataclass(frozen=True)
class Counts:
    """Words of the reference, and errors by kind."""

    words: int = 0
    insertions: int = 0
    deletions: int = 0
    substitutions: int = 0

    @property
    def errors(self) -> int:
        """All errors."""
        return self.insertions + self.deletions + self.substitutions

    @property
    def rate(self) -> float:
        """Errors a hundred words of the reference."""
        return 100.0 * self.errors / self.words if self.words else float(100 * (self.errors > 0))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.words + other.words, self.insertions + other.insertions, self.deletions + other.deletions,
            self.substitutions + other.substitutions,
        )  # fmt: skip


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """The alignment with fewest errors (Levenshtein 1966): pairs of words, None where one side has none.

    Among equals substitutions are preferred, then deletions, as in Kaldi's LevenshteinAlignment.
    """
    rows, columns = len(reference) + 1, len(hypothesis) + 1
    cost = [[0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            if i == 0 or j == 0:
                cost[i][j] = i + j
            else:
                same = reference[i - 1] == hypothesis[j - 1]
                cost[i][j] = min(cost[i - 1][j - 1] + (not same), cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    pairs: list[tuple[str | None, str | None]] = []
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (reference[i - 1] != hypothesis[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((reference[i], hypothesis[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((reference[i], None))
        else:
            j -= 1
            pairs.append((None, hypothesis[j]))
    return pairs[::-1]


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """Errors of one utterance; neighbouring weights and penalties find the same words again, so counts are kept."""
    return _count_errors(tuple(reference), tuple(hypothesis))


@lru_cache(maxsize=_KEPT)
def _count_errors(reference: tuple[str, ...], hypothesis: tuple[str, ...]) -> Counts:
    pairs = align_words(reference, hypothesis)
    insertions = sum(1 for ref, _ in pairs if ref is None)
    deletions = sum(1 for _, hyp in pairs if hyp is None)
    substitutions = sum(1 for ref, hyp in pairs if ref is not None and hyp is not None and ref != hyp)
    return Counts(len(reference), insertions, deletions, substitutions)


def score_all(
    references: Mapping[str, Sequence[str]], hypotheses: Mapping[str, Sequence[str]], mode: str
) -> tuple[dict[str, Counts], int]:
    """Errors of every utterance of the reference.

    Args:
        references: words by utterance.
        hypotheses: words by utterance.
        mode: for utterances without hypothesis: strict raises, all counts them as empty, present leaves them out.

    Returns:
        Counts by utterance, and how many had no hypothesis.

    Raises:
        InputError: missing hypotheses in mode strict, or nothing to score.
    """
    missing = [key for key in references if key not in hypotheses]
    if missing and mode == "strict":
        raise InputError(
            f"{len(missing)} utterances have no hypothesis", key=missing[0], do="use --mode=all or --mode=present"
        )
    chosen = [key for key in references if key in hypotheses or mode == "all"]
    if not chosen:
        raise InputError("no utterances to score", do="check that both sides have the same utterance ids")
    return {key: count_errors(references[key], hypotheses.get(key, [])) for key in chosen}, len(missing)


def total(counts: Mapping[str, Counts]) -> Counts:
    """The sum over utterances."""
    return sum(counts.values(), Counts())


def interval(counts: Mapping[str, Counts], seed: int = 1, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % interval of the error rate by the percentile bootstrap over utterances (Bisani and Ney 2004).

    Args:
        counts: by utterance.
        seed: of the resampling.
        resamples: how many.
    """
    draws = _draws(counts, seed, resamples)
    words = np.array([one.words for one in counts.values()], dtype=np.float64)
    errors = np.array([one.errors for one in counts.values()], dtype=np.float64)
    rates = 100.0 * (draws @ errors) / np.maximum(draws @ words, 1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same utterances: rates, their difference (second less first), its 95 % interval, and how
    often the second was better among the resamples."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    second_better: float


def compare(
    first: Mapping[str, Counts], second: Mapping[str, Counts], seed: int = 1, resamples: int = RESAMPLES
) -> Comparison:
    """Paired bootstrap over utterances (Bisani and Ney 2004).

    The words of an utterance may differ where the reference leaves a choice.

    Raises:
        InputError: the systems were scored on other utterances.
    """
    if set(first) != set(second):
        raise InputError(
            "the two systems were scored on different utterances", do="score both on the same data directory"
        )
    draws = _draws(first, seed, resamples)
    rates = []
    for counts in (first, second):
        words = np.array([counts[key].words for key in sorted(first)], dtype=np.float64)
        errors = np.array([counts[key].errors for key in sorted(first)], dtype=np.float64)
        rates.append(100.0 * (draws @ errors) / np.maximum(draws @ words, 1))
    differences = rates[1] - rates[0]
    low, high = np.percentile(differences, [2.5, 97.5])
    one, other = total(first).rate, total(second).rate
    return Comparison(one, other, other - one, float(low), float(high), float((differences < 0).mean()))


def _draws(counts: Mapping[str, Counts], seed: int, resamples: int) -> np.ndarray:
    """How often each utterance is drawn in each resample, [resamples, utterances]."""
    chance = np.random.Generator(np.random.Philox(key=seed_of(seed, "bootstrap")))
    size = len(counts)
    return chance.multinomial(size, np.full(size, 1.0 / size), size=resamples).astype(np.float64)
