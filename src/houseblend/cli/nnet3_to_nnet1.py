"""nnet3-to-nnet1: a feed-forward network of nnet3 as one of nnet1."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-to-nnet1 --class-frame-counts=counts exp/dnn/final.mdl final.nnet")
@argument("network", help="network of nnet3, .raw or .mdl")
@argument("nnet_out", help="network of nnet1 to write")
@option("--class-frame-counts", default="", help="Where to write the priors of a .mdl, for nnet-forward")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(network: str, nnet_out: str, class_frame_counts: str, binary: bool) -> None:
    """Write the network of nnet1 that has the same outputs, or their exponential if the last is a log-softmax."""
    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.io.tables import write_object
    from houseblend.nnet.formats.nnet1 import write_nnet1
    from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network
    from houseblend.nnet.nnet1.convert import from_nnet3

    model = read_acoustic_model(network) if class_frame_counts else None
    if model is not None and not len(model.priors):
        raise InputError("the model has no priors", file=network, do="run nnet3-am-adjust-priors on it")
    converted = from_nnet3(model.network if model else read_network(network), network)
    write_nnet1(nnet_out, converted, binary)
    if model is not None:
        write_object(class_frame_counts, "vector", model.priors, binary=False)
    log(f"wrote {len(converted.components)} components to {nnet_out}")
