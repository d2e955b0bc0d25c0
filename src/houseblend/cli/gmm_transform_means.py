"""gmm-transform-means: transform the means of a GMM-HMM."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-transform-means 2.mat.new 2.mdl 2.mdl")
@argument("matrix", help="linear transform, or an affine one that has one more column")
@argument("model", help="GMM-HMM")
@argument("out", help="model to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(matrix: str, model: str, out: str, binary: bool) -> None:
    """Take a model along when its features are transformed; weights and variances stay."""
    from houseblend.gmm.edits import transform_means
    from houseblend.gmm.model import read_model, write_model
    from houseblend.io.tables import read_object

    transform = read_object(matrix, "matrix")
    transitions, mixtures = read_model(model)
    write_model(out, transitions, transform_means(mixtures, transform), binary)
