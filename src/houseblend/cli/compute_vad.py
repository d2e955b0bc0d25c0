"""compute-vad: which frames speech is in, by their energy."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.feat.options import VadOptions


@program(example="compute-vad --vad-energy-threshold=5.5 scp:feats.scp ark,t:vad.ark")
@argument("feats_rspecifier", help="features whose first column is log energy")
@argument("vad_wspecifier", help="vectors to write, 1 for frames with speech, else 0")
@option("--omit-unvoiced-utts", type=bool, default=False, help="Write nothing of utterances without speech")
@options_of(VadOptions, "Decision")
@skipping
def main(
    feats_rspecifier: str, vad_wspecifier: str, omit_unvoiced_utts: bool, max_skipped: int | None, **values: Any
) -> None:
    """Tell frames with speech from others by whether they and their neighbours are loud, each for itself.

    Utterances without speech are counted as skipped, though they are written.
    """
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.cli.program import Skips
    from houseblend.feat.vad import detect_voice
    from houseblend.io.tables import read_table, write_table

    options = chosen(VadOptions, values)
    frames = voiced = 0
    with write_table(vad_wspecifier, "vector") as write, Skips(max_skipped) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            if not feats.size:
                skips.skip(key, "no features")
                continue
            speech = detect_voice(feats, options)
            frames, voiced = frames + len(speech), voiced + int(speech.sum())
            if speech.any() or not omit_unvoiced_utts:
                write(key, speech)
            if speech.any():
                skips.done(key)
            else:
                skips.skip(key, "no frame with speech")
        log(f"speech in {voiced} of {frames} frames")
