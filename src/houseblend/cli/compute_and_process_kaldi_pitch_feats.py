"""compute-and-process-kaldi-pitch-feats: pitch features of recordings, also as a recogniser that follows speech has them."""

from typing import Any

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.feat.options import PitchFeatureOptions, PitchOptions, Resampling


@program(
    example="compute-and-process-kaldi-pitch-feats --sample-frequency=8000 --frames-per-chunk=10 "
    "--simulate-first-pass-online=true scp:wav.scp ark:pitch.ark"
)
@argument("wav_rspecifier", help="recordings")
@argument("feats_wspecifier", help="features to write")
@options_of(PitchOptions, "Pitch")
@options_of(PitchFeatureOptions, "Features")
@options_of(Resampling, "Recordings")
@skipping
def main(wav_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, **values: Any) -> None:
    """Compute what compute-kaldi-pitch-feats and process-kaldi-pitch-feats make one after the other.

    With --simulate-first-pass-online every frame is written as it is believed when the frames that its normalisation needs
    have come.
    """
    from houseblend.base.options import chosen
    from houseblend.cli.pitch_table import write_pitch
    from houseblend.feat.pitch_features import compute_and_process_pitch

    pitch, features = chosen(PitchOptions, values), chosen(PitchFeatureOptions, values)
    write_pitch(
        wav_rspecifier, feats_wspecifier, max_skipped, pitch, chosen(Resampling, values),
        lambda samples, key: compute_and_process_pitch(samples, pitch, features, key),
    )  # fmt: skip
