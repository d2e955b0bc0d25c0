"""Lattices whose arcs are whole words with their transition-ids, by a lexicon (Kaldi's lattice-align-words-lexicon)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import AGAIN
from houseblend.io.numbers import INT32, to_int
from houseblend.io.streams import read_text
from houseblend.io.text import words_of

_NUMBERS = range(INT32.stop)
_STEP = -1
"""Label of an arc of the lattice under construction that stands for no word, only for the costs of an arc."""


class AlignmentLexicon:
    """Pronunciations by number.

    Args:
        entries: (word, 0 for none; its phones) -> the word to write.
    """

    def __init__(self, entries: dict[tuple[int, ...], int]) -> None:
        self.entries = entries
        self.words = {word for word, *_ in entries}
        self.longest = max((len(entry) - 1 for entry in entries), default=0)
        self._beginnings = {entry[:size] for entry in entries for size in range(2, len(entry))}
        self._first_phones = {entry[1:] for entry in self._beginnings}

    @classmethod
    def read(cls, rxfilename: str | Path) -> "AlignmentLexicon":
        """Read `align_lexicon.int`: lines of a word, the word to write, and phones.

        Raises:
            InputError: the file is missing, or a line is none, or contradicts another.
        """
        entries: dict[tuple[int, ...], int] = {}
        *lines, rest = read_text(rxfilename).split("\n")
        if rest:
            raise InputError("the last line has no end", file=rxfilename, line=len(lines) + 1, do=AGAIN)
        for number, line in enumerate(lines, start=1):
            try:
                word, written, *phones = (to_int(one, _NUMBERS) for one in words_of(line))
                if not (word or phones):
                    raise ValueError("neither a word nor a phone")
            except ValueError:
                expected = "WORD WORD [PHONE ...]"
                raise InputError(
                    f"cannot read {line[:60]!r}", file=rxfilename, line=number, expected=expected, do=AGAIN
                ) from None
            if entries.setdefault((word, *phones), written) != written:
                raise InputError("an entry with two words to write", file=rxfilename, line=number, do=AGAIN)
        return cls(entries)

    def begins(self, word: int, phones: tuple[int, ...]) -> bool:
        """Whether the word, or an entry without one, has a pronunciation that begins with these phones and goes on."""
        return not phones or (word, *phones) in self._beginnings or (0, *phones) in self._beginnings

    def is_cut_off(self, words: tuple[int, ...], phones: tuple[int, ...]) -> bool:
        """Whether the phones are the beginning of the one word, or of any word where none has come."""
        known = (*words, *phones) in self._beginnings if words else phones in self._first_phones
        return len(words) < 2 and known


class _Pending(NamedTuple):
    """What a path has brought and no arc of the result has taken yet: words, and transition-ids from a phone's first.

    What had come when nothing could be taken for the last time, `old_word` and `old_phones`, is not tried again: every
    division of a path so is found once, each entry at its first opportunity.
    """

    words: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()
    old_word: bool = False
    old_phones: int = 0


def align_words(lattice: CompactLattice, lexicon: AlignmentLexicon, model: TransitionModel) -> CompactLattice:
    """A lattice with the same paths, in which every arc is a word with the transition-ids of its phones, or silence.

    Where all paths end inside a word, as they may when decoding came to no final state, the last word has those of its phones
    that there are; it is 0 where its word was to come later.

    Args:
        lattice: acyclic.
        lexicon: what words are pronounced as; a path that it has no division for is left out.
        model: what the transition-ids mean.

    Raises:
        InputError: a word or transition-id is unknown, the lattice has a cycle, or no path agrees with the lexicon.
    """
    unknown = {arc.word for arcs in lattice.arcs for arc in arcs if arc.word} - lexicon.words
    if unknown:
        raise InputError(f"word {min(unknown)} is not in the lexicon", do="use align_lexicon.int of the graph's words")
    lattice.topological_order()
    for may_be_cut_off in (False, True):
        aligned = _without_steps(_Aligner(lattice, lexicon, model, may_be_cut_off).run())
        if any(aligned.finals):
            return aligned
    raise InputError("no path agrees with the lexicon", do="use lexicon and model of the graph")


class _Aligner:
    """Expands pairs of a state of the lattice, or its end, and what is pending there."""

    def __init__(
        self, lattice: CompactLattice, lexicon: AlignmentLexicon, model: TransitionModel, may_be_cut_off: bool
    ) -> None:
        self.lattice, self.lexicon, self.model, self.may_be_cut_off = lattice, lexicon, model, may_be_cut_off
        self.end = len(lattice.arcs)
        self.result = CompactLattice()
        self.known: dict[tuple[int, _Pending], int] = {}
        self.queue: list[tuple[int, _Pending]] = []

    def run(self) -> CompactLattice:
        """The result, arcs with costs and arcs with words still apart."""
        if self.lattice.start < 0:
            raise InputError("the lattice has no path")
        self._state(self.lattice.start, _Pending())
        while self.queue:
            place, pending = self.queue.pop()
            arcs = self.result.arcs[self.known[place, pending]]
            ends, phones = self._phones(place, pending.ids)
            for word, written, count in self._choices(pending, phones):
                end = ends[count]
                rest = _Pending(pending.words[1:] if word else pending.words, pending.ids[end:])
                arcs.append(LatticeArc(written, Weight(0.0, 0.0, pending.ids[:end]), self._state(place, rest)))
            if place == self.end and self.may_be_cut_off and self.lexicon.is_cut_off(pending.words, phones):
                last = Weight(0.0, 0.0, pending.ids)
                arcs.append(LatticeArc(sum(pending.words), last, self._state(place, _Pending())))
            if not pending.words or self.lexicon.begins(pending.words[0], phones):
                arcs += self._steps(place, pending, len(phones))
        return self.result

    def _phones(self, place: int, ids: tuple[int, ...]) -> tuple[list[int], tuple[int, ...]]:
        """Where each whole phone ends, behind a 0 for none, and the phones; the last may go on but at the end."""
        segments = phone_segments(np.array(ids, np.int64), self.model)
        whole = segments if place == self.end else segments[:-1]
        return [0, *(end for _, _, end in whole)], tuple(phone for phone, _, _ in whole)

    def _choices(self, pending: _Pending, phones: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
        """Word, word to write, and number of phones of every entry that can be taken now and could not before."""
        for word in {0, *pending.words[:1]}:
            is_new = bool(word) and not pending.old_word
            most = min(len(phones), self.lexicon.longest)
            for count in range(0 if is_new else pending.old_phones + 1, most + 1):
                written = self.lexicon.entries.get((word, *phones[:count]))
                if written is not None:
                    yield word, written, count

    def _steps(self, place: int, pending: _Pending, num_phones: int) -> Iterator[LatticeArc]:
        """Along the arcs of the lattice, and from its final states to the end."""
        if place == self.end:
            return
        final = self.lattice.finals[place]
        ways = [(arc.word, arc.weight, arc.nextstate) for arc in self.lattice.arcs[place]]
        for word, weight, target in ways if final is None else [*ways, (0, final, self.end)]:
            words = (*pending.words, word) if word else pending.words
            ahead = _Pending(words, pending.ids + weight.ids, bool(pending.words), num_phones)
            yield LatticeArc(_STEP, weight._replace(ids=()), self._state(target, ahead))

    def _state(self, place: int, pending: _Pending) -> int:
        """The state of the result for a pair; new ones are queued."""
        key = place, pending
        if key not in self.known:
            self.known[key] = len(self.result.arcs)
            done = place == self.end and not pending.words and not pending.ids
            self.result.arcs.append([])
            self.result.finals.append(Weight(0.0, 0.0, ()) if done else None)
            self.queue.append(key)
        return self.known[key]


def _without_steps(lattice: CompactLattice) -> CompactLattice:
    """Every step joined with each way behind it, the cheapest of equals kept; states without a path left out."""
    for state in reversed(lattice.topological_order()):
        ways: dict[tuple[int, int], Weight] = {}
        final = lattice.finals[state]
        for arc in lattice.arcs[state]:
            if arc.word == _STEP:
                behind, last = lattice.arcs[arc.nextstate], lattice.finals[arc.nextstate]
                final = final if last is None else _cheaper(final, _join(arc.weight, last))
                found = [one._replace(weight=_join(arc.weight, one.weight)) for one in behind]
            else:
                alive = lattice.arcs[arc.nextstate] or lattice.finals[arc.nextstate] is not None
                found = [arc] if alive else []
            for one in found:
                ways[one.word, one.nextstate] = _cheaper(ways.get((one.word, one.nextstate)), one.weight)
        lattice.arcs[state] = [LatticeArc(word, weight, target) for (word, target), weight in ways.items()]
        lattice.finals[state] = final
    return lattice.in_order()


def _join(first: Weight, second: Weight) -> Weight:
    return Weight(first.graph + second.graph, first.acoustic + second.acoustic, first.ids + second.ids)


def _cheaper(first: Weight | None, second: Weight) -> Weight:
    return second if first is None or sum(second[:2]) < sum(first[:2]) else first
