"""feat-to-dim: dimension of features."""

from houseblend.cli.program import argument, program


@program(example="feat-to-dim scp:feats.scp -")
@argument("feats_rspecifier", help="features")
@argument("dim_out", help="file for the dimension of the first utterance, or a wspecifier for that of every one")
def main(feats_rspecifier: str, dim_out: str) -> None:
    """Numbers per frame, of the first utterance or of every one."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.io.streams import open_sink
    from houseblend.io.tables import is_specifier, read_table, write_table

    if not is_specifier(dim_out):
        first = next(read_table(feats_rspecifier, "matrix"), None)
        if first is None:
            raise InputError("there are no features", file=feats_rspecifier)
        with open_sink(dim_out) as sink:
            sink.write(b"%d\n" % first[1].shape[1])
        return
    with write_table(dim_out, "int") as write, Skips(0) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            write(key, feats.shape[1])
            skips.done(key)
