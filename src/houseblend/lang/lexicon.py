"""Dictionary directories (lexicon.txt and the phone lists) and the lexicon transducer L."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.lang.fst import Arc, Graph

Pronunciation = tuple[str, ...]


@dataclass(frozen=True)
class Dictionary:
    """A dictionary directory.

    Args:
        entries: (word, phones) in the order of lexicon.txt.
        silence: sets of silence phones, one line each; the phones of a set share their pdfs.
        nonsilence: the same for all other phones.
        optional_silence: the phone that may stand between words.
    """

    entries: list[tuple[str, Pronunciation]]
    silence: list[list[str]]
    nonsilence: list[list[str]]
    optional_silence: str

    @classmethod
    def read(cls, folder: Path) -> "Dictionary":
        """Read lexicon.txt, silence_phones.txt, nonsilence_phones.txt and optional_silence.txt.

        Raises:
            InputError: naming file and line of what is wrong.
        """
        silence, nonsilence = _phone_sets(folder / "silence_phones.txt"), _phone_sets(folder / "nonsilence_phones.txt")
        phones = [phone for group in silence + nonsilence for phone in group]
        twice = [phone for phone, count in Counter(phones).items() if count > 1]
        if twice:
            raise InputError(f"phones {twice} are listed twice", file=folder, do="keep each in one phone list")
        optional = _lines(folder / "optional_silence.txt")
        if len(optional) != 1 or [optional[0][1]] not in [[phone] for group in silence for phone in group]:
            raise InputError(
                "no single silence phone",
                file=folder / "optional_silence.txt",
                expected="one phone of silence_phones.txt",
                do="name the phone between words there",
            )
        return cls(_read_lexicon(folder / "lexicon.txt", set(phones)), silence, nonsilence, optional[0][1])


def add_disambiguation(entries: Sequence[tuple[str, Pronunciation]]) -> tuple[list[tuple[str, Pronunciation]], int]:
    """Entries with #1, #2, ... behind pronunciations that several words share or that begin another one.

    Returns:
        The entries, and the largest number used.
    """
    counts = Counter(phones for _, phones in entries)
    prefixes = {phones[:length] for phones in counts for length in range(1, len(phones))}
    used: Counter[Pronunciation] = Counter()
    marked = []
    for word, phones in entries:
        if counts[phones] > 1 or phones in prefixes:
            used[phones] += 1
            marked.append((word, (*phones, f"#{used[phones]}")))
        else:
            marked.append((word, phones))
    return marked, max(used.values(), default=0)


def lexicon_graph(
    entries: Sequence[tuple[str, Pronunciation]], phone_ids: dict[str, int], word_ids: dict[str, int],
    silence_probability: float, silence_phone: str, silence_disambiguation: str | None = None,
    loop_symbols: tuple[int, int] | None = None,
) -> Graph:  # fmt: skip
    """L: phones to words, with optional silence before the first and behind every word (Kaldi's make_lexicon_fst).

    Args:
        entries: words and their phones.
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
    for word, phones in entries:
        state, label = start_of_words, word_ids[word]
        for phone in phones[:-1]:
            following = graph.add_state()
            graph.arcs[state].append(Arc(phone_ids[phone], label, 0.0, following))
            state, label = following, 0
        graph.arcs[state] += [Arc(phone_ids[phones[-1]], label, cost, end) for end, cost in ends]
    if loop_symbols is not None:
        graph.arcs[start_of_words].append(Arc(*loop_symbols, 0.0, start_of_words))
    for arcs in graph.arcs:
        arcs.sort(key=lambda arc: arc.olabel)
    return graph


def _read_lexicon(path: Path, phones: set[str]) -> list[tuple[str, Pronunciation]]:
    entries: dict[tuple[str, Pronunciation], None] = {}
    for number, line in _lines(path):
        word, *pronunciation = line.split()
        unknown = [phone for phone in pronunciation if phone not in phones]
        if not pronunciation or unknown:
            what = f"phones {unknown} are in no phone list" if unknown else "a word without phones"
            raise InputError(
                what, file=path, line=number, key=word, do="add the phones to nonsilence_phones.txt or mend the line"
            )
        if word in ("<eps>", "<s>", "</s>") or word.startswith("#"):
            raise InputError("a reserved word", file=path, line=number, key=word, do="use another name")
        if (word, tuple(pronunciation)) in entries:
            raise InputError("the entry stands twice", file=path, line=number, key=word, do="remove one")
        entries[word, tuple(pronunciation)] = None
    if not entries:
        raise InputError("no entries", file=path, expected="WORD PHONE ...", do="add the words")
    return list(entries)


def _phone_sets(path: Path) -> list[list[str]]:
    return [line.split() for _, line in _lines(path)]


def _lines(path: Path) -> list[tuple[int, str]]:
    """Number and text of the lines that are not empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("no such file", file=path, do="see a dictionary in local/*/dict") from None
    except UnicodeDecodeError as failure:
        raise InputError(f"not UTF-8 at byte {failure.start}", file=path, do="convert it with iconv") from None
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
