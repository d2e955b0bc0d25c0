"""The files of Kaldi's data directory: what every line must look like (Kaldi's utils/validate_data_dir.sh).

All are text, one entry a line: a key, a space, and words. Keys are utterances, speakers or recordings, in the order of
their bytes, each once. `FILES` is the one set of rules; validating and mending a data directory both read it.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.io.streams import read_text, split_offset
from houseblend.io.text import BLANKS, MARK, decode, odd_letter, remedy, words_of

FORBIDDEN_WORDS = {"<s>", "</s>", "#0", "<eps>"}
FIX = "run fix-data-dir"
MEND = f"mend it, or {FIX}"


@dataclass(frozen=True)
class Line:
    """One line: its number from 1, the key, and the rest without surrounding spaces."""

    number: int
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.value}".rstrip()


@dataclass(frozen=True)
class FileRule:
    """What a file holds.

    Args:
        index: whose ids the keys are: utterance, speaker or recording.
        accepts: whether the words behind a key are right.
        expected: the same in words.
        complete: every id must have its line.
        plain: control characters and spaces other than blank and tab are refused, as Kaldi does; file names may have them.
    """

    index: str
    accepts: Callable[[list[str]], bool]
    expected: str
    complete: bool = True
    plain: bool = True


def _number(low: float, high: float = math.inf, whole: bool = False) -> Callable[[list[str]], bool]:
    def accepts(words: list[str]) -> bool:
        try:
            value = float(words[0])
        except (ValueError, IndexError):
            return False
        return len(words) == 1 and low < value < high and not (whole and value != int(value))

    return accepts


def _words(count: int) -> Callable[[list[str]], bool]:
    return lambda words: len(words) == count


def _is_segment(words: list[str]) -> bool:
    try:
        _, start, end = words[0], float(words[1]), float(words[2])
    except (ValueError, IndexError):
        return False
    return len(words) == 3 and 0 <= start < end < math.inf


def _is_text(words: list[str]) -> bool:
    return all(word not in FORBIDDEN_WORDS for word in words)


def _is_file_name(words: list[str]) -> bool:
    return bool(words) and not words[0].startswith("~")


FILES = {
    "utt2spk": FileRule("utterance", _words(1), "UTTERANCE SPEAKER"),
    "spk2utt": FileRule("speaker", bool, "SPEAKER UTTERANCE ..."),
    "text": FileRule("utterance", _is_text, "UTTERANCE WORD ..., none of the words <s> </s> #0 <eps>"),
    "segments": FileRule("utterance", _is_segment, "UTTERANCE RECORDING START END, in seconds, 0 <= START < END"),
    "wav.scp": FileRule(
        "recording", _is_file_name, "RECORDING FILE or RECORDING COMMAND |, FILE not beginning with ~", plain=False
    ),
    "reco2file_and_channel": FileRule(
        "recording", lambda words: len(words) == 2 and words[1] in ("A", "B", "1"), "RECORDING FILE A or B"
    ),
    "reco2dur": FileRule("recording", _number(0), "RECORDING SECONDS"),
    "feats.scp": FileRule("utterance", _is_file_name, "UTTERANCE ARCHIVE:OFFSET", plain=False),
    "vad.scp": FileRule("utterance", _is_file_name, "UTTERANCE ARCHIVE:OFFSET", plain=False),
    "cmvn.scp": FileRule("speaker", _is_file_name, "SPEAKER ARCHIVE:OFFSET", plain=False),
    "spk2gender": FileRule("speaker", lambda words: words in (["m"], ["f"]), "SPEAKER m or f"),
    "spk2warp": FileRule("speaker", _number(0.5, 1.5), "SPEAKER FACTOR, between 0.5 and 1.5"),
    "utt2warp": FileRule("utterance", _number(0.5, 1.5), "UTTERANCE FACTOR, between 0.5 and 1.5"),
    "utt2lang": FileRule("utterance", _words(1), "UTTERANCE LANGUAGE"),
    "utt2uniq": FileRule("utterance", _words(1), "UTTERANCE ORIGINAL"),
    "utt2orig": FileRule("utterance", _words(1), "UTTERANCE ORIGINAL", complete=False),
    "utt2dur": FileRule("utterance", _number(0), "UTTERANCE SECONDS"),
    "utt2num_frames": FileRule("utterance", _number(0, whole=True), "UTTERANCE FRAMES"),
}
"""By name; utt2orig (which recording an utterance is a copy of) is this toolkit's own."""


def read_lines(path: Path, rule: FileRule, in_order: bool = True) -> tuple[list[Line], list[InputError]]:
    """The good lines of a file in their order, and what is wrong with the others and with the order.

    Of lines with the same key the first is good; so is a line out of order, with a carriage return, or behind a byte
    order mark.

    Raises:
        InputError: there is no such file.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise InputError("no such file", file=path, expected=rule.expected, do="write it") from None
    good: list[Line] = []
    wrong = _Wrong(path)
    seen: set[str] = set()
    if data.startswith(MARK):
        wrong.add("the file begins with a byte order mark (U+FEFF)", line=1, do=f"take it off, or {FIX}")
    rows = data.removeprefix(MARK).split(b"\n")
    if rows[-1]:
        wrong.add("the last line has no end", line=len(rows), do=f"complete it, or {FIX}")
    for number, row in enumerate(rows if rows[-1] else rows[:-1], start=1):
        if row.endswith(b"\r"):
            wrong.add("the line ends in a carriage return", line=number, do=FIX)
        line = _parse(row.removesuffix(b"\r"), number)
        if isinstance(line, str):
            do = MEND if line == _KEYLESS else remedy(line)
            wrong.add(line, line=number, key=_key(row), expected=rule.expected, do=do)
        elif rule.plain and (odd := odd_letter(str(line))):
            wrong.add(f"{odd} in the line", line=number, key=line.key, expected=rule.expected, do=MEND)
        elif not rule.accepts(words_of(line.value)):
            what = f"bad line {str(line)[:60]!r}"
            wrong.add(what, line=number, key=line.key, expected=rule.expected, do=MEND)
        elif line.key in seen:
            wrong.add("the key stands twice", line=number, key=line.key, do=FIX)
        else:
            if in_order and good and line.key < good[-1].key:
                order = f"a key behind {good[-1].key}, in the order of bytes (LC_ALL=C sort)"
                wrong.add("not sorted", line=number, key=line.key, expected=order, do=FIX)
            seen.add(line.key)
            good.append(line)
    if not good and not wrong.errors:
        wrong.add("the file is empty", expected=rule.expected, do="fill it or remove it")
    return good, wrong.all()


class _Wrong:
    """What is wrong with a file: so many single lines as anyone reads, and how many more."""

    MANY = 1000

    def __init__(self, path: Path) -> None:
        self.path, self.errors, self.more = path, list[InputError](), 0

    def add(self, what: str, *, line: int | None = None, key: str | None = None, expected: str | None = None,
            do: str) -> None:  # fmt: skip
        """One more, as `InputError` takes it."""
        if len(self.errors) < self.MANY:
            self.errors.append(InputError(what, file=self.path, line=line, key=key, expected=expected, do=do))
        else:
            self.more += 1

    def all(self) -> list[InputError]:
        """Those that are told; the last one tells the number of the others."""
        if self.more:
            self.errors[-1] = self.errors[-1].but(what=f"{self.errors[-1].what}, and so on in {self.more} more places")
        return self.errors


def file_of(place: str) -> str | None:
    """The file that an entry of a script is read from, without offset and range; None for a command or a stream."""
    if place.endswith("|") or place == "-":
        return None
    return split_offset(re.sub(r"\[[-\d:,]*\]$", "", place))[0]


def read_ids(path: Path) -> set[str]:
    """The first word of every line.

    Raises:
        InputError: there is no such file, or it is no text.
    """
    try:
        return {words[0] for line in read_text(path).split("\n") if (words := words_of(line))}
    except InputError as failure:
        raise failure.but(expected="a list of ids") from None


def to_text(lines: Iterable[Line]) -> str:
    """Lines as they are written."""
    return "".join(f"{line}\n" for line in lines)


_KEYLESS = "a line without a key"


def _key(row: bytes) -> str | None:
    """The first word of a line that is no text, if it is text itself."""
    try:
        return decode(re.split(b"[ \t]", row, maxsplit=1)[0]) or None
    except ValueError:
        return None


def _parse(row: bytes, number: int) -> Line | str:
    """A line, or what is wrong with its form."""
    try:
        text = decode(row)
    except ValueError as failure:
        return str(failure)
    parts = words_of(text, 1)
    if not parts or text[0] in BLANKS:
        return _KEYLESS
    return Line(number, parts[0], parts[1] if len(parts) == 2 else "")
