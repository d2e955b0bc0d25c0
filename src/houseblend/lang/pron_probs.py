"""Probabilities of pronunciations and of silence around words, from counts of an alignment (Chen, Xu, Wang, Povey, Khudanpur
2015, "Pronunciation and silence probability modeling for ASR"; Kaldi's utils/dict_dir_add_pronprobs.sh).

C(.) are counts, s silence and n none, "v ? w" both; P(s) is the share of silence in front of words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.numbers import to_int
from houseblend.io.streams import read_text
from houseblend.io.text import lines_of
from houseblend.lang.lexicon import SILENCE_LEXICON, Entry, Pronunciation, SentenceSilence, WordSilence

SMOOTHING = 2.0
"""Lambda_2 and lambda_3 of the paper: counts added."""
BEGIN, END, SILENCE = "<s>", "</s>", "<eps>"
Key = tuple[str, Pronunciation]
"""A word and its phones."""


class Around(NamedTuple):
    """How often a word stood behind silence and not, and before silence and not."""

    behind: float
    behind_none: float
    before: float
    before_none: float


@dataclass(frozen=True)
class SilenceCounts:
    """Counts by words with their phones; <s> and </s> are words without phones.

    Args:
        around: silence on both sides.
        pairs: of words that follow each other, with silence between them or without.
    """

    around: dict[Key, Around]
    pairs: dict[tuple[Key, Key], float]


def read_pron_counts(path: Path) -> dict[Key, float]:
    """Lines COUNT WORD PHONE ... of Kaldi's get_prons; those of silence between words are left out.

    Raises:
        InputError: naming the line.
    """
    counts: dict[Key, float] = defaultdict(float)
    for number, line in _lines(path):
        count, *rest = line.split()
        if not rest:
            raise InputError(f"{line[:60]!r}", file=path, line=number, expected="COUNT WORD PHONE ...", do=AGAIN)
        key = _key(rest)
        if key[0] != SILENCE:
            counts[key] += _count(path, number, count)
    return dict(counts)


def read_silence_counts(around: Path, pairs: Path) -> SilenceCounts:
    """Lines of four counts, WORD, PHONE ...; and lines of a count, WORD PHONE ... and WORD PHONE ..., between tabs.

    Raises:
        InputError: naming file and line.
    """
    sides = {}
    for number, line in _lines(around):
        words = line.split()
        if len(words) < 5:
            raise InputError(
                f"{line[:60]!r}", file=around, line=number, expected="COUNT COUNT COUNT COUNT WORD PHONE ...", do=AGAIN
            )
        sides[_key(words[4:])] = Around(*(_count(around, number, word) for word in words[:4]))
    follow = {}
    for number, line in _lines(pairs):
        parts = line.split("\t")
        if len(parts) != 3 or not parts[1].split() or not parts[2].split():
            raise InputError(
                f"{line[:60]!r}",
                file=pairs,
                line=number,
                expected="COUNT, and WORD PHONE ... twice, between tabs",
                do=AGAIN,
            )
        follow[_key(parts[1].split()), _key(parts[2].split())] = _count(pairs, number, parts[0])
    return SilenceCounts(sides, follow)


def with_pron_probs(entries: Iterable[Entry], counts: dict[Key, float], max_normalize: bool = True) -> list[Entry]:
    """Entries with the shares of their counts, to each of which one is added, sorted by word and probability.

    Args:
        entries: of a lexicon.
        counts: of its pronunciations.
        max_normalize: divide by the largest of the word, so that this is 1.

    Raises:
        InputError: counts of a pronunciation that is not in the lexicon.
    """
    known = {(entry.word, entry.phones): 1.0 for entry in entries}
    for key, count in counts.items():
        if key not in known:
            do = "take counts of this lexicon, whose phones do not tell positions in words (pron_counts_nowb.txt)"
            raise InputError(
                f"counts of {' '.join((key[0], *key[1]))}", expected="pronunciations of the lexicon", do=do
            )
        known[key] += count
    totals: dict[str, float] = defaultdict(float)
    for (word, _), count in known.items():
        totals[word] += count
    shares = {key: _printed(count / totals[key[0]]) for key, count in known.items()}
    if max_normalize:
        largest: dict[str, float] = defaultdict(float)
        for (word, _), share in shares.items():
            largest[word] = max(largest[word], share)
        shares = {key: _printed(share / largest[key[0]]) for key, share in shares.items()}
    found = [Entry(*key, probability=share) for key, share in shares.items()]
    return sorted(found, key=lambda entry: (entry.word, entry.probability, " ".join(entry.phones)))


def with_silence(entries: Iterable[Entry], counts: SilenceCounts) -> tuple[list[Entry], SentenceSilence, float]:
    """Entries with silence around their words; that at the ends of sentences; and P(s).

    Probabilities have two digits, as Kaldi writes them, and lie between 0.01 and 0.99.

    Raises:
        InputError: no word was counted.
    """
    around, nothing = counts.around, Around(0.0, 0.0, 0.0, 0.0)
    silent, spoken = (sum(getattr(one, name) for one in around.values()) for name in ("behind", "behind_none"))
    if not silent + spoken > 0:
        raise InputError("no counts of silence", do="count them in an alignment")
    overall = round(silent / (silent + spoken), 2)

    def after(key: Key) -> float:
        """P(s | w) = (C(w s) + lambda P(s)) / (C(w) + lambda)."""
        one = around.get(key, nothing)
        share = (one.before + SMOOTHING * overall) / (one.before + one.before_none + SMOOTHING)
        return min(max(round(share, 2), 0.01), 0.99)

    entries = list(entries)
    behind = {(entry.word, entry.phones): after((entry.word, entry.phones)) for entry in entries}
    expected: dict[Key, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (first, second), count in counts.pairs.items():
        share = behind.get(first, 0.0)
        expected[second][0] += count * share
        expected[second][1] += count * (1 - share)

    def factors(key: Key) -> tuple[float, float]:
        """F(s | w) = (C(s w) + lambda) / (sum_v C(v ? w) P(s | v) + lambda); the same for none; <s> has no silence here."""
        one = around.get(key, nothing)
        return (
            (one.behind + SMOOTHING) / (expected[key][0] + SMOOTHING),
            (one.behind_none + SMOOTHING) / (expected[key][1] + SMOOTHING),
        )

    found = []
    for entry in entries:
        key = entry.word, entry.phones
        rounded = (max(round(factor, 2), 0.01) for factor in factors(key))
        found.append(entry._replace(silence=WordSilence(behind[key], *rounded)))
    return found, SentenceSilence(after((BEGIN, ())), *factors((END, ()))), overall


def write_dictionary(
    source: Path, out: Path, entries: Sequence[Entry], silences: tuple[SentenceSilence, float] | None = None
) -> None:
    """A dictionary directory with the phone lists of another.

    Args:
        source: a dictionary directory.
        out: directory to write.
        entries: of lexicon.txt, lexiconp.txt and, with silences, lexiconp_silprob.txt.
        silences: at the ends of sentences, and P(s), for silprob.txt.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in ("silence_phones.txt", "nonsilence_phones.txt", "optional_silence.txt", "extra_questions.txt"):
        if (source / name).exists():
            write_text(out / name, read_text(source / name))
    spelled = [(entry.word, f"{entry.probability:g}", " ".join(entry.phones)) for entry in entries]
    write_text(out / "lexicon.txt", "".join(f"{word} {phones}\n" for word, _, phones in spelled))
    write_text(out / "lexiconp.txt", "".join(f"{word} {share} {phones}\n" for word, share, phones in spelled))
    if silences is not None:
        sentence, overall = silences
        around = ["{:.2f} {:.2f} {:.2f}".format(*entry.silence) for entry in entries if entry.silence is not None]
        rows = (f"{word} {share} {one} {phones}\n" for (word, share, phones), one in zip(spelled, around, strict=True))
        write_text(out / SILENCE_LEXICON, "".join(rows))
        ends = f"</s>_s {sentence.factor_before_end:.15g}\n</s>_n {sentence.factor_without_end:.15g}\n"
        write_text(out / "silprob.txt", f"<s> {sentence.begin:.2f}\n{ends}overall {overall:.2f}\n")


AGAIN = "count again: steps/get_prons.sh"
_COUNTS = range(1 << 53)


def _printed(value: float) -> float:
    """With six digits, as it will be written."""
    return float(f"{value:g}")


def _key(words: list[str]) -> Key:
    return words[0], tuple(words[1:])


def _count(path: Path, number: int, word: str) -> float:
    try:
        return float(to_int(word, _COUNTS))
    except ValueError:
        raise InputError(
            f"{word[:60]!r} is no count", file=path, line=number, expected="a whole number", do=AGAIN
        ) from None


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = [(number, line) for number, line in enumerate(lines_of(read_text(path)), start=1) if line.strip()]
    if not lines:
        raise InputError("no counts", file=path, do=AGAIN)
    return lines
