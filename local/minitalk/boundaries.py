"""Phones that were spoken beside those of an alignment: which of them it has, and how far from their times these begin."""

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.decode.stm_ctm import TimedWord, read_ctm
from houseblend.decode.wer import align_words
from houseblend.feat.description import read_feature_record
from houseblend.feat.segments import read_segments
from houseblend.frames.make import read_alignments
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.streams import read_text
from houseblend.report.chart import Chart, Line

SILENCE = "sil"
AMERICAN = "gmw/en-US"
"""How the names of these accents begin."""
CLASSES = {
    "vowels": "aa ae ah ao aw ax ay eh el en er ey ih iy ow oy uh uw",
    "liquids, glides": "l r w y",
    "nasals": "m n ng",
    "fricatives": "dh f hh s sh th v z zh",
    "voiced stops": "b d g jh",
    "voiceless stops": "ch k p t",
    "noises": "lau nsn spn",
}
LIMITS_MS = (10, 20, 50)
SHOWN_MS, BIN_MS = 100, 5
"""Of the picture: how far it goes on both sides of the true time, and what is counted together."""
ANOTHER = "name the truth/ of the corpus that the data directory was made of"


class TruePhone(NamedTuple):
    """A phone that was spoken: name, accent of the speaker, milliseconds by which the aligned one begins later (nan: not found)."""

    name: str
    accent: str
    late: float


def true_phones(data: Path, lang: Path, ali: Path, truth: Path) -> Iterator[list[TruePhone]]:
    """Those of every aligned segment, looked for in its alignment.

    Phones are paired by fewest errors; silence is left out on both sides, noises are phones as any others. As in every ctm,
    frame i begins i frame shifts after its segment.

    Raises:
        InputError: files are missing or do not belong together.
    """
    phones = read_symbol_table(lang / "phones.txt")
    if read_symbol_table(ali / "phones.txt") != phones:
        raise InputError("phones.txt is not that of the lang directory", file=ali, do=f"align with {lang}")
    names = {number: name for name, number in phones.items()}
    transitions, alignments = TransitionModel.load(ali / "final.mdl"), read_alignments(ali)
    accents = _accents(truth / "sides.csv")
    shift = _frame_shift(data)
    segments = [segment for segment in read_segments(data / "segments") if segment.key in alignments]
    if not segments:
        raise InputError("no segment of the data directory is aligned", file=ali, do=f"align {data}")
    for side, of_side in groupby(segments, key=lambda segment: segment.recording):
        if side not in accents:
            raise InputError("no such side", file=truth / "sides.csv", key=side, do=ANOTHER)
        spoken = _spoken(truth / f"{side}.ctm", phones)
        for segment in of_side:
            key, start, end = segment.key, segment.start, segment.end
            if len(alignments[key]) * shift > end - start + shift:
                raise InputError(
                    f"{len(alignments[key])} aligned frames, a segment of {end - start:.2f} s", file=ali, key=key,
                    do=f"align {data} again",
                )  # fmt: skip
            aligned = [
                (names[phone], start + first * shift)
                for phone, first, _ in phone_segments(alignments[key], transitions, key)
                if names[phone] != SILENCE
            ]
            expected = _between(spoken, start, end, truth / f"{side}.ctm", key)
            yield [TruePhone(name, accents[side], late) for name, late in _paired(expected, aligned)]


def _frame_shift(data: Path) -> float:
    """Seconds between the frames of a data directory."""
    options = read_feature_record(data)["options"]
    if "frame_shift" not in options:
        raise InputError("nothing says how far apart the frames are", file=data, do="make features with make_mfcc")
    return options["frame_shift"] / 1000


def _accents(path: Path) -> dict[str, str]:
    """Accents by side, of truth/sides.csv."""
    try:
        return {row["side"]: row["accent"] for row in csv.DictReader(read_text(path).splitlines())}
    except KeyError as missing:
        raise InputError("no such column", file=path, key=missing.args[0], do=ANOTHER) from None


def _spoken(path: Path, known: dict[str, int]) -> list[TimedWord]:
    """The phones of a side in order of time, silence too."""
    spoken = read_ctm(path)
    for phone in spoken:
        if phone.word not in known:
            raise InputError("not in phones.txt", file=path, line=phone.line, key=phone.word, do=ANOTHER)
    return spoken


def _between(spoken: list[TimedWord], start: float, end: float, path: Path, key: str) -> list[tuple[str, float]]:
    """Names and begins of the phones in a segment, of which it must hold the whole."""
    within = [one for one in spoken if one.word != SILENCE and one.start < end and one.start + one.duration > start]
    if within and within[0].start >= start and within[-1].start + within[-1].duration <= end:
        return [(one.word, one.start) for one in within]
    what = f"the segment from {start:.2f} to {end:.2f} s {'cuts a' if within else 'holds no'} phone of the truth"
    raise InputError(what, file=path, key=key, do=ANOTHER)


def _paired(expected: list[tuple[str, float]], aligned: list[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Every expected phone with the milliseconds by which the aligned one begins later, nan if it is another or none."""
    wanted, ours = iter(expected), iter(aligned)
    names, others = [name for name, _ in expected], [name for name, _ in aligned]
    pairs = align_words(names, others) if names != others else zip(names, others, strict=True)
    for name, other in pairs:
        found = next(ours)[1] if other is not None else np.nan
        if name is not None:
            begin = next(wanted)[1]
            yield name, 1000 * (found - begin) if name == other else np.nan


def groups(phones: list[TruePhone]) -> dict[str, np.ndarray]:
    """Milliseconds by which phones begin later, nan where not found, shape [phones of the group], by what the group is called."""
    names, accents, late = (np.array(column) for column in zip(*phones, strict=True))
    american = np.char.startswith(accents, AMERICAN)
    found = {"all": late, "American accent": late[american], "other accents": late[~american]}
    for kind, members in CLASSES.items():
        found[kind] = late[np.isin(names, members.split())]
        found |= {f"  {name}": late[names == name] for name in members.split()}
    return {title: group for title, group in found.items() if len(group)}


def summary(late_N: np.ndarray) -> tuple[float, float, list[float]]:
    """Of a group: % found; of those the median in ms, and % that begin within each of LIMITS_MS (nan if none is found)."""
    found = late_N[~np.isnan(late_N)]
    if not len(found):
        return 0.0, np.nan, [np.nan] * len(LIMITS_MS)
    within = [100 * float(np.mean(np.round(np.abs(found), 3) <= limit)) for limit in LIMITS_MS]
    return 100 * len(found) / len(late_N), float(np.median(found)), within


def report(found: dict[str, np.ndarray]) -> str:
    """A table, a group a line."""
    heads = "".join(f"  {f'<={limit} ms %':>9}" for limit in LIMITS_MS)
    lines = [f"{'':15}   phones  found %  median ms{heads}\n"]
    for title, late in found.items():
        share, median, within = summary(late)
        numbers = "".join(f"  {one:9.1f}" for one in within)
        lines.append(f"{title:15} {len(late):8d} {share:8.2f} {median:10.1f}{numbers}\n")
    return "".join(lines)


def chart(found: dict[str, np.ndarray]) -> Chart:
    """How many phones begin how much later, of both kinds of accent; shape [phones of the group] each."""
    edges = np.arange(-SHOWN_MS, SHOWN_MS + 1, BIN_MS)
    lines = []
    for number, title in enumerate(("American accent", "other accents")):
        late = found.get(title, np.empty(0))
        shares = 100 * np.histogram(late[~np.isnan(late)], edges)[0] / max(len(late), 1)
        lines.append(Line(title, [*zip((edges[:-1] + BIN_MS / 2).tolist(), shares.tolist(), strict=True)], number))
    title = f"% of the true phones in each {BIN_MS} ms"
    return Chart(title, "begin of the aligned phone less that of the true one, ms", lines, holds=(0.0,))
