"""nnet1-to-nnet3: a network of nnet1 as one of nnet3."""

from houseblend.cli.program import argument, option, program


@program(example="nnet1-to-nnet3 --feature-transform=final.feature_transform final.nnet final.raw")
@argument("nnet", help="network of nnet1")
@argument("raw_out", help="raw network of nnet3 to write")
@option("--feature-transform", default="", help="Network in front")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(nnet: str, raw_out: str, feature_transform: str, binary: bool) -> None:
    """Write the network of nnet3 that has the same outputs, or their logarithm if the last component is <Softmax>.

    Kaldi's nnet1-to-raw-nnet writes networks of nnet2.
    """
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import read_nnet1
    from houseblend.nnet.formats.nnet3 import write_network
    from houseblend.nnet.nnet1.convert import to_nnet3
    from houseblend.nnet.nnet1.network import concatenated

    network = read_nnet1(nnet)
    if feature_transform:
        network = concatenated([read_nnet1(feature_transform), network])
    converted = to_nnet3(network)
    write_network(raw_out, converted, binary)
    log(f"wrote {len(converted.components)} components to {raw_out}")
