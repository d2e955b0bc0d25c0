"""apply-cmvn: normalise mean and variance of features."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="apply-cmvn --norm-vars=true --utt2spk=ark:data/train/utt2spk scp:cmvn.scp scp:feats.scp ark:out.ark")
@argument("stats", help="statistics: a rspecifier by utterance or speaker, or one file for all")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--utt2spk", default="", help="Speaker of each utterance (rspecifier)")
@option("--norm-means", type=bool, default=True, help="false copies the features")
@option("--norm-vars", type=bool, default=False, help="Normalise the variance too")
@option("--reverse", type=bool, default=False, help="Undo the normalisation")
@skipping
def main(
    stats: str, feats_rspecifier: str, feats_wspecifier: str, utt2spk: str, norm_means: bool, norm_vars: bool,
    reverse: bool, max_skipped: int | None,
) -> None:  # fmt: skip
    """Subtract the mean of a speaker or utterance, and divide by the standard deviation if asked."""
    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import apply_cmvn
    from houseblend.io.tables import open_table, read_object, read_table, write_table

    if norm_vars and not norm_means:
        raise UsageError("--norm-vars=true needs --norm-means=true")
    by_key = stats.partition(":")[0].split(",")[0] in ("ark", "scp")
    speakers = dict(read_table(utt2spk, "token")) if utt2spk else None
    with open_table(stats if by_key else "ark:/dev/null", "matrix") as table, Skips(max_skipped) as skips:
        fixed = None if by_key else read_object(stats, "matrix")
        with write_table(feats_wspecifier, "matrix") as write:
            for key, feats in read_table(feats_rspecifier, "matrix"):
                owner = key if speakers is None else speakers.get(key, "")
                if fixed is None and owner not in table:
                    skips.skip(key, f"no statistics of {owner!r} in {stats}")
                    continue
                chosen = table[owner] if fixed is None else fixed
                write(key, apply_cmvn(feats, chosen, norm_vars, reverse) if norm_means else feats)
                skips.done(key)
