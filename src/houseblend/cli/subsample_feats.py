"""subsample-feats: take every n-th frame, or repeat frames."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="subsample-feats --n=3 --offset=1 scp:feats.scp ark:third.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--n", type=int, default=1, help="Take every n-th frame; below 0: repeat every frame -n times")
@option("--offset", type=int, default=0, help="First frame to take, with n above 0")
@skipping
def main(feats_rspecifier: str, feats_wspecifier: str, n: int, offset: int, max_skipped: int | None) -> None:
    """Take every n-th frame from an offset on, or repeat every frame."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.rearrange import subsample
    from houseblend.io.tables import read_table, write_table

    if n == 0 or offset < 0 or (n < 0 and offset):
        raise UsageError(f"--n={n} --offset={offset}", expected="n other than 0, and no offset with n below 0")
    with write_table(feats_wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            try:
                write(key, subsample(feats, n, offset))
                skips.done(key)
            except InputError as failure:
                skips.skip(key, failure)
