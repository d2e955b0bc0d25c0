"""Files as LDC97S62, its transcripts and LDC2002S09 have them, one call at a time, and what is known besides."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from calls import FIRST, SIDES, Call, Recording, Said, Word, gaps
from channel import RATE

from houseblend.base.atomic import write_json

SWITCHBOARD, HUB5_AUDIO = "LDC97S62", "LDC2002S09/hub5e_00/english"
TRANSCRIPTS = f"{SWITCHBOARD}/swb_ms98_transcriptions"
CALLS_A_DISC = 200
HEADER_SIZE = 1024
SILENCE, SHORTEST_SILENCE = "[silence]", 0.01
SEXES = {"male": "M", "female": "F"}


def sphere(codes: np.ndarray, call: Call) -> bytes:
    """A NIST SPHERE file of mu-law codes, shape [samples, channels], uint8."""
    fields = [
        ("database_id", "SWITCHBOARD-1 (minitalk)"), ("conversation_id", call.name), ("sample_count", len(codes)),
        ("sample_rate", RATE), ("channel_count", codes.shape[1]), ("sample_n_bytes", 1), ("sample_coding", "ulaw"),
        ("sample_byte_format", "1"), ("sample_sig_bits", 8),
    ]  # fmt: skip
    lines = [
        f"{key} -i {value}" if isinstance(value, int) else f"{key} -s{len(value)} {value}" for key, value in fields
    ]
    header = "\n".join(["NIST_1A", f"{HEADER_SIZE:7d}", *lines, "end_head", ""]).encode()
    return header.ljust(HEADER_SIZE, b"\0") + codes.tobytes()


def audio_path(call: Call) -> str:
    """Where the audio of a call lies in the corpus."""
    if call.partition == "test":
        return f"{HUB5_AUDIO}/{call.name}.sph"
    disc = 1 + (call.number - FIRST) // CALLS_A_DISC
    return f"{SWITCHBOARD}/swb1_d{disc}/data/{call.name}.sph"


def record_path(call: Call) -> str:
    """Where the record of a call lies; it is written last, and so says that the call is whole."""
    return f"truth/calls/{call.name}.json"


def write_call(folder: Path, recording: Recording) -> None:
    """Write all files of a call; its record last, and that alone atomically: without it a call is made again.

    Raises:
        OSError: a file cannot be written.
    """
    call, length = recording.call, len(recording.codes) / RATE
    files = {}
    for side, letter in enumerate(SIDES):
        if call.partition != "test":
            stem = f"{TRANSCRIPTS}/{str(call.number)[:2]}/{call.number}/sw{call.number}{letter}-ms98-a"
            files |= _transcripts(stem, recording.said, side, length)
        files[f"truth/{call.name}-{letter}.ctm"] = _ctm(recording.said, side, f"{call.name}-{letter}", length)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    audio = folder / audio_path(call)
    audio.parent.mkdir(parents=True, exist_ok=True)
    audio.write_bytes(sphere(recording.codes, call))
    write_json(folder / record_path(call), _record(recording, length))


def read_record(folder: Path, call: Call) -> dict:
    """What `write_call` noted about a call."""
    return json.loads((folder / record_path(call)).read_text())


def _transcripts(stem: str, said: list[Said], side: int, length: float) -> dict[str, str]:
    """The transcripts of a side by name: segments, and words."""
    name = stem.rpartition("/")[2]
    trans, word = [], []
    for number, (start, end, one) in enumerate(gaps(said, side, length), start=1):
        key = f"{name}-{number:04d}"
        trans.append(f"{key} {start:.6f} {end:.6f} {one.segment.text if one else SILENCE}\n")
        words = _with_silence(one.words, start, end) if one else [Word(start, end, SILENCE)]
        word += [f"{key} {token.start:.6f} {token.end:.6f} {token.token}\n" for token in words]
    return {f"{stem}-trans.text": "".join(trans), f"{stem}-word.text": "".join(word)}


def _with_silence(words: Iterable[Word], start: float, end: float) -> list[Word]:
    """Words and the silence between them, without a gap from `start` to `end`."""
    covered, place = [], start
    for word in [*words, Word(end, end, "")]:
        first = max(word.start, place)
        if first - place > SHORTEST_SILENCE:
            covered.append(Word(place, first, SILENCE))
        elif first > place:
            first = place
        if word.token:
            covered.append(Word(first, max(word.end, first), word.token))
        place = max(word.end, first)
    return covered


def _ctm(said: list[Said], side: int, key: str, length: float) -> str:
    """True phones of a side from 0 to its end, silence between."""
    phones = [
        Word(phone.start, phone.end, phone.name) for one in said if one.segment.side == side for phone in one.phones
    ]
    covered = _with_silence(phones, 0.0, length)
    return "".join(
        f"{key} 1 {one.start:.3f} {one.end - one.start:.3f} {'sil' if one.token == SILENCE else one.token}\n"
        for one in covered
    )


def _record(recording: Recording, length: float) -> dict:
    sides = [
        {
            "caller": caller.number, "sex": SEXES[caller.sex], "accent": caller.voice.accent, "birth_year": caller.birth_year,
            "dialect": caller.dialect, "education": caller.education, "words_a_minute": caller.voice.rate,
            "snr_db": round(line.snr_db, 2), "noise": line.noise, "level_db": round(line.level_db, 2),
            "low_hz": round(line.low), "high_hz": round(line.high), "clips": bool(line.clips),
        }
        for caller, line in zip(recording.callers, recording.lines, strict=True)
    ]  # fmt: skip
    segments = [[one.segment.side, round(one.start, 2), round(one.end, 2), one.segment.text] for one in recording.said]
    call = recording.call
    return {
        "call": call.name, "number": call.number, "partition": call.partition, "seconds": round(length, 3),
        "sides": sides, "segments": segments,
    }  # fmt: skip
