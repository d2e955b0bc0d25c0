"""add-deltas: append delta features."""

from houseblend.cli.program import argument, option, options_of, program
from houseblend.feat.options import DeltaOptions


@program(example="add-deltas --delta-order=2 scp:feats.scp ark:deltas.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@options_of(DeltaOptions, "Options")
@option("--truncate", type=int, default=0, help="Use only the first columns; 0: all")
def main(feats_rspecifier: str, feats_wspecifier: str, delta_order: int, delta_window: int, truncate: int) -> None:
    """Features with their deltas behind them; edge frames are repeated."""
    from houseblend.cli.program import Skips
    from houseblend.feat.deltas import add_deltas
    from houseblend.io.tables import read_table, write_table

    with Skips(0) as skips, write_table(feats_wspecifier, "matrix") as write:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, add_deltas(feats[:, : truncate or None], delta_order, delta_window))
            skips.done(key)
