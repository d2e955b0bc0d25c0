"""nnet-adjust-priors: set the priors of an acoustic model of nnet2 from average posteriors."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-adjust-priors 20.mdl post.vec final.mdl")
@argument("model_in", help="acoustic model of nnet2")
@argument("posteriors", help="posteriors summed over frames, a vector")
@argument("model_out", help="where to write the model")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(model_in: str, posteriors: str, model_out: str, binary: bool) -> None:
    """Make the posteriors, normalised to sum to one, the priors of the pdfs."""
    import numpy as np

    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.io.tables import read_object
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model

    model, sums = read_nnet2_model(model_in), read_object(posteriors, "vector")
    total = sums.sum(dtype=np.float64)
    if len(sums) != model.network.output_dim or not np.isfinite(total) or not total > 0:
        expected = f"{model.network.output_dim} numbers with a positive sum"
        raise InputError(f"{len(sums)} posteriors of sum {total:g}", file=posteriors, expected=expected)
    model.priors = (sums / total).astype(np.float32)
    write_nnet2_model(model_out, model, binary)
    log(f"wrote {model_out} with the priors of {posteriors}")
