"""nnet-to-raw-nnet: the network of an acoustic model of nnet2."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-to-raw-nnet --truncate=4 final.mdl bottleneck.raw")
@argument("model", help="acoustic model of nnet2")
@argument("raw_out", help="network to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--truncate", type=int, help="Keep so many components at the beginning")
def main(model: str, raw_out: str, binary: bool, truncate: int | None) -> None:
    """Write the network without transition model and priors."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2
    from houseblend.nnet.nnet2.network import Nnet2

    components = read_nnet2_model(model).network.components
    if truncate is not None and not 1 <= truncate <= len(components):
        raise UsageError(f"--truncate={truncate}", expected=f"1 to {len(components)}, the components of {model}")
    kept = Nnet2(components[:truncate], model)
    write_nnet2(raw_out, kept, binary)
    log(f"wrote {len(kept.components)} components of {model} to {raw_out}")
