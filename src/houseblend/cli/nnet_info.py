"""nnet-info: describe a network of nnet1."""

from houseblend.cli.program import argument, program


@program(example="nnet-info final.nnet")
@argument("nnet", help="network of nnet1")
def main(nnet: str) -> None:
    """Print dims, and every component with the moments of its numbers."""
    from houseblend.nnet.formats.nnet1 import read_nnet1
    from houseblend.nnet.nnet1.info import nnet1_info

    print(nnet1_info(read_nnet1(nnet)), end="")
