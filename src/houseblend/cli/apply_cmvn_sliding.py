"""apply-cmvn-sliding: normalise features by the frames around each."""

from typing import Any

from houseblend.cli.program import argument, options_of, program
from houseblend.feat.options import SlidingOptions


@program(example="apply-cmvn-sliding --cmn-window=300 --center=true scp:feats.scp ark:normalised.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@options_of(SlidingOptions, "Options")
def main(feats_rspecifier: str, feats_wspecifier: str, **values: Any) -> None:
    """Subtract the mean of a sliding window, and divide by its standard deviation if asked."""
    from houseblend.base.options import chosen
    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import sliding_cmvn
    from houseblend.io.tables import read_table, write_table

    options = chosen(SlidingOptions, values)
    with write_table(feats_wspecifier, "matrix") as write, Skips(0) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, sliding_cmvn(feats, options))
            skips.done(key)
