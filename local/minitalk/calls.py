"""One call: who talks, what is said and when, and how it sounds; a function of seed, profile and number only."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
from callers import Caller, draw_caller
from channel import RATE, Line, mix
from conversation import LAUGHTER, NOISE, Partials, Piece, Segment, Talk
from dictionary import Lexicon
from espeak import RATE as VOICE_RATE
from espeak import Library, Voice
from grammar import Grammar
from phones import RHOTIC, Phone, locate
from profiles import PROFILES, harder

from houseblend.base.seeds import seed_of

SIDES = "AB"
FIRST, DEV_CALLS, EVAL_CALLS, EVAL_FIRST = 2001, 20, 20, (4001, 4101)
"""Numbers of the first call, of calls for development, of calls of each half of the evaluation, and their first."""
SECONDS = {"train": 90.0, "dev": 60.0, "test": 60.0}
"""Transcribed speech of a call: it ends with the first segment that reaches this."""
CALLERS = 700
"""Training callers; every one is heard once before any is heard again."""
CALLER_FIRST = {"train": 1000, "dev": 2000, "test": 3000}
PAD = 0.1
"""Seconds of a transcribed segment before and behind what is said."""
GAP, BETWEEN = (0.25, 0.9), (0.04, 0.35)
"""Seconds between segments, and between pieces of one."""
MARKS = {LAUGHTER: "lau", NOISE: "nsn"}


@dataclass(frozen=True)
class Call:
    """Which call.

    Args:
        name: sw02001, or sw_4001, en_4101 of the evaluation.
        number: 2001, 4001, ...
        partition: train, dev or test.
    """

    name: str
    number: int
    partition: str


@dataclass(frozen=True)
class Word:
    """A token of the transcript in time, seconds from the start of the call."""

    start: float
    end: float
    token: str


@dataclass
class Said:
    """A segment in time.

    Args:
        segment: what it is.
        start: seconds from the start of the call, padding included.
        end: the same.
        words: one a token.
        phones: phones and sounds.
    """

    segment: Segment
    start: float = 0.0
    end: float = 0.0
    words: list[Word] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)


@dataclass
class Recording:
    """A finished call.

    Args:
        call: which.
        callers: of both sides.
        lines: of both sides.
        said: all segments in order of their start.
        codes: mu-law, shape [samples, 2], uint8.
    """

    call: Call
    callers: list[Caller]
    lines: list[Line]
    said: list[Said]
    codes: np.ndarray


class Studio:
    """Makes calls.

    Args:
        library: espeak, loaded, that has not spoken in this process.
        grammar: the sentences.
        lexicon: pronunciations, for words run together and words broken off.
        partials: beginnings of words, see `dictionary.partial_words`.
        seed: of the corpus.
        profile: name of the profile.
    """

    def __init__(
        self, library: Library, grammar: Grammar, lexicon: Lexicon, partials: Partials, seed: int, profile: str
    ) -> None:
        self.library, self.grammar, self.lexicon, self.partials = library, grammar, lexicon, partials
        self.seed, self.profile = seed, PROFILES[profile]

    def record(self, call: Call) -> Recording:
        """Make a call.

        Raises:
            HouseBlendError: espeak failed.
        """
        profile = harder(self.profile) if call.name.startswith("en") else self.profile
        callers = [draw_caller(self.seed, number, profile) for number in caller_numbers(self.seed, call)]
        draw = np.random.RandomState(np.random.Philox(key=seed_of(self.seed, "line", call.number)))
        lines = [Line(profile, draw) for _ in SIDES]
        said, sounds = self._talk(call, callers)
        count = int(RATE * (max(one.end for one in said) + 1.0))
        sides, spoken = [np.zeros(count, np.float32) for _ in SIDES], [np.zeros(count, bool) for _ in SIDES]
        for one, sound in zip(said, sounds, strict=True):
            side, first = one.segment.side, round(RATE * (one.start + PAD))
            carried = lines[side].carry(sound)[: count - first]
            sides[side][first : first + len(carried)] += carried
            spoken[side][first : first + len(carried)] = True
        order = sorted(said, key=lambda one: one.start)
        return Recording(call, callers, lines, order, mix(sides, spoken, lines, draw))

    def _talk(self, call: Call, callers: Sequence[Caller]) -> tuple[list[Said], list[np.ndarray]]:
        """Segments in time, and the sound of each at VOICE_RATE."""
        random = Random(seed_of(self.seed, "talk", call.number))
        draw = np.random.RandomState(np.random.Philox(key=seed_of(self.seed, "sounds", call.number)))
        said, sounds, ends, floor, speech = [], [], [0.3, 0.3], 0.3, 0.0
        with ExitStack() as stack:
            voices = [stack.enter_context(Voice(self.library, caller.voice)) for caller in callers]
            for segment in Talk(self.grammar, self.partials, call.partition).segments(random):
                gap = GAP[0] + (GAP[1] - GAP[0]) * random.random()
                wished = floor - 0.7 * random.random() if segment.backchannel else floor + gap - 0.3
                start = max(wished, ends[segment.side] + 0.05)
                accent = callers[segment.side].voice.accent
                one, sound = self._say(segment, start, voices[segment.side], accent in RHOTIC, random, draw)
                said.append(one)
                sounds.append(sound)
                ends[segment.side] = one.end
                floor = floor if segment.backchannel else one.end
                speech += one.end - one.start
                if speech >= SECONDS[call.partition]:
                    return said, sounds
        raise AssertionError("a conversation has no end")

    def _say(
        self, segment: Segment, start: float, voice: Voice, rhotic: bool, random: Random, draw: np.random.RandomState
    ) -> tuple[Said, np.ndarray]:
        """A segment from `start` on."""
        said, parts, place = Said(segment, start=start), [], 0
        for number, piece in enumerate(segment.pieces):
            if number:
                pause = BETWEEN[0] + (BETWEEN[1] - BETWEEN[0]) * random.random()
                parts.append(np.zeros(round(VOICE_RATE * pause), np.float32))
                place += len(parts[-1])
            sound, phones = self._sound(piece, voice, rhotic, draw)
            offset = start + PAD + place / VOICE_RATE
            said.words += _words(piece, phones, offset)
            said.phones += [Phone(one.start + offset, one.end + offset, one.name, one.word) for one in phones]
            parts.append(sound)
            place += len(sound)
        said.end = start + 2 * PAD + place / VOICE_RATE
        return said, np.concatenate(parts)

    def _sound(
        self, piece: Piece, voice: Voice, rhotic: bool, draw: np.random.RandomState
    ) -> tuple[np.ndarray, list[Phone]]:
        """Samples of a piece at VOICE_RATE, shape [samples], and its phones in time."""
        if not piece.words:
            sound = _knock(draw) if piece.sound == NOISE else _breath(draw)
            return sound, [Phone(0.0, len(sound) / VOICE_RATE, MARKS.get(piece.written[0], "spn"), 0)]
        spoken = voice.say(list(piece.words))
        lengths = [len(self.lexicon[word][0]) if word in self.lexicon else 1 for word in piece.words]
        phones = locate(spoken, lengths, rhotic)
        if piece.cut is not None:
            own = [place for place, one in enumerate(phones) if one.word == len(piece.words) - 1]
            phones = phones[: own[: piece.cut][-1] + 1]
        end = round(VOICE_RATE * phones[-1].end)
        sound = np.frombuffer(spoken.sound, np.int16)[:end].astype(np.float32)
        fade = min(220, len(sound))
        sound[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        if piece.sound is not None:
            phones = [Phone(phones[0].start, phones[-1].end, MARKS[piece.sound], 0)]
        return sound, phones


def calls_of(hours: float) -> list[Call]:
    """The calls of a corpus: development, training, and both halves of the evaluation.

    Below one hour, development and evaluation shrink with the hours; what is there is the same as in a larger corpus.
    """
    share = min(1.0, hours)
    dev, half = max(1, round(share * DEV_CALLS)), max(1, round(share * EVAL_CALLS))
    train = -int(-hours * 3600 // SECONDS["train"])
    numbers = [*((FIRST + place, "dev") for place in range(dev))]
    numbers += [(FIRST + DEV_CALLS + place, "train") for place in range(train)]
    calls = [Call(f"sw0{number}", number, partition) for number, partition in numbers]
    for name, first in zip(("sw", "en"), EVAL_FIRST, strict=True):
        calls += [Call(f"{name}_{first + place}", first + place, "test") for place in range(half)]
    return calls


def caller_numbers(seed: int, call: Call) -> tuple[int, int]:
    """Who talks: in training all callers once, in an order of the seed's, then again; elsewhere each caller once."""
    first = CALLER_FIRST[call.partition]
    if call.partition == "dev":
        place = 2 * (call.number - FIRST)
        return first + place, first + place + 1
    if call.partition == "test":
        half = call.number >= EVAL_FIRST[1]
        place = 2 * (call.number - EVAL_FIRST[half] + half * EVAL_CALLS)
        return first + place, first + place + 1
    turn, place = divmod(call.number - FIRST - DEV_CALLS, CALLERS // 2)
    order = np.random.RandomState(np.random.Philox(key=seed_of(seed, "callers", turn))).permutation(CALLERS)
    return first + int(order[2 * place]), first + int(order[2 * place + 1])


def _words(piece: Piece, phones: list[Phone], offset: float) -> list[Word]:
    if piece.sound is not None:
        return [Word(offset + phones[0].start, offset + phones[-1].end, piece.sound)]
    firsts = [
        min((one.start for one in phones if one.word == word), default=None) for word in range(len(piece.written))
    ]
    lasts = [max((one.end for one in phones if one.word == word), default=None) for word in range(len(piece.written))]
    words, before = [], phones[0].start
    for token, first, last in zip(piece.written, firsts, lasts, strict=True):
        start, before = (before if first is None else first), (before if last is None else last)
        words.append(Word(offset + start, offset + before, token))
    return words


def _knock(draw: np.random.RandomState) -> np.ndarray:
    """One to three dull knocks, shape [samples]."""
    knocks = []
    for _ in range(draw.randint(1, 4)):
        count = int(VOICE_RATE * draw.uniform(0.08, 0.25))
        time = np.arange(count) / VOICE_RATE
        ring = np.sin(2 * np.pi * draw.uniform(250, 1500) * time) + draw.standard_normal(count)
        knocks.append(3000.0 * ring * np.exp(-time / draw.uniform(0.01, 0.05)))
    return np.concatenate(knocks).astype(np.float32)


def _breath(draw: np.random.RandomState) -> np.ndarray:
    """A breath or a cough: noise that swells and ebbs, shape [samples]."""
    count = int(VOICE_RATE * draw.uniform(0.2, 0.6))
    swell = np.sin(np.pi * np.arange(count) / count) ** draw.uniform(0.5, 3.0)
    noise = np.convolve(draw.standard_normal(count), np.ones(4) / 4, mode="same")
    return (draw.uniform(1000, 4000) * swell * noise).astype(np.float32)


def gaps(said: Sequence[Said], side: int, length: float) -> list[tuple[float, float, Said | None]]:
    """A side from 0 to `length`: start, end, and the segment or None for silence."""
    own = [(one.start, one.end, one) for one in said if one.segment.side == side]
    covered: list[tuple[float, float, Said | None]] = []
    for (_, end, _), (start, _, _) in pairwise([(0.0, 0.0, None), *own, (length, length, None)]):
        covered.append((end, start, None))
    return sorted([*(one for one in covered if one[1] > one[0]), *own], key=lambda one: one[0])
