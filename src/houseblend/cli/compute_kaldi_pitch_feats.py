"""compute-kaldi-pitch-feats: pitch of recordings, and how much they are voiced."""

from typing import Any

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.feat.options import PitchOptions, Resampling


@program(
    example="compute-kaldi-pitch-feats --sample-frequency=8000 scp:wav.scp ark:- | "
    "process-kaldi-pitch-feats ark:- ark:pitch.ark"
)
@argument("wav_rspecifier", help="recordings")
@argument("feats_wspecifier", help="correlation and pitch in Hz of every frame, to write")
@options_of(PitchOptions, "Pitch")
@options_of(Resampling, "Recordings")
@skipping
def main(wav_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, **values: Any) -> None:
    """Compute the pitch of every frame and the normalised cross-correlation at it, higher where speech is voiced."""
    from houseblend.base.options import chosen
    from houseblend.cli.pitch_table import write_pitch
    from houseblend.feat.pitch import compute_pitch

    options = chosen(PitchOptions, values)
    write_pitch(
        wav_rspecifier, feats_wspecifier, max_skipped, options, chosen(Resampling, values),
        lambda samples, key: compute_pitch(samples, options),
    )  # fmt: skip
