"""apply-cmvn: normalise mean and variance of features."""

from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.feat.options import CmvnOptions


@program(example="apply-cmvn --norm-vars=true --utt2spk=ark:data/train/utt2spk scp:cmvn.scp scp:feats.scp ark:out.ark")
@argument("stats", help="statistics: a rspecifier by utterance or speaker, or one file for all")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--utt2spk", default="", help="Speaker of each utterance (rspecifier)")
@options_of(CmvnOptions, "Options")
@option("--reverse", type=bool, default=False, help="Undo the normalisation")
@skipping
def main(
    stats: str, feats_rspecifier: str, feats_wspecifier: str, utt2spk: str, norm_means: bool, norm_vars: bool,
    reverse: bool, max_skipped: int | None,
) -> None:  # fmt: skip
    """Subtract the mean of a speaker or utterance, and divide by the standard deviation if asked."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import apply_cmvn
    from houseblend.io.owners import by_owner
    from houseblend.io.tables import read_table, write_table

    if norm_vars and not norm_means:
        raise UsageError("--norm-vars=true needs --norm-means=true")
    stats_of = by_owner(stats, "matrix", utt2spk)
    with Skips(max_skipped) as skips, write_table(feats_wspecifier, "matrix") as write:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            try:
                found = stats_of(key)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, apply_cmvn(feats, found, norm_vars, reverse) if norm_means else feats)
            skips.done(key)
