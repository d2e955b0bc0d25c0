"""extract-segments: cut utterances out of recordings."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="extract-segments scp:wav.scp data/train/segments ark:utterances.ark")
@argument("wav_rspecifier", help="recordings")
@argument("segments", help="lines of UTTERANCE RECORDING START END [CHANNEL], in seconds; END -1: to the end")
@argument("wav_wspecifier", help="utterances to write")
@option("--min-segment-length", type=float, default=0.1, help="Shorter segments are skipped (seconds)")
@skipping
def main(
    wav_rspecifier: str, segments: str, wav_wspecifier: str, min_segment_length: float, max_skipped: int | None
) -> None:
    """Cut every segment out of its recording."""
    from pathlib import Path

    import numpy as np

    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.feat.extract import choose_channel
    from houseblend.feat.segments import read_segments
    from houseblend.io.tables import open_table, write_table

    how = "write it (0, 1, ...) behind END in segments"
    with open_table(wav_rspecifier, "wav") as recordings, Skips(max_skipped, "segments") as skips:
        name, rate, samples = "", 0, np.zeros((0, 1))
        with write_table(wav_wspecifier, "wav") as write:
            for segment in read_segments(Path(segments)):
                try:
                    if segment.recording != name:
                        name, (rate, samples) = segment.recording, recordings[segment.recording]
                    cut = segment.cut(rate, choose_channel(samples, segment.channel, name, how))
                    if len(cut) < min_segment_length * rate:
                        raise InputError(f"{len(cut) / rate:g} s is too short", key=segment.key)
                    write(segment.key, (rate, cut))
                except InputError as failure:
                    skips.skip(segment.key, failure)
                else:
                    skips.done(segment.key)
