"""copy-vector: copy vectors, scaled or with another number of elements if wanted."""

from houseblend.cli.program import argument, option, program


@program(example="copy-vector ark:weights.ark ark,t:-")
@argument("vector_in", help="rspecifier of vectors, or the file of one")
@argument("vector_out", help="wspecifier of vectors, or the file of one")
@option("--binary", type=bool, default=True, help="Binary form, where one vector is written")
@option("--change-dim", type=int, default=-1, help="Cut off or fill up with zeros to this many elements")
@option("--scale", type=float, default=1.0, help="Factor")
def main(vector_in: str, vector_out: str, binary: bool, change_dim: int, scale: float) -> None:
    """Copy vectors, in single precision."""
    import numpy as np

    from houseblend.cli.program import Skips
    from houseblend.io.tables import copies_table, read_object, read_table, write_object, write_table

    def change(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32) * np.float32(scale)
        if change_dim < 0:
            return values
        return np.pad(values[:change_dim], (0, max(0, change_dim - len(values))))

    if not copies_table(vector_in, vector_out):
        write_object(vector_out, "vector", change(read_object(vector_in, "vector")), binary)
        return
    with write_table(vector_out, "vector") as write, Skips(0, "vectors") as skips:
        for key, values in read_table(vector_in, "vector"):
            write(key, change(values))
            skips.done(key)
