"""nnet3-init: make a network, or add layers to one."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-init --srand=1 network.config 0.raw")
@argument("files", nargs=-1, help="[existing network] config network-to-write")
@option("--srand", type=int, default=0, help="Seed of the random numbers; each component draws by its name")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(files: tuple[str, ...], srand: int, binary: bool) -> None:
    """Make a network from nnet3 config lines or layer lines.

    With three files, nodes and components of the config are added to the network of the first, or replace those
    of the same name. Layer lines: input, relu-layer, relu-renorm-layer, sigmoid-layer, tanh-layer, pnorm-layer,
    affine-layer, fixed-affine-layer, output-layer.
    """
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.io.streams import read_text
    from houseblend.nnet.formats.nnet3 import read_network, write_network
    from houseblend.nnet.init import init_network

    if len(files) not in (2, 3):
        raise UsageError(f"{len(files)} files", expected="[existing-network] config network-to-write")
    existing = read_network(files[0]) if len(files) == 3 else None
    config, out = files[-2:]
    network = init_network(read_text(config), srand, config, existing)
    write_network(out, network, binary)
    log(f"wrote {len(network.components)} components to {out}")
