"""nnet-copy: copy a network of nnet1, to text or binary, or some of its components."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-copy --remove-last-components=4 final.nnet bottleneck.nnet")
@argument("nnet_in", help="network to read")
@argument("nnet_out", help="network to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--remove-first-components", type=int, default=0, help="Leave out so many at the beginning")
@option("--remove-last-components", type=int, default=0, help="Leave out so many at the end")
def main(nnet_in: str, nnet_out: str, binary: bool, remove_first_components: int, remove_last_components: int) -> None:
    """Copy a network."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
    from houseblend.nnet.nnet1.network import Nnet1

    components = read_nnet1(nnet_in).components
    end = len(components) - remove_last_components
    if min(remove_first_components, remove_last_components) < 0 or remove_first_components >= end:
        given = (
            f"--remove-first-components={remove_first_components}, --remove-last-components={remove_last_components}"
        )
        raise UsageError(f"{given} of {len(components)} components", expected="one component left at least")
    write_nnet1(nnet_out, Nnet1(components[remove_first_components:end], nnet_in), binary)
    log(f"wrote {end - remove_first_components} components of {nnet_in} to {nnet_out}")
