"""splice-feats: put neighbouring frames side by side."""

from houseblend.cli.program import argument, options_of, program
from houseblend.feat.options import SpliceOptions


@program(example="splice-feats --left-context=4 --right-context=4 scp:feats.scp ark:spliced.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@options_of(SpliceOptions, "Options")
def main(feats_rspecifier: str, feats_wspecifier: str, left_context: int, right_context: int) -> None:
    """Each frame with its neighbours; edge frames are repeated."""
    from houseblend.cli.program import Skips
    from houseblend.feat.deltas import splice
    from houseblend.io.tables import read_table, write_table

    with Skips(0) as skips, write_table(feats_wspecifier, "matrix") as write:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, splice(feats, left_context, right_context))
            skips.done(key)
