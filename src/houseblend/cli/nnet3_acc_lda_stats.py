"""nnet3-acc-lda-stats: statistics for an LDA-like transform of a network's spliced input."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-acc-lda-stats --num-classes=62 splice.raw frames:exp/frames lda.acc")
@argument("model", help="network whose output is its spliced input")
@argument("examples", help="frames:DIR[:SUBSET], or a rspecifier of nnet3 examples")
@argument("stats", help="statistics to write")
@option("--num-classes", type=int, default=0, help="Pdfs; default: as in the frame store (archives need it)")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(model: str, examples: str, stats: str, num_classes: int, binary: bool) -> None:
    """Counts, class sums and second moments of spliced frames."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.frames.store import FrameStore
    from houseblend.io.objects import open_output
    from houseblend.nnet.formats.nnet3 import read_network
    from houseblend.train.examples import split_name
    from houseblend.train.transform import gather_lda_stats

    network = read_network(model)
    place = split_name(examples)
    if place is not None:
        num_classes = FrameStore(place[0]).num_pdfs
    if num_classes < 1:
        raise UsageError("--num-classes is missing", expected="the number of pdfs, with archives of examples")
    found = gather_lda_stats(examples, (network.left_context, network.right_context), num_classes)
    with open_output(stats, binary) as target:
        found.write(target)
    log(f"accumulated {found.counts.sum():g} frames of dimension {found.sums.shape[1]}")
