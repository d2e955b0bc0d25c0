"""extract-segments: cut utterances out of recordings."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="extract-segments scp:wav.scp data/train/segments ark:utterances.ark")
@argument("wav_rspecifier", help="recordings")
@argument("segments", help="lines of UTTERANCE RECORDING START END, in seconds")
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
    from houseblend.feat.make import cut_segment, read_segments
    from houseblend.io.tables import open_table, write_table

    with open_table(wav_rspecifier, "wav") as recordings, Skips(max_skipped, "segments") as skips:
        name, rate, samples = "", 0, np.zeros((0, 1))
        with write_table(wav_wspecifier, "wav") as write:
            for key, recording, start, end in read_segments(Path(segments)):
                try:
                    if recording != name:
                        name, (rate, samples) = recording, recordings[recording]
                    if end - start < min_segment_length:
                        raise InputError(f"{end - start:g} s is too short", key=key)
                    write(key, (rate, cut_segment(rate, choose_channel(samples, -1, recording), start, end, key)))
                except InputError as failure:
                    skips.skip(key, failure)
                else:
                    skips.done(key)
