"""est-lda: an LDA transform of statistics."""

from houseblend.cli.program import argument, option, options_of, program
from houseblend.gmm.options import LdaOptions


@program(example="est-lda --dim=40 --write-full-matrix=exp/tri2/full.mat exp/tri2/0.mat lda.1.acc lda.2.acc")
@argument("matrix", help="where to write the transform")
@argument("accs", nargs=-1, help="statistics of acc-lda, which are added up")
@options_of(LdaOptions, "Options", only=["dim"])
@option("--allow-large-dim", type=bool, default=False, help="Allow as many rows as there are classes, or more")
@option("--remove-offset", type=bool, default=False, help="Take the mean of all frames to zero: one more column")
@option("--within-class-factor", type=float, default=1.0, help="Variance kept by directions that tell nothing")
@option("--write-full-matrix", default="", help="Where to write the transform with all its rows")
@option("--binary", type=bool, default=True, help="Write in Kaldi's binary form")
def main(
    matrix: str, accs: tuple[str, ...], dim: int, allow_large_dim: bool, remove_offset: bool,
    within_class_factor: float, write_full_matrix: str, binary: bool,
) -> None:  # fmt: skip
    """Estimate the directions that tell the classes apart best, of unit variance inside the classes."""
    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.gmm.lda import LdaStats, lda, scaled_within, with_offset
    from houseblend.gmm.statistics import load_sum
    from houseblend.io.tables import write_object

    stats = load_sum(LdaStats, accs)
    classes = len(stats.counts)
    most = stats.dim if allow_large_dim else min(stats.dim, classes - 1)
    if not 1 <= dim <= most:
        raise UsageError(f"--dim={dim} of {stats.dim} dimensions and {classes} classes", expected=f"1 to {most}")
    rows, spread, mean = lda(stats)
    full = scaled_within(rows, spread, within_class_factor)
    full = (with_offset(full, mean) if remove_offset else full).astype(np.float32)
    write_object(matrix, "matrix", full[:dim], binary)
    if write_full_matrix:
        write_object(write_full_matrix, "matrix", full, binary)
    log(
        f"{dim} directions hold {spread[:dim].sum():.6g} of {spread.sum():.6g} between classes, of {stats.counts.sum():g} frames"
    )
