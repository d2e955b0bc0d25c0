"""Copies of data directories at another speed (Kaldi's perturb_data_dir_speed.sh): sox makes them as they are read."""

import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from houseblend.base.errors import InputError, UsageError
from houseblend.io.data_dir import DataDir, speaker_lines, write_data_dir
from houseblend.io.data_files import Line
from houseblend.io.data_subsets import RECORDS, open_data_dir
from houseblend.io.streams import split_offset
from houseblend.io.tables import read_table

UNCHANGED = ("text", "spk2gender", "utt2lang", "reco2file_and_channel")
"""Files of which only the keys get the prefix."""
SHORTEST = 0.01
"""Seconds; shorter segments are dropped, as by Kaldi."""
SOX = "sox -D"
"""Without its dither, which is another in every run: features shall be the same."""
READ_BY_SOX = (".flac", ".sph")
"""Suffixes by which sox knows what it reads; anything else is WAV."""


def perturb_speed(factor: str, source: Path, target: Path) -> int:
    """Write a data directory whose recordings are those of another, faster or slower.

    Utterances, speakers and recordings get the prefix `spFACTOR-`. Files utt2uniq and utt2orig say what each is a copy
    of, so that held-out data never leaks through a copy. Features are not copied: they have to be made.

    Args:
        factor: of the speed, as it shall stand in the prefix: 0.9, 1.1.
        source: the directory.
        target: directory to write.

    Returns:
        The number of utterances.

    Raises:
        UsageError: the factor is none.
        InputError: sox is missing, the source is broken or has no recordings, or the target is the source.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", factor) or float(factor) == 0:
        raise UsageError(f"factor {factor}", expected="a number above 0, such as 0.9")
    if shutil.which("sox") is None:
        raise InputError("sox is not installed", key="sox", do="install it: apt-get install sox")
    if target.resolve() == source.resolve():
        raise InputError("the target is the source", file=target, do="name another directory")
    data = open_data_dir(source)
    if "wav.scp" not in data.files:
        raise InputError("no such file", file=source / "wav.scp", expected="recordings", do="write it")
    lines = _copies(data, factor)
    write_data_dir(target, lines)
    for name in RECORDS:
        (target / name).unlink(missing_ok=True)
    return len(lines["utt2spk"])


def _copies(data: DataDir, factor: str) -> dict[str, list[Line]]:
    """The lines of every file of the copy."""
    prefix, speed = f"sp{factor}-", float(factor)
    kept = list(data.files["utt2spk"])
    if "segments" in data.files:
        times = {key: _times(line) for key, line in data.files["segments"].items()}
        kept = [key for key in kept if (times[key][1] - times[key][0]) / speed > SHORTEST]
    chosen = data.chosen(kept)

    def renamed(key: str, value: str) -> Line:
        return Line(0, prefix + key, value)

    def scaled(name: str, seconds: Iterable[tuple[str, float]]) -> None:
        copies[name] = [renamed(key, f"{value / speed:.6g}") for key, value in seconds]

    copies = {name: [renamed(line.key, line.value) for line in chosen[name]] for name in UNCHANGED if name in chosen}
    copies["utt2spk"] = [renamed(line.key, prefix + line.value) for line in chosen["utt2spk"]]
    copies["spk2utt"] = speaker_lines(copies["utt2spk"])
    copies["wav.scp"] = [renamed(line.key, _sped(line.value, factor)) for line in chosen["wav.scp"]]
    if "segments" in chosen:
        copies["segments"] = [
            renamed(line.key, f"{prefix}{data.recording(line.key)} {start / speed:.2f} {end / speed:.2f}")
            for line in chosen["segments"]
            for start, end in [_times(line)]
        ]
    durations = _durations(data)
    scaled("utt2dur", ((line.key, durations[line.key]) for line in chosen["utt2spk"]))
    if "reco2dur" in chosen:
        scaled("reco2dur", ((line.key, float(line.value)) for line in chosen["reco2dur"]))
    origins: dict[str, str] = {}
    for name in ("utt2uniq", "utt2orig"):
        origins |= {key: line.value for key, line in data.files.get(name, {}).items()}
        copies[name] = [renamed(line.key, origins.get(line.key, line.key)) for line in chosen["utt2spk"]]
    return copies


def _times(segment: Line) -> tuple[float, float]:
    _, start, end = segment.value.split()
    return float(start), float(end)


def _durations(data: DataDir) -> dict[str, float]:
    """Seconds of every utterance, by utt2dur, by segments, or by reading the recordings."""
    if "utt2dur" in data.files:
        return {key: float(line.value) for key, line in data.files["utt2dur"].items()}
    if "segments" in data.files:
        return {key: end - start for key, line in data.files["segments"].items() for start, end in [_times(line)]}
    return {key: len(samples) / rate for key, (rate, samples) in read_table(f"scp:{data.path}/wav.scp", "wav")}


def _sped(place: str, factor: str) -> str:
    """The command that reads a recording, at another speed."""
    effect = f"-t wav - speed {factor} |"
    if place.endswith("|"):
        return f"{place[:-1].rstrip()} | {SOX} -t wav - {effect}"
    if split_offset(place)[0] != place:
        return f"wav-copy {shlex.quote(place)} - | {SOX} -t wav - {effect}"
    form = "" if Path(place).suffix.lower() in READ_BY_SOX else "-t wav "
    return f"{SOX} {form}{shlex.quote(place)} {effect}"
