"""nnet3-am-adjust-priors: set the priors of an acoustic model from average posteriors."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-am-adjust-priors 20.mdl post.vec final.mdl")
@argument("model_in", help="acoustic model to read")
@argument("posteriors", help="posteriors summed over frames, a vector")
@argument("model_out", help="where to write the model")
@option("--prior-floor", type=float, default=1e-15, help="Smallest prior")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(model_in: str, posteriors: str, model_out: str, prior_floor: float, binary: bool) -> None:
    """Make the posteriors, normalised to sum to one, the priors of the pdfs."""
    import numpy as np

    from houseblend.base.log import log
    from houseblend.io.objects import open_input
    from houseblend.nnet.formats.nnet3 import read_acoustic_model, write_acoustic_model

    model = read_acoustic_model(model_in)
    old = model.priors
    with open_input(posteriors) as inp:
        model.set_priors(inp.read_vector(), prior_floor)
    if len(old):
        pdf = int(np.abs(model.priors - old).argmax())
        log(f"largest change of a prior: pdf {pdf}, {old[pdf]:g} -> {model.priors[pdf]:g}")
    write_acoustic_model(model_out, model, binary)
    log(f"wrote {model_out} with the priors of {posteriors}")
