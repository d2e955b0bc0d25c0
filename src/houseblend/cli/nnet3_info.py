"""nnet3-info: describe a network."""

from houseblend.cli.program import argument, program


@program(example="nnet3-info final.raw")
@argument("network", help="network, .raw or .mdl")
def main(network: str) -> None:
    """Print contexts, nodes and components of a network."""
    from houseblend.nnet.info import network_info
    from houseblend.nnet.network import Network

    print(network_info(Network.read(network)), end="")
