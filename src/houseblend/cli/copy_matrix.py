"""copy-matrix: copy matrices, changed element by element if wanted."""

from houseblend.cli.program import argument, option, program


@program(example="copy-matrix --binary=false exp/dnn/transform.mat -")
@argument("matrix_in", help="rspecifier of matrices, or the file of one")
@argument("matrix_out", help="wspecifier of matrices, or the file of one")
@option("--binary", type=bool, default=True, help="Binary form, where one matrix is written")
@option("--scale", type=float, default=1.0, help="Factor; applied first")
@option("--apply-log", type=bool, default=False, help="Logarithm, of values floored at 1e-20")
@option("--apply-exp", type=bool, default=False, help="Exponential")
@option("--apply-softmax-per-row", type=bool, default=False, help="Softmax of every row")
@option("--apply-power", type=float, default=1.0, help="Power; applied last")
def main(
    matrix_in: str, matrix_out: str, binary: bool, scale: float, apply_log: bool, apply_exp: bool,
    apply_softmax_per_row: bool, apply_power: float,
) -> None:  # fmt: skip
    """Copy matrices, in single precision."""
    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import copies_table, read_object, read_table, write_object, write_table

    if apply_log + apply_exp + apply_softmax_per_row > 1:
        raise UsageError("--apply-log, --apply-exp, --apply-softmax-per-row exclude each other", expected="one of them")

    def change(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32)
        if scale != 1.0:
            values = values * np.float32(scale)
        if apply_log:
            values = np.log(np.maximum(values, np.float32(1e-20)))
        if apply_exp:
            values = np.exp(values)
        if apply_softmax_per_row:
            values = np.exp(values - values.max(axis=1, keepdims=True))
            values /= values.sum(axis=1, keepdims=True)
        return values if apply_power == 1.0 else values ** np.float32(apply_power)

    if not copies_table(matrix_in, matrix_out):
        write_object(matrix_out, "matrix", change(read_object(matrix_in, "matrix")), binary)
        return
    with write_table(matrix_out, "matrix") as write, Skips(0, "matrices") as skips:
        for key, values in read_table(matrix_in, "matrix"):
            write(key, change(values))
            skips.done(key)
