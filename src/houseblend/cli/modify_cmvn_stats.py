"""modify-cmvn-stats: CMVN statistics that leave some dimensions alone, or as means and variances."""

from houseblend.cli.program import argument, option, program


@program(example="modify-cmvn-stats 13:14:15 scp:cmvn.scp ark:skip.ark")
@argument(
    "words", nargs=-1, help="[dimensions to leave alone, with colons between them,] statistics, where to write them"
)
@option("--convert-to-mean-and-var", type=bool, default=False, help="Write means and variances instead of sums")
def main(words: tuple[str, ...], convert_to_mean_and_var: bool) -> None:
    """Change CMVN statistics, so that what they are used for skips dimensions."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.id_list import parse_ids
    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import mean_and_variance, skip_dims
    from houseblend.io.tables import read_table, write_table

    if not 2 <= len(words) <= 3:
        raise UsageError(f"{len(words)} arguments", expected="[DIMENSIONS] STATISTICS WSPECIFIER")
    *chosen, rspecifier, wspecifier = words
    dims = parse_ids("".join(chosen), "dimensions")
    with write_table(wspecifier, "matrix") as write, Skips(None, "statistics", rspecifier) as skips:
        for key, stats in read_table(rspecifier, "matrix"):
            try:
                changed = skip_dims(stats, dims)
            except InputError as failure:
                raise failure.but(file=rspecifier, key=key) from None
            try:
                write(key, mean_and_variance(changed) if convert_to_mean_and_var else changed)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            skips.done(key)
