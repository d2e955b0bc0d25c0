"""nnet-get-feature-transform: transform of a network's spliced input, from LDA statistics."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.gmm.options import InputTransformOptions


@program(example="nnet-get-feature-transform --dim=40 lda.mat lda.acc")
@argument("matrix", help="transform to write, offset in the last column")
@argument("stats", help="statistics of nnet3-acc-lda-stats")
@options_of(InputTransformOptions, "LDA")
@option("--kind", type=("lda", "mean-var"), default="lda", help="mean-var: zero mean and unit variance of every number")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(matrix: str, stats: str, kind: str, binary: bool, **values: Any) -> None:
    """Estimate the matrix of a fixed-affine input layer."""
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.gmm.lda import LdaStats, lda_transform, mean_variance_transform
    from houseblend.io.objects import open_output

    found = LdaStats.load(stats)
    transform = (
        mean_variance_transform(found)
        if kind == "mean-var"
        else lda_transform(found, chosen(InputTransformOptions, values))
    )
    with open_output(matrix, binary) as target:
        target.write_matrix(transform)
    log(f"wrote a transform of {transform.shape[0]} x {transform.shape[1]}")
