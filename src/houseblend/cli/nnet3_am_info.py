"""nnet3-am-info: describe an acoustic model."""

from houseblend.cli.program import argument, program


@program(example="nnet3-am-info final.mdl")
@argument("model", help="acoustic model")
def main(model: str) -> None:
    """Print dims and priors of an acoustic model, and its network."""
    from houseblend.nnet.formats.nnet3 import read_acoustic_model
    from houseblend.nnet.info import acoustic_model_info

    print(acoustic_model_info(read_acoustic_model(model)), end="")
