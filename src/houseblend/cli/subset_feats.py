"""subset-feats: copy the features of some utterances."""

from houseblend.cli.program import argument, option, program


@program(example="subset-feats --n=3 scp:feats.scp ark:some.ark")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--n", type=int, help="Copy the first n utterances [default: 10]")
@option("--include", default="", help="File whose lines begin with the utterances to copy")
@option("--exclude", default="", help="File whose lines begin with the utterances to leave out")
def main(feats_rspecifier: str, feats_wspecifier: str, n: int | None, include: str, exclude: str) -> None:
    """Copy the first utterances, those of a list, or those not in a list; in single precision."""
    from itertools import islice
    from pathlib import Path

    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.data_files import read_ids
    from houseblend.io.tables import read_table, write_table

    if (n is not None) + bool(include) + bool(exclude) > 1:
        raise UsageError("--n, --include and --exclude exclude each other", expected="one of them")
    if n is not None and n < 1:
        raise UsageError(f"--n={n}", expected="at least 1")
    entries = read_table(feats_rspecifier, "matrix")
    if include or exclude:
        listed = read_ids(Path(include or exclude))
        chosen = ((key, feats) for key, feats in entries if (key in listed) == bool(include))
    else:
        chosen = islice(entries, n or 10)
    with write_table(feats_wspecifier, "matrix") as write, Skips(0) as skips:
        for key, feats in chosen:
            write(key, feats.astype(np.float32))
            skips.done(key)
