"""The Hub5 2000 evaluation as a data directory, as Kaldi's eval2000_data_prep.sh makes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faults import Faults
from recordings import SIDES, Recordings, file_and_channel, files_below

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.decode.hub5 import IGNORED
from houseblend.decode.stm_ctm import Segment, read_stm
from houseblend.io.data_dir import speaker_lines, write_data_dir
from houseblend.io.data_files import Line
from houseblend.io.streams import read_text

PEM, STM, GLM = "hub5e_00.pem", "hub5e00.english.000405.stm", "en20000405_hub5.glm"


@dataclass(frozen=True)
class Stretch:
    """A segment of the pem: side of a call (en_4156-A), times in seconds, line of the file."""

    side: str
    start: float
    end: float
    line: int

    @property
    def key(self) -> str:
        """Its id, which lengthening leaves as it is: en_4156-A_030185-030248."""
        return utterance_id(self.side, self.start, self.end)


def utterance_id(side: str, start: float, end: float) -> str:
    """Side and hundredths of a second, cut off."""
    return f"{side}_{int(100 * start):06d}-{int(100 * end):06d}"


def prepare(speech: Path, transcripts: Path, out: Path, extend: float, max_skipped: int) -> None:
    """Write the data directory; see the program.

    Raises:
        InputError: files are missing or broken, pem and stm differ, more than `max_skipped` segments are wrong, or none
            is left.
    """
    pem, stm, glm = _find(speech, PEM), _find(transcripts, STM), _find(transcripts, GLM)
    recordings = Recordings(speech, r"((?:sw|en)_\d+)", "{}")
    segments, stretches = _references(stm), {one.key: one for one in read_pem(pem)}
    _check_same(segments, stretches, stm, pem)
    references = {"stm": mended(read_text(stm)), "glm": read_text(glm)}
    faults = Faults(max_skipped)
    chosen = {}
    for key, one in extended(stretches, extend).items():
        if any(mark in segments[key].text for mark in IGNORED):
            continue
        try:
            recordings.check_times(one.side.rpartition("-")[0], stretches[key].start, one.end, pem, one.line)
            chosen[key] = one
        except InputError as fault:
            faults.add(fault)
    faults.check()
    if not chosen:
        raise InputError("no segment is left", file=pem, expected="some that are scored", do="take pem and stm anew")
    _write(out, chosen, segments, recordings)
    for name, text in references.items():
        write_text(out / name, text)


def _references(stm: Path) -> dict[str, Segment]:
    """Segments of the stm by id; one that comes twice would be scored twice."""
    segments: dict[str, Segment] = {}
    for one in read_stm(stm)[0]:
        key = utterance_id(f"{one.file}-{one.channel}", one.start, one.end)
        if key in segments:
            what = f"the segment of line {segments[key].line} again"
            raise InputError(what, file=stm, line=one.line, key=key, expected="each once", do="take one away")
        segments[key] = one
    return segments


def _check_same(segments: dict[str, Segment], stretches: dict[str, Stretch], stm: Path, pem: Path) -> None:
    different = sorted(segments.keys() ^ stretches.keys())
    if not different:
        return
    key = different[0]
    file, line, other = (stm, segments[key].line, pem) if key in segments else (pem, stretches[key].line, stm)
    raise InputError(
        f"the segment is not in {other}", file=file, line=line, key=key, expected="the same segments in both",
        do=f"take both of one release; {len(different)} segments are in one of stm and pem only",
    )  # fmt: skip


def read_pem(path: Path) -> list[Stretch]:
    """The segments of a pem: lines of call, side, speaker, start and end.

    Raises:
        InputError: the file is missing, not UTF-8, or a line has another form.
    """
    found = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or ";;" in line:
            continue
        try:
            call, side, _, start, end = line.split()[:5]
            stretch = Stretch(f"{call}-{side}", float(start), float(end), number)
            if side not in SIDES or not 0 <= stretch.start < stretch.end < float("inf"):
                raise ValueError("side or times")
        except ValueError:
            expected = "CALL SIDE SPEAKER START END, SIDE being A or B, START < END"
            raise InputError(
                f"cannot read {line[:60]!r}", file=path, line=number, expected=expected, do="copy it again"
            ) from None
        found.append(stretch)
    return found


def extended(stretches: dict[str, Stretch], seconds: float) -> dict[str, Stretch]:
    """Segments lengthened at both ends, up to the middle of the pause between two; overlaps stay as they are, and are told."""
    result: dict[str, Stretch] = {}
    overlaps = 0
    for side in sorted({one.side for one in stretches.values()}):
        order = sorted((one.start, key) for key, one in stretches.items() if one.side == side)
        keys = [key for _, key in order]
        pauses = [stretches[two].start - stretches[one].end for one, two in zip(keys, keys[1:], strict=False)]
        overlaps += sum(pause < 0 for pause in pauses)
        room = [seconds, *(min(seconds, max(0.0, pause / 2)) for pause in pauses), seconds]
        for key, before, behind in zip(keys, room, room[1:], strict=False):
            one = stretches[key]
            result[key] = replace(one, start=max(0.0, one.start - before), end=one.end + behind)
    if overlaps:
        warn(f"{overlaps} segments overlap and stay as they are")
    return {key: result[key] for key in sorted(result)}


def mended(stm: str) -> str:
    """The reference without what scoring stumbles over: doubled parentheses, and marks of asides, as Kaldi mends it."""
    lines = [line.replace("((", "(", 1).replace("<B_ASIDE>", "").replace("<E_ASIDE>", "") for line in stm.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _find(folder: Path, name: str) -> Path:
    found = [path for path in files_below(folder) if path.name == name]
    if not found:
        raise InputError(f"no {name}", file=folder, expected="it somewhere below", do="name the directory of the disc")
    return found[0]


def _write(out: Path, chosen: dict[str, Stretch], segments: dict[str, Segment], recordings: Recordings) -> None:
    sides = {one.side for one in chosen.values()}
    lines: dict[str, list[Line]] = {
        "text": _lines([(key, " ".join(segments[key].text.lower().split())) for key in chosen]),
        "segments": _lines([(key, f"{one.side} {one.start:.2f} {one.end:.2f}") for key, one in chosen.items()]),
        "utt2spk": _lines([(key, one.side) for key, one in chosen.items()]),
        "wav.scp": recordings.scp(sides),
        "reco2file_and_channel": file_and_channel(sides),
    }
    lines["spk2utt"] = speaker_lines(lines["utt2spk"])
    write_data_dir(out, lines)
    log(f"{out}: {len(chosen)} utterances of {len(sides)} sides")


def _lines(rows: Sequence[tuple[str, str]]) -> list[Line]:
    return [Line(number, *row) for number, row in enumerate(rows, start=1)]
