"""nnet3-average: average networks."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-average --weights=1:2:1 1.raw 2.raw 3.raw mean.raw")
@argument("files", nargs=-1, help="networks to average, then where to write the mean")
@option("--weights", default="", help="Weights separated by colons, one per network; normalised to sum to one")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(files: tuple[str, ...], weights: str, binary: bool) -> None:
    """Write the mean of networks; equal networks give themselves, bit for bit."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.average import mean_network
    from houseblend.nnet.formats.nnet3 import write_network

    if len(files) < 2:
        raise UsageError("too few files", expected="one or more networks, then the network to write")
    try:
        numbers = [float(word) for word in weights.split(":")] if weights else None
    except ValueError:
        raise UsageError(f"--weights={weights}", expected="numbers separated by colons") from None
    write_network(files[-1], mean_network(files[:-1], numbers), binary)
    log(f"averaged {len(files) - 1} networks into {files[-1]}")
