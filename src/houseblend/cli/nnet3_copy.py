"""nnet3-copy: copy a network, change its form, learning rates or scale."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-copy --binary=false --learning-rate=0.001 0.raw 0.txt")
@argument("network_in", help="network to read, .raw or .mdl")
@argument("network_out", help="where to write the .raw")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--learning-rate", type=float, help="Set all learning rates, times each component's factor")
@option("--scale", type=float, default=1.0, help="Multiply the parameters")
@option("--prepare-for-test", type=bool, default=False, help="Test mode, and successive affine components made one")
@option("--batchnorm-test-mode", type=bool, default=False, help="Let batch norm compute with its statistics")
@option(
    "--edits",
    default="",
    help="Edit lines of nnet3, separated by semicolons: set-learning-rate name=* learning-rate=x, ...",
)
def main(
    network_in: str,
    network_out: str,
    binary: bool,
    learning_rate: float | None,
    scale: float,
    prepare_for_test: bool,
    batchnorm_test_mode: bool,
    edits: str,
) -> None:
    """Copy a network."""
    from houseblend.base.log import log
    from houseblend.nnet import collapse
    from houseblend.nnet.edits import change_network
    from houseblend.nnet.formats.nnet3 import read_network, write_network

    network = read_network(network_in)
    network = change_network(network, learning_rate, scale, edits)
    network.set_batch_norm_test_mode(batchnorm_test_mode)
    if prepare_for_test:
        network = collapse.prepare_for_test(network)
    write_network(network_out, network, binary)
    log(f"copied the network of {network_in} to {network_out}")
