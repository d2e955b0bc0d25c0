"""Dictionary directories (the lexicon and the phone lists) and the lexicon transducer L."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from houseblend.base.errors import InputError
from houseblend.io.numbers import to_float
from houseblend.io.streams import read_text
from houseblend.io.text import lines_of, odd_letter, words_of
from houseblend.lang.fst import Arc, Graph

Pronunciation = tuple[str, ...]
SILENCE_LEXICON = "lexiconp_silprob.txt"
"""The lexicon that knows silence by word."""
_FORMS = {
    0: "WORD PHONE ...", 1: "WORD PROBABILITY PHONE ...", 4: "WORD PROBABILITY AFTER FACTOR_BEFORE FACTOR_WITHOUT PHONE ...",
}  # fmt: skip


class WordSilence(NamedTuple):
    """How probable silence is behind a word; and how much more than usual the word stands behind silence, and behind none."""

    after: float
    factor_before: float
    factor_without: float


class SentenceSilence(NamedTuple):
    """How probable silence is at the beginning; and how much more than usual a sentence ends behind silence, and behind none."""

    begin: float
    factor_before_end: float
    factor_without_end: float


class Entry(NamedTuple):
    """A pronunciation of a word, how probable it is, and, if it is known by word, silence around it."""

    word: str
    phones: Pronunciation
    probability: float = 1.0
    silence: WordSilence | None = None


@dataclass(frozen=True)
class Dictionary:
    """A dictionary directory.

    Args:
        entries: in the order of the lexicon.
        silence: sets of silence phones, one line each; the phones of a set share their pdfs.
        nonsilence: the same for all other phones.
        optional_silence: the phone that may stand between words.
        questions: sets of phones that trees may ask for beside those found in the data.
        sentence_silence: silence at the ends of sentences, if all entries know theirs.
    """

    entries: list[Entry]
    silence: list[list[str]]
    nonsilence: list[list[str]]
    optional_silence: str
    questions: list[list[str]]
    sentence_silence: SentenceSilence | None = None

    @classmethod
    def read(cls, folder: Path) -> "Dictionary":
        """Read the lexicon (see `lexicon_file`), silence_phones.txt, nonsilence_phones.txt, optional_silence.txt; and
        extra_questions.txt and silprob.txt, if they are there.

        Raises:
            InputError: naming file and line of what is wrong.
        """
        silence, nonsilence = _phone_sets(folder / "silence_phones.txt"), _phone_sets(folder / "nonsilence_phones.txt")
        phones = [phone for group in silence + nonsilence for phone in group]
        twice = [phone for phone, count in Counter(phones).items() if count > 1]
        if twice:
            raise InputError(f"phones {twice} are listed twice", file=folder, do="keep each in one phone list")
        optional = _lines(folder / "optional_silence.txt")
        if len(optional) != 1 or optional[0][1] not in [[phone] for group in silence for phone in group]:
            raise InputError(
                "no single silence phone",
                file=folder / "optional_silence.txt",
                expected="one phone of silence_phones.txt",
                do="name the phone between words there",
            )
        questions = _read_questions(folder / "extra_questions.txt", set(phones))
        entries = _read_lexicons(folder, set(phones))
        ends = _read_sentence_silence(folder / "silprob.txt") if entries[0].silence is not None else None
        return cls(entries, silence, nonsilence, optional[0][1][0], questions, ends)


def add_disambiguation(entries: Sequence[Entry]) -> tuple[list[Entry], int]:
    """Entries with #1, #2, ... behind pronunciations that several words share or that begin another one.

    Returns:
        The entries, and the largest number used.
    """
    counts = Counter(entry.phones for entry in entries)
    prefixes = {phones[:length] for phones in counts for length in range(1, len(phones))}
    used: Counter[Pronunciation] = Counter()
    marked = []
    for entry in entries:
        phones = entry.phones
        if counts[phones] > 1 or phones in prefixes:
            used[phones] += 1
            marked.append(entry._replace(phones=(*phones, f"#{used[phones]}")))
        else:
            marked.append(entry)
    return marked, max(used.values(), default=0)


def lexicon_graph(
    entries: Sequence[Entry], phone_ids: dict[str, int], word_ids: dict[str, int],
    silence_probability: float, silence_phone: str, silence_disambiguation: str | None = None,
    loop_symbols: tuple[int, int] | None = None,
) -> Graph:  # fmt: skip
    """L: phones to words, with optional silence before the first and behind every word (Kaldi's make_lexicon_fst).

    Args:
        entries: words and their phones; what a pronunciation's probability costs stands on its first arc.
        phone_ids: numbers of the phones.
        word_ids: numbers of the words.
        silence_probability: of the optional silence, between 0 and 1; 0 for none.
        silence_phone: the optional silence.
        silence_disambiguation: symbol behind the silence, if L is to be determinised.
        loop_symbols: #0 among phones and words, for the back-off arcs of G.
    """
    if silence_probability == 0:
        graph, start_of_words, ends = Graph([[]], [0.0], 0), 0, [(0, 0.0)]
    else:
        spoken, silent = -math.log(1 - silence_probability), -math.log(silence_probability)
        graph = Graph([[Arc(0, 0, spoken, 1), Arc(0, 0, silent, 2)], [], []], [math.inf, 0.0, math.inf], 0)
        start_of_words, ends = 1, [(1, spoken), (2, silent)]
        if silence_disambiguation is None:
            graph.arcs[2].append(Arc(phone_ids[silence_phone], 0, 0.0, 1))
        else:
            behind = graph.add_state()
            graph.arcs[2].append(Arc(phone_ids[silence_phone], 0, 0.0, behind))
            graph.arcs[behind].append(Arc(phone_ids[silence_disambiguation], 0, 0.0, 1))
    for word, phones, probability, _ in entries:
        state, label, cost = start_of_words, word_ids[word], 0.0 - math.log(probability)
        for phone in phones[:-1]:
            following = graph.add_state()
            graph.arcs[state].append(Arc(phone_ids[phone], label, cost, following))
            state, label, cost = following, 0, 0.0
        graph.arcs[state] += [Arc(phone_ids[phones[-1]], label, cost + silence, end) for end, silence in ends]
    if loop_symbols is not None:
        graph.arcs[start_of_words].append(Arc(*loop_symbols, 0.0, start_of_words))
    for arcs in graph.arcs:
        arcs.sort(key=lambda arc: arc.olabel)
    return graph


def lexicon_file(folder: Path) -> Path:
    """The lexicon that is used: lexiconp_silprob.txt, lexiconp.txt (with probabilities) or lexicon.txt, the first that is there."""
    for name in (SILENCE_LEXICON, "lexiconp.txt"):
        if (folder / name).exists():
            return folder / name
    return folder / "lexicon.txt"


def _read_lexicons(folder: Path, phones: set[str]) -> list[Entry]:
    """The entries of the lexicon; a lexicon.txt beside it must agree with it, in the same order but for silence's sake."""
    plain, used = folder / "lexicon.txt", lexicon_file(folder)
    found = _read_lexicon(used, phones)
    if used != plain and plain.exists():
        others, nothing = _read_lexicon(plain, phones), (None, Entry("", ()))
        mine = found
        if used.name == SILENCE_LEXICON:
            mine, others = (sorted(part, key=lambda numbered: numbered[1][:2]) for part in (found, others))
        for (line, entry), (_, other) in zip_longest(mine, others, fillvalue=nothing):
            if entry[:2] != other[:2]:
                what = "lexicon.txt has other entries, or another order"
                do = "remove the file of the two that is wrong"
                raise InputError(what, file=used, line=line, key=entry.word or other.word, do=do)
    return [entry for _, entry in found]


def _read_lexicon(path: Path, phones: set[str]) -> list[tuple[int, Entry]]:
    """Entries with their lines; the file's name tells what numbers stand behind the word."""
    kind = {SILENCE_LEXICON: 4, "lexiconp.txt": 1}.get(path.name, 0)
    entries: dict[tuple[str, Pronunciation], tuple[int, Entry]] = {}
    for number, (word, *fields) in _lines(path):
        probability = _probability(path, number, word, fields) if kind else 1.0
        silence = _word_silence(path, number, word, fields[1:4]) if kind == 4 else None
        pronunciation = tuple(fields[kind:])
        unknown = [phone for phone in pronunciation if phone not in phones]
        if not pronunciation or unknown:
            what = f"phones {unknown} are in no phone list" if unknown else "a word without phones"
            raise InputError(
                what, file=path, line=number, key=word, do="add the phones to nonsilence_phones.txt or mend the line"
            )
        if word in ("<eps>", "<s>", "</s>") or word.startswith("#"):
            raise InputError("a reserved word", file=path, line=number, key=word, do="use another name")
        if (word, pronunciation) in entries:
            raise InputError("the entry stands twice", file=path, line=number, key=word, do="remove one")
        entries[word, pronunciation] = number, Entry(word, pronunciation, probability, silence)
    if not entries:
        raise InputError("no entries", file=path, expected=_FORMS[kind], do="add the words")
    return list(entries.values())


def _probability(path: Path, number: int, word: str, fields: list[str]) -> float:
    try:
        value = to_float(fields[0])
    except (ValueError, IndexError):
        value = math.nan
    if not 0 < value <= 1:
        what = f"{fields[0]} is no probability" if fields else "no probability"
        expected = "WORD PROBABILITY PHONE ..., the probability above 0 and at most 1"
        raise InputError(what, file=path, line=number, key=word, expected=expected, do="mend the line")
    return value


def _word_silence(path: Path, number: int, word: str, fields: list[str]) -> WordSilence:
    values = _numbers(fields)
    if len(values) != 3 or not (0 < values[0] < 1 and values[1] > 0 and values[2] > 0):
        expected = f"{_FORMS[4]}: a probability below 1 and two factors, all above 0"
        raise InputError(
            f"silence of {' '.join(fields)}", file=path, line=number, key=word, expected=expected, do="mend it"
        )
    return WordSilence(*values)


def _read_sentence_silence(path: Path) -> SentenceSilence:
    """Of Kaldi's silprob.txt, whose line `overall` is not needed."""
    found = {words[0]: _numbers(words[1:]) for _, words in _lines(path)}
    values = [found.get(name, []) for name in ("<s>", "</s>_s", "</s>_n")]
    numbers = [value[0] for value in values if len(value) == 1 and value[0] > 0]
    if len(numbers) != 3 or numbers[0] >= 1:
        expected = "lines <s>, </s>_s and </s>_n with a probability below 1 and two factors, all above 0"
        raise InputError("no silence of sentences", file=path, expected=expected, do="run dict-dir-add-pronprobs")
    return SentenceSilence(*numbers)


def _numbers(words: list[str]) -> list[float]:
    """Finite numbers; none if a word is none."""
    try:
        values = [to_float(word) for word in words]
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


def _read_questions(path: Path, phones: set[str]) -> list[list[str]]:
    lines = _lines(path) if path.exists() else []
    for number, group in lines:
        for phone in group:
            if phone not in phones:
                do = "take it out, or add it to nonsilence_phones.txt"
                raise InputError("the phone is in no phone list", file=path, line=number, key=phone, do=do)
    return [group for _, group in lines]


def _phone_sets(path: Path) -> list[list[str]]:
    return [words for _, words in _lines(path)]


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Number and words of the lines that are not empty."""
    if not path.exists():
        raise InputError("no such file", file=path, do="see a dictionary in local/*/dict")
    found = []
    for number, line in enumerate(lines_of(read_text(path)), start=1):
        if odd := odd_letter(line.removesuffix("\r")):
            expected = "blanks and tabs between words, as Kaldi's dictionaries have them"
            raise InputError(f"{odd} in the line", file=path, line=number, expected=expected, do="write another letter")
        if words := words_of(line):
            found.append((number, words))
    return found
