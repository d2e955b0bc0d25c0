"""nnet-compute-prob: log-probability and accuracy of a model of nnet2 on examples."""

from houseblend.cli.program import argument, program


@program(example="nnet-compute-prob final.mdl ark:valid.egs")
@argument("model", help="acoustic model of nnet2")
@argument("egs_rspecifier", help="examples of nnet2")
def main(model: str, egs_rspecifier: str) -> None:
    """Print the mean log-probability of a frame."""
    from houseblend.base.log import log
    from houseblend.frames.nnet2_egs import read_nnet2_egs
    from houseblend.nnet.formats.nnet2 import read_nnet2_model
    from houseblend.train.nnet2 import measure

    found = measure(read_nnet2_model(model).network, read_nnet2_egs(egs_rspecifier))
    log(
        f"average probability is {found.per_frame:g} and accuracy is {found.accuracy:g} with total weight {found.weight:g}"
    )
    print(f"{found.per_frame:g}")
