"""nnet3-to-nnet1: a feed-forward network of nnet3 as one of nnet1."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-to-nnet1 exp/dnn/final.mdl final.nnet")
@argument("network", help="network of nnet3, .raw or .mdl")
@argument("nnet_out", help="network of nnet1 to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(network: str, nnet_out: str, binary: bool) -> None:
    """Write the network of nnet1 that has the same outputs, or their exponential if the last is a log-softmax."""
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import write_nnet1
    from houseblend.nnet.formats.nnet3 import read_network
    from houseblend.nnet.nnet1.convert import from_nnet3

    converted = from_nnet3(read_network(network), network)
    write_nnet1(nnet_out, converted, binary)
    log(f"wrote {len(converted.components)} components to {nnet_out}")
