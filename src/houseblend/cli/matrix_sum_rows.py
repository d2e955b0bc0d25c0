"""matrix-sum-rows: add up the rows of matrices."""

from houseblend.cli.program import argument, program


@program(example="matrix-sum-rows ark:posteriors.ark ark,t:-")
@argument("matrix_rspecifier", help="matrices")
@argument("vector_wspecifier", help="vectors to write: of each matrix the sum of its rows")
def main(matrix_rspecifier: str, vector_wspecifier: str) -> None:
    """Sums of rows, added in double precision."""
    import numpy as np

    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table

    with write_table(vector_wspecifier, "vector") as write, Skips(0, "matrices") as skips:
        for key, values in read_table(matrix_rspecifier, "matrix"):
            write(key, values.sum(axis=0, dtype=np.float64).astype(np.float32))
            skips.done(key)
