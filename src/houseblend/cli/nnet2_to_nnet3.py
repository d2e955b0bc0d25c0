"""nnet2-to-nnet3: a model or network of nnet2 as one of nnet3."""

from houseblend.cli.program import argument, option, program


@program(example="nnet2-to-nnet3 exp/nnet2/final.mdl final.mdl")
@argument("nnet2", help="acoustic model of nnet2; or a network, with --raw=true")
@argument("nnet3_out", help="acoustic model of nnet3 to write; or a network, with --raw=true")
@option("--raw", type=bool, default=False, help="The network alone")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(nnet2: str, nnet3_out: str, raw: bool, binary: bool) -> None:
    """Write the model of nnet3 that has the same outputs, or their logarithm if the last component is a softmax."""
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet2 import read_nnet2, read_nnet2_model
    from houseblend.nnet.formats.nnet3 import write_acoustic_model, write_network
    from houseblend.nnet.nnet2.convert import model_to_nnet3, to_nnet3

    if raw:
        write_network(nnet3_out, to_nnet3(read_nnet2(nnet2)), binary)
    else:
        write_acoustic_model(nnet3_out, model_to_nnet3(read_nnet2_model(nnet2)), binary)
    log(f"wrote {nnet2} as {nnet3_out}")
