"""Features of a whole data directory: feats.scp, cmvn.scp, utt2num_frames beside its other files."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.base.workers import Workers
from houseblend.feat.cmvn import cmvn_stats
from houseblend.feat.description import write_feature_record
from houseblend.feat.extract import TooShortError, check_options, choose_channel, extract
from houseblend.feat.options import FbankOptions, MfccOptions, Resampling, options_to
from houseblend.feat.segments import Segment, read_segments
from houseblend.io.data_dir import DataDir
from houseblend.io.data_files import Line, file_of, to_text
from houseblend.io.tables import read_object, read_script, read_table, write_table

COPIED = (
    "text",
    "utt2spk",
    "spk2utt",
    "utt2orig",
    "utt2uniq",
    "utt2lang",
    "utt2dur",
    "spk2gender",
    "segments",
    "wav.scp",
    "reco2dur",
    "reco2file_and_channel",
)
Recording = tuple[str, str, list[Segment] | None]
"""Id and place of a recording, and the segments wanted of it; None: the recording is the utterance."""
Outcome = tuple[str, np.ndarray | InputError]
"""An utterance, and its features, [T, D], or why it has none."""
CHANNEL = "name one in wav.scp: sox FILE -t wav - remix 1 |"


@dataclass(frozen=True)
class Extraction:
    """How the features of an utterance are made.

    Args:
        options: MFCC or filterbank.
        resampling: of recordings of another rate.
        seed: of the dither.
    """

    options: MfccOptions | FbankOptions
    resampling: Resampling
    seed: int

    def begin(self) -> Callable[[Recording], list[Outcome]]:
        """What a worker begins with (`workers.Begin`)."""
        return self._of_recording

    def _of_recording(self, recording: Recording) -> list[Outcome]:
        """Of every utterance of a recording."""
        key, place, segments = recording
        names = [key] if segments is None else [segment.key for segment in segments]
        try:
            rate, samples = read_object(place, "wav")
            channel = choose_channel(samples, -1, key, CHANNEL)
        except InputError as failure:
            failure = failure.but(file=failure.file or place)
            return [(name, failure.but(key=name)) for name in names]
        if segments is None:
            return [(key, self._of_samples(key, place, rate, channel))]
        return [(segment.key, self._of_samples(segment.key, place, rate, channel, segment)) for segment in segments]

    def _of_samples(
        self, key: str, place: str, rate: float, samples_N: np.ndarray, segment: Segment | None = None
    ) -> np.ndarray | InputError:
        try:
            part = samples_N if segment is None else segment.cut(rate, samples_N)
            feats = extract(rate, part, self.options, key, seed=self.seed, resampling=self.resampling)
            if not np.isfinite(feats).all():
                raise InputError("features that are not finite", key=key, do="look at the samples")
            return feats
        except InputError as failure:
            return failure.but(file=failure.file or place)


def make_features(data: Path, out: Path, extraction: Extraction, max_skipped: int, workers: Workers) -> None:
    """Write the features of `data` into the new data directory `out`.

    Utterances too short for a frame are left out, as are at most `max_skipped` others, of which there is a warning, too.
    Scripts name their archives, and recordings that are files, from the root, so that `out` can be used from anywhere.

    Args:
        data: Kaldi data directory with wav.scp, and segments if utterances are parts of recordings.
        out: directory to write.
        extraction: how.
        max_skipped: how many recordings or segments may be unusable for other reasons.
        workers: who shares the work.

    Raises:
        InputError: more cannot be used (naming the first too many), or nothing is left.
    """
    check_options(extraction.options)
    out = Path(os.path.abspath(out))
    utt2spk = dict(read_table(f"ark:{data}/utt2spk", "token"))
    totals: dict[str, np.ndarray] = {}
    frames: dict[str, int] = {}
    with write_table(f"ark,scp:{out}/feats.ark,{out}/feats.scp", "matrix") as write:
        for key, feats in _usable(data, extraction, max_skipped, workers):
            if key not in utt2spk:
                raise InputError("no speaker", file=data / "utt2spk", key=key, do="run fix-data-dir")
            write(key, feats)
            frames[key] = len(feats)
            stats = cmvn_stats(feats)
            speaker = utt2spk[key]
            totals[speaker] = totals[speaker] + stats if speaker in totals else stats
        if not frames:
            raise InputError("no utterance has features", file=data, do="look at the warnings above")
    with write_table(f"ark,scp:{out}/cmvn.ark,{out}/cmvn.scp", "matrix") as write:
        for speaker in sorted(totals):
            write(speaker, totals[speaker])
    with write_table(f"ark,t:{out}/utt2num_frames", "int") as write:
        for key, count in frames.items():
            write(key, count)
    _write_others(data, out, frames)
    kind = "mfcc" if isinstance(extraction.options, MfccOptions) else "fbank"
    write_feature_record(out, kind, options_to(extraction.options))


def _usable(data: Path, extraction: Extraction, max_skipped: int, workers: Workers) -> Iterator[tuple[str, np.ndarray]]:
    """Utterances with features; the others are counted and named."""
    done = short = skipped = 0
    for part in workers.share_out(extraction.begin, _recordings(data), "recordings"):
        for key, found in part:
            if isinstance(found, InputError):
                too_short = isinstance(found, TooShortError)
                short, skipped = short + too_short, skipped + (not too_short)
                if skipped > max_skipped:
                    do = f"{found.do}, or leave it out: --max-skipped" if found.do else "leave it out: --max-skipped"
                    raise found.but(do=do)
                warn(f"left out: {found}")
            else:
                done += 1
                yield key, found
    log(f"features of {done} utterances; left out: {short} too short for a frame, {skipped} others")


def _write_others(data: Path, out: Path, kept: dict[str, int]) -> None:
    """The other files, with the lines of the utterances kept."""
    lines = DataDir(data).chosen(kept)
    if "wav.scp" in lines:
        lines["wav.scp"] = [_from_the_root(line) for line in lines["wav.scp"]]
    for name in COPIED:
        if name in lines:
            write_text(out / name, to_text(lines[name]))


def _from_the_root(line: Line) -> Line:
    """A line of wav.scp whose file, if it is one, has a name that does not depend on where a program runs."""
    if file_of(line.value) is None or os.path.isabs(line.value):
        return line
    return Line(line.number, line.key, os.path.abspath(line.value))


def _recordings(data: Path) -> list[Recording]:
    """The recordings to read, in the order of the utterances; segments that follow each other share one reading."""
    places = {key: value for key, value, _ in read_script(f"{data}/wav.scp")}
    if not (data / "segments").exists():
        return [(key, place, None) for key, place in places.items()]
    recordings: list[Recording] = []
    for key, segments in groupby(read_segments(data / "segments"), lambda segment: segment.recording):
        if key not in places:
            raise InputError("no such recording in wav.scp", file=data / "segments", key=key, do="run fix-data-dir")
        recordings.append((key, places[key], list(segments)))
    return recordings
