"""nnet-initialize: make a network of nnet1 from a prototype."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-initialize --seed=777 nnet.proto nnet.init")
@argument("prototype", help="a line for each component")
@argument("nnet_out", help="network to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--seed", type=int, default=777, help="Seed of the random numbers; each component draws by its place")
def main(prototype: str, nnet_out: str, binary: bool, seed: int) -> None:
    """Make a network: lines like <AffineTransform> <InputDim> 440 <OutputDim> 1024 <ParamStddev> 0.1."""
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import write_nnet1
    from houseblend.nnet.nnet1.prototype import init_nnet1

    network = init_nnet1(prototype, seed)
    write_nnet1(nnet_out, network, binary)
    log(f"wrote {len(network.components)} components to {nnet_out}")
