"""select-feats: copy some columns of features."""

from houseblend.cli.program import argument, program


@program(example="select-feats 0,24-22,3-12 scp:feats.scp ark:some.ark")
@argument("columns", help="columns and ranges, from 0")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
def main(columns: str, feats_rspecifier: str, feats_wspecifier: str) -> None:
    """Copy the columns given, in their order."""
    from houseblend.cli.program import Skips
    from houseblend.feat.rearrange import parse_columns, select_columns
    from houseblend.io.tables import read_table, write_table

    chosen = parse_columns(columns)
    with write_table(feats_wspecifier, "matrix") as write, Skips(0) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, select_columns(feats, chosen))
            skips.done(key)
