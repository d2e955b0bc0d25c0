"""extend-transform-dim: give transforms more dimensions, which they leave as they are."""

from houseblend.cli.program import argument, option, program


@program(example="extend-transform-dim --new-dimension=117 trans.mat big.mat")
@argument("transform_in", help="rspecifier of transforms of D to D dimensions, or the file of one")
@argument("transform_out", help="wspecifier of transforms, or the file of one")
@option("--new-dimension", type=int, required=True, help="Dimensions wanted, at least D")
@option("--binary", type=bool, default=True, help="Binary form, where one matrix is written")
def main(transform_in: str, transform_out: str, new_dimension: int, binary: bool) -> None:
    """Extend linear or affine transforms by dimensions that they do not change."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.feat.transforms import extend
    from houseblend.io.tables import copies_table, read_object, read_table, write_object, write_table

    if not copies_table(transform_in, transform_out):
        write_object(transform_out, "matrix", extend(read_object(transform_in, "matrix"), new_dimension), binary)
        return
    with write_table(transform_out, "matrix") as write, Skips(0, "transforms") as skips:
        for key, transform in read_table(transform_in, "matrix"):
            try:
                write(key, extend(transform, new_dimension))
            except InputError as failure:
                raise failure.but(key=key) from None
            skips.done(key)
