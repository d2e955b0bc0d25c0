"""rbm-convert-to-nnet: an RBM as a layer of a network of nnet1."""

from houseblend.cli.program import argument, option, program


@program(example="rbm-convert-to-nnet 1.rbm 1.dbn")
@argument("rbm", help="network of one <Rbm>")
@argument("nnet_out", help="network to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(rbm: str, nnet_out: str, binary: bool) -> None:
    """Write <AffineTransform> and, of Bernoulli hidden units, <Sigmoid>: they compute the hidden units."""
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
    from houseblend.nnet.nnet1.network import Nnet1

    network = read_nnet1(rbm)
    hidden = network.rbm.output_dim
    write_nnet1(nnet_out, Nnet1(network.layers, rbm), binary)
    log(f"wrote a layer of {hidden} units to {nnet_out}")
