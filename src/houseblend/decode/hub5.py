"""The hub5 protocol: a ctm scored against an stm, segment by segment, as NIST's hubscr.pl and sclite do it.

Words belong to the first segment of their channel that ends behind their middle, the rest to the last one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.decode.glm import Rules
from houseblend.decode.lattice_ctm import lattice_words, utterance_places
from houseblend.decode.score import read_choice, write_score
from houseblend.decode.stm_ctm import Segment, TimedWord, read_ctm, read_stm, spelled_out
from houseblend.decode.wer import Counts, total
from houseblend.decode.word_network import Network, Pair, align, tokens
from houseblend.io.text import words_of

IGNORED = ("IGNORE_TIME_SEGMENT_IN_SCORING", "IGNORETIMESEGMENTINSCORING")
HESITATIONS = frozenset(["uh", "um", "eh", "mm", "hm", "ah", "huh", "ha", "er", "oof", "hee", "ach", "eee", "ew"])
"""What the rules map to %HESITATION, which the reference marks as optional."""
NAME_STM = "name the stm of this test"
Channel = tuple[str, str]
"""File and channel, in small letters."""


class Scored(NamedTuple):
    """A segment with its alignment; `key` is the speaker and the number of the segment among theirs."""

    key: str
    segment: Segment
    pairs: list[Pair]

    @property
    def counts(self) -> Counts:
        """Words and errors; an optional word counts where it is aligned or left out."""
        kinds = [pair.kind for pair in self.pairs]
        return Counts(len(kinds) - kinds.count("I"), kinds.count("I"), kinds.count("D"), kinds.count("S"))


class _Heard(NamedTuple):
    """A word or alternatives of a hypothesis after the rules: the middle of its latest word in seconds, its tokens."""

    middle: float
    tokens: list[str]


def score_decoding(data: Path, graph: Path, model: Path, decoding: Path, chosen_on: Path, out: Path) -> None:
    """Write ctm, report, best_wer, per_utt and `score.json` of a decoding.

    Args:
        data: data directory with stm, glm, segments and reco2file_and_channel.
        graph: graph directory.
        model: model directory.
        decoding: decode directory.
        chosen_on: score directory of the set that weight and penalty were chosen on.
        out: directory to write.

    Raises:
        InputError: files are missing or broken, or do not belong together.
    """
    weight, penalty = read_choice(chosen_on)
    segments, titles = read_stm(data / "stm")
    words = lattice_words(decoding, graph, model, utterance_places(data), weight, penalty, is_scored)
    write_text(out / "ctm", "".join(f"{letter}\n" for word in words for letter in spelled_out(word)))
    scored = score_ctm(segments, read_ctm(out / "ctm"), data / "stm", out / "ctm", data / "glm")
    write_text(out / "report", report(scored, titles))
    counts = {one.key: one.counts for one in scored}
    pairs = {one.key: one.pairs for one in scored}
    write_score(out, counts, pairs, (weight, penalty), chosen_on, {one.key: one.segment.text for one in scored})


def is_scored(word: str) -> bool:
    """Whether a recognised word stands in a ctm: noises, unknown words, hesitations and fragments do not.

    They are optional in the reference: without them nothing is lost, with them nothing is won (Kaldi's score_sclite.sh).
    """
    small = word.lower()
    return not (small.startswith(("[", "<")) or small.endswith("-") or small in HESITATIONS)


def score_ctm(segments: list[Segment], words: list[TimedWord], stm: Path, ctm: Path, glm: Path | None) -> list[Scored]:
    """Align every segment that is not to be ignored.

    Args:
        segments: reference.
        words: hypothesis.
        stm: where the segments come from, for errors.
        ctm: where the words come from.
        glm: file of the global mapping rules, None for none.

    Raises:
        InputError: words of a channel that the reference does not have, no words at all, a segment twice, or a broken
            alternation.
    """
    references = by_channel(segments)
    if not references:
        raise InputError("no segments", file=stm, do=NAME_STM)
    _check_twice(segments, words, stm, ctm)
    _check_channels(references, words, stm, ctm)
    heard = _filtered(words, Rules.read(glm, "ctm hyp") if glm else Rules([]))
    mapping = Rules.read(glm, "stm ref") if glm else Rules([])
    scored: list[Scored] = []
    numbers: dict[str, int] = {}
    for channel in sorted(references):
        place = 0
        spoken = heard.get(channel, [])
        for index, segment in enumerate(references[channel]):
            first, last = place, index == len(references[channel]) - 1
            end = float(np.float32(segment.end))  # the precision of sclite: a middle may be just there
            while place < len(spoken) and (last or spoken[place].middle < end):
                place += 1
            text = mapping.filter(segment.text)
            if any(mark in text for mark in IGNORED):
                continue
            speaker = segment.speaker.lower()
            key = f"{speaker}-{numbers.setdefault(speaker, 0):03d}"
            numbers[speaker] += 1
            said = _network(tokens(text), stm, segment.line)
            recognised = _network((token for one in spoken[first:place] for token in one.tokens), ctm, None)
            scored.append(Scored(key, segment, align(said, recognised)))
    if not scored:
        raise InputError("no segments to score", file=stm, do=NAME_STM)
    return scored


def by_channel(segments: Iterable[Segment]) -> dict[Channel, list[Segment]]:
    """The segments of every channel in order of time; overlaps are told."""
    channels: dict[Channel, list[Segment]] = {}
    for segment in segments:
        channels.setdefault((segment.file.lower(), segment.channel.lower()), []).append(segment)
    overlaps = 0
    for found in channels.values():
        found.sort(key=lambda segment: segment.start)
        overlaps += sum(one.end > other.start for one, other in zip(found, found[1:], strict=False))
    if overlaps:
        warn(f"{overlaps} segments of the reference begin before the one ahead of them has ended")
    return channels


def _filtered(words: list[TimedWord], mapping: Rules) -> dict[Channel, list[_Heard]]:
    """Words after the rules; the parts of a word that becomes several share its time."""
    channels: dict[Channel, list[_Heard]] = {}
    for one in sorted(words, key=lambda one: one.start):
        found = tokens(mapping.filter(one.word))
        spoken = channels.setdefault((one.file.lower(), one.channel.lower()), [])
        if "{" in found:
            longest = max(len(words_of(part)) for part in " ".join(found).strip("{} ").split("/"))
            spoken.append(_Heard(_middle(one, longest - 1, longest), found))
        else:
            spoken += [_Heard(_middle(one, index, len(found)), [part]) for index, part in enumerate(found)]
    return channels


def _middle(one: TimedWord, index: int, count: int) -> float:
    """Of one of the equal parts of a word; times are rounded to milliseconds as in NIST's filtered ctm."""
    length = one.duration / max(count, 1)
    return round(one.start + index * length, 3) + round(length, 3) / 2


def _network(found: Iterable[str], file: Path, line: int | None) -> Network:
    try:
        return Network(found)
    except InputError as failure:
        raise failure.but(file=file, line=line) from None


def _check_twice(segments: list[Segment], words: list[TimedWord], stm: Path, ctm: Path) -> None:
    """Refuse a segment that stands in the reference twice; words that do are told: overlapping segments have them."""
    lines: dict[tuple, int] = {}
    for one in segments:
        first = lines.setdefault((one.file.lower(), one.channel.lower(), one.speaker, one.start, one.end), one.line)
        if first != one.line:
            what = f"the segment of line {first} again"
            raise InputError(what, file=stm, line=one.line, expected="each once", do="take one away")
    seen = Counter((one.file, one.channel, one.start, one.duration, one.word) for one in words if one.duration)
    twice = next((key for key, count in seen.items() if count > 1), None)
    if twice:
        file, channel, start, _, word = twice
        count = sum(seen.values()) - len(seen)
        warn(f"{ctm}: {count} words stand there twice, such as {word} of {file} {channel} at {start:.2f} s")


def _check_channels(references: dict[Channel, list[Segment]], words: list[TimedWord], stm: Path, ctm: Path) -> None:
    if not words:
        raise InputError("no words", file=ctm, do="check the decoding")
    for one in words:
        if (one.file.lower(), one.channel.lower()) not in references:
            raise InputError(
                f"file {one.file} channel {one.channel} is not in {stm}", file=ctm, line=one.line,
                expected="the recordings of the stm", do=NAME_STM,
            )  # fmt: skip
    silent = references.keys() - {(one.file.lower(), one.channel.lower()) for one in words}
    if silent:
        warn(f"{ctm}: no words of {len(silent)} of {len(references)} channels, such as {' '.join(min(silent))}")


def report(scored: list[Scored], titles: Mapping[str, str]) -> str:
    """Words and errors of all, of every subset that a label names, and of every speaker; a table, one a line."""
    rows = [("all", total_of(scored))]
    for label in dict.fromkeys(label for one in scored for label in one.segment.labels):
        chosen = [one for one in scored if label in one.segment.labels]
        rows.append((f"subset {titles.get(label, label)}", total_of(chosen)))
    for speaker in dict.fromkeys(one.segment.speaker for one in scored):
        rows.append((f"speaker {speaker}", total_of([one for one in scored if one.segment.speaker == speaker])))
    width = max(len(name) for name, _ in rows)
    lines = [f"{'':{width}}  words   corr    sub    del    ins    WER %\n"]
    for name, counts in rows:
        correct = counts.words - counts.deletions - counts.substitutions
        numbers = (counts.words, correct, counts.substitutions, counts.deletions, counts.insertions)
        lines.append(f"{name:{width}} " + " ".join(f"{one:6d}" for one in numbers) + f"   {counts.rate:6.2f}\n")
    return "".join(lines)


def total_of(scored: Iterable[Scored]) -> Counts:
    """The sum over segments."""
    return total({one.key: one.counts for one in scored})
