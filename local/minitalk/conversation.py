"""Two people in turn: sentences of the grammar, with fillers, repairs, words broken off, laughter and noises."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dictionary import FILLERS, LAUGHED
from grammar import Choice, Grammar, Topic

LAUGHTER, NOISE, VOCALIZED = "[laughter]", "[noise]", "[vocalized-noise]"
REPEATED = frozenset(["i", "the", "we", "and", "to", "a", "it's", "that", "they", "my", "but", "so", "in", "of", "you"])
FILLER_FIRST, FILLER, REPEAT, BREAK = 0.12, 0.02, 0.04, 0.012
LEAD, TAG, SOUND, SECOND_SENTENCE = 0.45, 0.15, 0.07, 0.4
BACKCHANNEL, QUESTION, NEW_TOPIC, MORE = 0.35, 0.2, 0.03, 0.6
SOUNDS = Choice((LAUGHTER, NOISE, VOCALIZED), (3, 2, 2))

Partials = dict[str, tuple[str, int]]


@dataclass(frozen=True)
class Piece:
    """What is said in one breath, or a sound.

    Args:
        words: what the voice says; for laughter its syllables, for other sounds none.
        written: the transcript, a token a word; one token for a sound.
        cut: number of phones of the last word that are heard; None for all.
    """

    words: tuple[str, ...]
    written: tuple[str, ...]
    cut: int | None = None

    @property
    def sound(self) -> str | None:
        """The mark of a sound, or None for speech."""
        return self.written[0] if self.written[0] in (LAUGHTER, NOISE, VOCALIZED) else None


@dataclass(frozen=True)
class Segment:
    """What one side says without a longer pause.

    Args:
        side: 0 or 1.
        backchannel: said while the other side has the floor.
        pieces: in order, at least one.
    """

    side: int
    backchannel: bool
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(token for piece in self.pieces for token in piece.written)


class Talk:
    """What may be said in a partition (train, dev or test).

    Args:
        grammar: the sentences.
        partials: beginnings of words that can be broken off, see `dictionary.partial_words`.
        partition: whose sentences; only the sentence itself counts, not its fillers and repairs, nor what leads to it.
    """

    def __init__(self, grammar: Grammar, partials: Partials, partition: str) -> None:
        self.grammar, self.partials, self.partition = grammar, partials, partition

    def segments(self, random: Random) -> Iterator[Segment]:
        """A conversation without an end."""
        topic = self.grammar.topics.draw(random)
        for side in (0, 1):
            yield self._segment(random, topic, side, ["opening"])
        side, answer = 0, False
        while True:
            rules = ["answer" if answer else "sentence"]
            while random.random() < MORE and len(rules) < 5:
                rules.append("sentence")
            answer = random.random() < QUESTION
            yield from self._turn(random, topic, side, [*rules, *(["question"] if answer else [])])
            side = 1 - side
            if random.random() < NEW_TOPIC:
                topic = self.grammar.topics.draw(random)

    def _turn(self, random: Random, topic: Topic, side: int, rules: list[str]) -> Iterator[Segment]:
        while rules:
            count = 2 if random.random() < SECOND_SENTENCE else 1
            yield self._segment(random, topic, side, rules[:count])
            rules = rules[count:]
            if random.random() < BACKCHANNEL:
                words = self.grammar.draw(random, topic, "short")
                sound = random.random() < SOUND
                yield Segment(1 - side, True, (Piece(("ha", "ha"), (LAUGHTER,)) if sound else Piece(words, words),))

    def _segment(self, random: Random, topic: Topic, side: int, rules: list[str]) -> Segment:
        pieces: list[Piece] = []
        for rule in rules:
            sentence = self.grammar.draw_for(self.partition, random, topic, rule)
            lead = self.grammar.draw(random, topic, "lead") if rule == "sentence" and random.random() < LEAD else ()
            tag = self.grammar.draw(random, topic, "tag") if random.random() < TAG else ()
            pieces += self._spoken(random, [*lead, *sentence, *tag])
            if random.random() < SOUND:
                pieces += _with_sound(random, pieces.pop())
        return Segment(side, False, tuple(pieces))

    def _spoken(self, random: Random, words: list[str]) -> Iterator[Piece]:
        """Words with fillers and repairs; a broken word ends a piece, and the next begins with it or one before."""
        said: list[str] = []
        place, broken = 0, False
        while place < len(words):
            word = words[place]
            if random.random() < (FILLER if place else FILLER_FIRST):
                said.append(FILLERS[random.random() < 0.4])
            if word in REPEATED and random.random() < REPEAT:
                said.append(word)
            if word in self.partials and not broken and random.random() < BREAK:
                written, count = self.partials[word]
                yield Piece((*said, word), (*said, written), count)
                said, broken = [], True
                place -= random.random() < 0.5 and place > 0
                continue
            said.append(word)
            place += 1
        yield Piece(tuple(said), tuple(said))


def _with_sound(random: Random, piece: Piece) -> list[Piece]:
    sound = SOUNDS.draw(random)
    if sound != LAUGHTER:
        return [piece, Piece((), (sound,))]
    last = piece.written[-1]
    written = (*piece.written[:-1], f"[laughter-{last}]" if last in LAUGHED else last)
    syllables = ("ha", "heh")[random.random() < 0.4]
    return [Piece(piece.words, written), Piece((syllables,) * (2 + int(3 * random.random())), (LAUGHTER,))]
