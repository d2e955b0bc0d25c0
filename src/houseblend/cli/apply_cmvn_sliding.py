"""apply-cmvn-sliding: normalise features by the frames around each."""

from houseblend.cli.program import argument, option, program


@program(example="apply-cmvn-sliding --cmn-window=300 --center=true scp:feats.scp ark:normalised.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--cmn-window", type=int, default=600, help="Frames that are averaged")
@option("--min-cmn-window", type=int, default=100, help="The least number of them at the beginning, without --center")
@option("--center", type=bool, default=False, help="Frames around each rather than before it")
@option("--norm-vars", type=bool, default=False, help="Normalise the variance too")
def main(
    feats_rspecifier: str, feats_wspecifier: str, cmn_window: int, min_cmn_window: int, center: bool, norm_vars: bool
) -> None:
    """Subtract the mean of a sliding window, and divide by its standard deviation if asked."""
    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import sliding_cmvn
    from houseblend.io.tables import read_table, write_table

    if cmn_window < 1 or (not center and not 1 <= min_cmn_window <= cmn_window):
        raise UsageError(
            f"--cmn-window={cmn_window} --min-cmn-window={min_cmn_window}", expected="1 <= least <= window"
        )
    with write_table(feats_wspecifier, "matrix") as write, Skips(0) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, sliding_cmvn(feats, cmn_window, min_cmn_window, center, norm_vars))
            skips.done(key)
