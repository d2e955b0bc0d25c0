"""nnet3-combine: average as many of the last models as give the best objective."""

from houseblend.cli.program import argument, options_of, program
from houseblend.nnet.options import DeviceOptions


@program(example="nnet3-combine 20.raw 19.raw 18.raw frames:exp/frames:combine final.raw")
@argument("words", nargs=-1, help="raw networks, the last one first; examples; network to write")
@options_of(DeviceOptions, "Options")
def main(words: tuple[str, ...], device: str) -> None:
    """Combine the last models, as many as give the best objective on the examples."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet3 import write_network
    from houseblend.train.combine import combine

    if len(words) < 3:
        raise UsageError(f"{len(words)} arguments", expected="MODEL ... EXAMPLES MODEL_OUT")
    *models, examples, target = words
    network, count = combine(models, examples, device)
    write_network(target, network)
    log(f"Finished combining neural nets: {count} in {target}")
