"""nnet-get-feature-transform: transform of a network's spliced input, from LDA statistics."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-get-feature-transform --dim=40 lda.mat lda.acc")
@argument("matrix", help="transform to write, offset in the last column")
@argument("stats", help="statistics of nnet3-acc-lda-stats")
@option("--dim", type=int, default=0, help="Rows; default: all")
@option("--within-class-factor", type=float, default=0.001, help="Variance kept by directions that tell nothing")
@option("--max-singular-value", type=float, default=5.0, help="Largest singular value; 0: no limit")
@option("--kind", default="lda", help="lda, or mean-var: zero mean and unit variance of every number")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(
    matrix: str, stats: str, dim: int, within_class_factor: float, max_singular_value: float, kind: str, binary: bool
) -> None:
    """Estimate the matrix of a fixed-affine input layer."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.gmm.lda import LdaStats, lda_transform, mean_variance_transform
    from houseblend.io.objects import open_output

    found = LdaStats.load(stats)
    if kind not in ("lda", "mean-var"):
        raise UsageError(f"--kind={kind}", expected="lda or mean-var")
    transform = (
        mean_variance_transform(found)
        if kind == "mean-var"
        else lda_transform(found, dim or None, within_class_factor, max_singular_value)
    )
    with open_output(matrix, binary) as target:
        target.write_matrix(transform)
    log(f"wrote a transform of {transform.shape[0]} x {transform.shape[1]}")
