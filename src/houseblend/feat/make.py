"""Features of a whole data directory: feats.scp, cmvn.scp, utt2num_frames beside copies of its other files."""

import shutil
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress
from houseblend.base.workers import in_processes
from houseblend.feat.cmvn import cmvn_stats
from houseblend.feat.extract import choose_channel, extract
from houseblend.feat.options import FbankOptions, MfccOptions, options_to
from houseblend.feat.pipeline import write_feature_record
from houseblend.io.data_files import MEND
from houseblend.io.tables import read_object, read_script, read_table, write_table

COPIED = (
    "text",
    "utt2spk",
    "spk2utt",
    "utt2orig",
    "utt2dur",
    "spk2gender",
    "segments",
    "wav.scp",
    "reco2file_and_channel",
)
Segment = tuple[str, str, float, float]
"""Utterance, recording, start and end in seconds."""
Recording = tuple[str, str, list[Segment] | None]
"""Id and place of a recording, and the segments wanted of it; None: the recording is the utterance."""


def make_features(data: Path, out: Path, options: MfccOptions | FbankOptions, seed: int, jobs: int) -> None:
    """Write the features of `data` into the new data directory `out`.

    Args:
        data: Kaldi data directory with wav.scp, and segments if utterances are parts of recordings.
        out: directory to write.
        options: MFCC or filterbank.
        seed: of the dither.
        jobs: processes; the result does not depend on it.

    Raises:
        InputError: a recording cannot be used (naming it), or features are not finite.
    """
    utt2spk = dict(read_table(f"ark:{data}/utt2spk", "token"))
    totals: dict[str, np.ndarray] = {}
    frames: list[tuple[str, int]] = []
    with (
        write_table(f"ark,scp:{out}/feats.ark,{out}/feats.scp", "matrix") as write,
        Progress(len(utt2spk), "utterances") as progress,
    ):
        for part in in_processes(partial(_recording_features, options=options, seed=seed), _recordings(data), jobs):
            for key, feats in part:
                if key not in utt2spk:
                    raise InputError("no speaker", file=data / "utt2spk", key=key, do="run fix-data-dir")
                if not np.isfinite(feats).all():
                    raise InputError("features that are not finite", file=data / "wav.scp", key=key)
                write(key, feats)
                frames.append((key, len(feats)))
                stats = cmvn_stats(feats)
                speaker = utt2spk[key]
                totals[speaker] = totals[speaker] + stats if speaker in totals else stats
                progress.add()
    with write_table(f"ark,scp:{out}/cmvn.ark,{out}/cmvn.scp", "matrix") as write:
        for speaker in sorted(totals):
            write(speaker, totals[speaker])
    with write_table(f"ark,t:{out}/utt2num_frames", "int") as write:
        for key, count in frames:
            write(key, count)
    for name in COPIED:
        if (data / name).exists():
            shutil.copyfile(data / name, out / name)
    write_feature_record(out, "mfcc" if isinstance(options, MfccOptions) else "fbank", options_to(options))


def read_segments(path: Path) -> Iterator[Segment]:
    """Utterance, recording, start and end in seconds of every line.

    Raises:
        InputError: a line of another form, or times out of order.
    """
    for key, rest, line in read_script(str(path)):
        words = rest.split()
        try:
            recording, start, end = words[0], float(words[1]), float(words[2])
        except (IndexError, ValueError):
            expected = "UTT RECORDING START END"
            raise InputError("bad segment", file=path, line=line, key=key, expected=expected, do=MEND) from None
        if not 0 <= start < end:
            what, expected = f"segment from {start} to {end}", "0 <= start < end"
            raise InputError(what, file=path, line=line, key=key, expected=expected, do=MEND)
        yield key, recording, start, end


def cut_segment(rate: float, samples_N: np.ndarray, start: float, end: float, key: str) -> np.ndarray:
    """Samples from `start` to `end` seconds, shape [num_samples]; up to half a second beyond the end is cut off.

    Raises:
        InputError: the segment begins, or ends by more, behind the recording's end.
    """
    first, last = round(start * rate), round(end * rate)
    if first >= len(samples_N) or last > len(samples_N) + rate / 2:
        length = len(samples_N) / rate
        raise InputError(f"segment {start:g} to {end:g} s of a recording of {length:g} s", key=key, do="mend segments")
    return samples_N[first:last]


def _recordings(data: Path) -> list[Recording]:
    """The recordings to read, in the order of the utterances; segments that follow each other share one reading."""
    places = {key: value for key, value, _ in read_script(f"{data}/wav.scp")}
    if not (data / "segments").exists():
        return [(key, place, None) for key, place in places.items()]
    recordings: list[Recording] = []
    for key, segments in groupby(read_segments(data / "segments"), lambda segment: segment[1]):
        if key not in places:
            raise InputError("no such recording in wav.scp", file=data / "segments", key=key, do="run fix-data-dir")
        recordings.append((key, places[key], list(segments)))
    return recordings


def _recording_features(
    recording: Recording, options: MfccOptions | FbankOptions, seed: int
) -> list[tuple[str, np.ndarray]]:
    key, place, segments = recording
    try:
        rate, samples = read_object(place, "wav")
    except InputError as failure:
        raise failure.but(key=key) from None
    channel = choose_channel(samples, -1, key)
    if segments is None:
        return [(key, extract(rate, channel, options, key, seed=seed))]
    return [
        (name, extract(rate, cut_segment(rate, channel, start, end, name), options, name, seed=seed))
        for name, _, start, end in segments
    ]
