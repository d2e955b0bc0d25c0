"""Mississippi State transcripts of Switchboard: `sw2001A-ms98-a-0002 0.977625 11.561375 hi um yeah`, a segment a line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faults import Faults
from recordings import SIDES, Recordings, files_below
from words import spoken_words, with_acronyms

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.data_files import FORBIDDEN_WORDS
from houseblend.io.streams import read_text
from houseblend.io.text import odd_letter, words_of

EXPECTED = "sw2001A-ms98-a-0001 START END WORD ..."
GET = "get the transcripts again from https://www.openslr.org/5"
_FILE = re.compile(r"sw(\d{4})([AB])-ms98-a-trans\.text")
_ID = re.compile(r"sw(\d{4})([AB])-ms98-a-(\d+)")
_SLACK = 0.01
"""Seconds by which segments may overlap for rounding."""


@dataclass(frozen=True)
class Utterance:
    """A segment with words: times in whole hundredths of a second, as in its id."""

    call: str
    side: str
    start: int
    end: int
    words: tuple[str, ...]

    @property
    def recording(self) -> str:
        """The side of the call: sw02001-A."""
        return f"{self.call}-{self.side}"

    @property
    def key(self) -> str:
        """Its id: sw02001-A_000098-001156."""
        return f"{self.recording}_{self.start:06d}-{self.end:06d}"


def read_transcripts(
    disc: Path, recordings: Recordings, acronyms: Mapping[str, str], faults: Faults
) -> list[Utterance]:
    """The utterances of all calls in the order of their ids; what is wrong goes to `faults` and is left out.

    Raises:
        InputError: there are no transcripts, or two of the same side.
    """
    files = _files(disc)
    untold = sorted(recordings.files.keys() - {f"sw0{number}" for number, _ in files})
    if untold:
        warn(f"{disc}: {len(untold)} recordings have no transcripts and are left out, such as {untold[0]}")
    utterances: dict[str, Utterance] = {}
    for number in sorted({number for number, _ in files}):
        try:
            call = f"sw0{number}"
            texts = {side: read_text(files[number, side]) if (number, side) in files else "" for side in SIDES}
            missing = [side for side in SIDES if not texts[side].strip()]
            if missing:
                raise InputError(f"half a call: no transcript of side {missing[0]}", file=disc, key=call, do=GET)
            recordings.header(call)
        except InputError as fault:
            faults.add(fault)
            continue
        for side in SIDES:
            for one in _side(texts[side], files[number, side], call, side, recordings, acronyms, faults):
                utterances[one.key] = one
    return [utterances[key] for key in sorted(utterances)]


def _files(disc: Path) -> dict[tuple[str, ...], Path]:
    """Transcripts by number of the call and side."""
    files: dict[tuple[str, ...], Path] = {}
    for path in files_below(disc):
        if not (found := _FILE.fullmatch(path.name)):
            continue
        if found.groups() in files:
            what = f"two transcripts of call sw0{found[1]} side {found[2]}"
            raise InputError(what, file=path, expected=f"{files[found.groups()]} only", do="take one of them away")
        files[found.groups()] = path
    if not files:
        raise InputError("no transcripts (sw2001A-ms98-a-trans.text ...)", file=disc, do=GET)
    return files


def _side(
    text: str, path: Path, call: str, side: str, recordings: Recordings, acronyms: Mapping[str, str], faults: Faults
) -> Iterator[Utterance]:
    last = 0.0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            start, end, words = _times_and_words(line, path, number, call, side)
            if start < last - _SLACK:
                raise InputError(
                    f"the segment begins at {start:.2f} s, the one before ends at {last:.2f} s", file=path, line=number,
                    expected="segments that do not overlap", do=GET,
                )  # fmt: skip
            recordings.check_times(call, start, end, path, number)
            said = with_acronyms(spoken_words(words), acronyms)
            if said and _hundredths(start) == _hundredths(end):
                what = f"words from {start} to {end} s"
                raise InputError(what, file=path, line=number, expected="a segment of 0.01 s or more", do=GET)
        except InputError as fault:
            faults.add(fault)
            continue
        last = end
        if said:
            yield Utterance(call, side, _hundredths(start), _hundredths(end), tuple(said))


def _times_and_words(line: str, path: Path, number: int, call: str, side: str) -> tuple[float, float, str]:
    try:
        name, start, end, *rest = line.split(None, 3)
        begin, stop = float(start), float(end)
    except ValueError:
        raise InputError(f"cannot read {line[:60]!r}", file=path, line=number, expected=EXPECTED, do=GET) from None
    found = _ID.fullmatch(name)
    if not found or (f"sw0{found[1]}", found[2]) != (call, side):
        raise InputError(
            f"segment {name!r} in the file of {call} {side}", file=path, line=number, expected=EXPECTED, do=GET
        )
    if not 0 <= begin < stop < float("inf"):
        what = f"a segment from {start} to {end} s"
        raise InputError(what, file=path, line=number, expected="0 <= START < END", do=GET)
    text = rest[0] if rest else ""
    odd = [word for word in words_of(text) if odd_letter(word) or word in FORBIDDEN_WORDS]
    if odd:
        expected = f"words of letters and signs, none of {' '.join(sorted(FORBIDDEN_WORDS))}"
        raise InputError(
            "no word of a transcript", file=path, line=number, key=ascii(odd[0]), expected=expected, do=GET
        )
    return begin, stop, text


def _hundredths(seconds: float) -> int:
    return int(100 * seconds + 0.5)
