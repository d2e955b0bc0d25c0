"""nnet-concat: put networks of nnet1 behind each other."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-concat feature_transform final.nnet whole.nnet")
@argument("files", nargs=-1, help="networks to read, and the one to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(files: tuple[str, ...], binary: bool) -> None:
    """Make one network of several, each reading the output of the one before."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
    from houseblend.nnet.nnet1.network import concatenated

    if len(files) < 3:
        raise UsageError(f"{len(files)} files", expected="two networks to read at least, and one to write")
    network = concatenated([read_nnet1(file) for file in files[:-1]])
    write_nnet1(files[-1], network, binary)
    log(f"wrote {len(network.components)} components to {files[-1]}")
