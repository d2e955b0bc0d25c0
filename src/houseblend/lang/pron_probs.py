"""Probabilities of pronunciations and of silence around words, from counts of an alignment (Chen, Xu, Wang, Povey, Khudanpur
2015, "Pronunciation and silence probability modeling for ASR"; Kaldi's utils/dict_dir_add_pronprobs.sh).

C(.) are counts, s silence and n none, "v ? w" both; P(s) is the share of silence in front of words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.streams import read_text
from houseblend.lang.lexicon import SILENCE_LEXICON, Entry, SentenceSilence, WordSilence
from houseblend.lang.pron_counts import BEGIN, END, Around, Key, SilenceCounts

SMOOTHING = 2.0
"""Lambda_2 and lambda_3 of the paper: counts added."""


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


def _printed(value: float) -> float:
    """With six digits, as it will be written."""
    return float(f"{value:g}")
