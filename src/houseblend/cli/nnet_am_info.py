"""nnet-am-info: describe an acoustic model of nnet2."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-am-info final.mdl")
@argument("model", help="acoustic model of nnet2")
@option("--print-learning-rates", type=bool, default=False, help="Print learning rates alone, separated by colons")
def main(model: str, print_learning_rates: bool) -> None:
    """Print dims, components and priors."""
    from houseblend.nnet.formats.nnet2 import read_nnet2_model
    from houseblend.nnet.nnet2.info import nnet2_info

    found = read_nnet2_model(model)
    if print_learning_rates:
        print(":".join(f"{component.learning_rate:g}" for component in found.network.trained))
    else:
        print(nnet2_info(found), end="")
