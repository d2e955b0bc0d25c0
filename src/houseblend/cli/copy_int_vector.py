"""copy-int-vector: copy vectors of integers, such as alignments."""

from houseblend.cli.program import argument, option, program


@program(example="copy-int-vector 'ark:gunzip -c exp/mono_ali/ali.1.gz |' ark,t:-")
@argument("vector_in", help="rspecifier of vectors, or the file of one")
@argument("vector_out", help="wspecifier of vectors, or the file of one")
@option("--binary", type=bool, default=True, help="Binary form, where one vector is written")
def main(vector_in: str, vector_out: str, binary: bool) -> None:
    """Copy vectors of 32-bit integers."""
    from houseblend.cli.program import Skips
    from houseblend.io.objects import open_input, open_output
    from houseblend.io.tables import copies_table, read_table, write_table

    if not copies_table(vector_in, vector_out):
        with open_input(vector_in) as source:
            values = source.read_int_vector()
        with open_output(vector_out, binary) as target:
            target.write_int_vector(values)
        return
    with write_table(vector_out, "int-vector") as write, Skips(0, "vectors") as skips:
        for key, values in read_table(vector_in, "int-vector"):
            write(key, values)
            skips.done(key)
