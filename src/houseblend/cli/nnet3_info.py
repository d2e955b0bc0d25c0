"""nnet3-info: describe a network."""

from houseblend.cli.program import argument, program


@program(example="nnet3-info final.raw")
@argument("network", help="network, .raw or .mdl")
def main(network: str) -> None:
    """Print contexts, nodes and components of a network."""
    from houseblend.nnet.formats.nnet3 import read_network
    from houseblend.nnet.info import network_info

    print(network_info(read_network(network)), end="")
