"""process-kaldi-pitch-feats: features for recognisers of correlation and pitch."""

from typing import Any

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.feat.options import PitchFeatureOptions


@program(
    example="compute-kaldi-pitch-feats --sample-frequency=8000 scp:wav.scp ark:- | "
    "process-kaldi-pitch-feats ark:- ark:pitch.ark"
)
@argument("feats_rspecifier", help="correlation and pitch")
@argument("feats_wspecifier", help="features to write")
@options_of(PitchFeatureOptions, "Features")
@skipping
def main(feats_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, **values: Any) -> None:
    """Warp the correlation, normalise the logarithm of the pitch over a window, and add its delta."""
    from houseblend.base.errors import InputError
    from houseblend.base.options import chosen
    from houseblend.cli.program import Skips
    from houseblend.feat.pitch_features import process_pitch
    from houseblend.io.tables import read_table, write_table

    options = chosen(PitchFeatureOptions, values)
    with write_table(feats_wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, raw in read_table(feats_rspecifier, "matrix"):
            try:
                write(key, process_pitch(raw, options, key))
            except InputError as failure:
                skips.skip(key, failure)
                continue
            skips.done(key)
