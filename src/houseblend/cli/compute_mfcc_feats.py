"""compute-mfcc-feats: mel-frequency cepstra of recordings."""

from typing import Any

from houseblend.cli.feature_options import feature_options
from houseblend.cli.program import argument, option, program, skipping
from houseblend.feat.options import MfccOptions


@program(example="compute-mfcc-feats --config=conf/mfcc.conf scp:wav.scp ark,scp:mfcc.ark,mfcc.scp")
@argument("wav_rspecifier", help="recordings")
@argument("feats_wspecifier", help="features to write")
@option("--channel", type=int, default=-1, help="Channel to take; -1: the only one")
@option("--vtln-warp", type=float, default=1.0, help="Warp factor for all utterances")
@option("--vtln-map", default="", help="Warp factors by utterance, or by speaker with --utt2spk (rspecifier)")
@option("--utt2spk", default="", help="Speaker of each utterance (rspecifier)")
@option("--subtract-mean", type=bool, default=False, help="Subtract the mean of each utterance")
@option("--seed", type=int, default=0, help="Seed of the dither")
@skipping
@feature_options(MfccOptions)
def main(wav_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, **values: Any) -> None:
    """Compute mel-frequency cepstra."""
    from houseblend.cli.feature_table import write_features

    write_features(MfccOptions, wav_rspecifier, feats_wspecifier, max_skipped, values)
