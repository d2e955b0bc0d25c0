"""nnet3-am-copy: copy an acoustic model, take out or replace its network."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-am-copy --raw=true final.mdl final.raw")
@argument("model_in", help="acoustic model to read")
@argument("model_out", help="where to write the .mdl, or the .raw with --raw")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--raw", type=bool, default=False, help="Write the network only")
@option("--set-raw-nnet", default="", help="Network that replaces the model's")
@option("--learning-rate", type=float, help="Set all learning rates, times each component's factor")
@option("--scale", type=float, default=1.0, help="Multiply the parameters")
@option("--prepare-for-test", type=bool, default=False, help="Test mode, and successive affine components made one")
@option(
    "--edits",
    default="",
    help="Edit lines of nnet3, separated by semicolons: set-learning-rate name=* learning-rate=x, ...",
)
def main(
    model_in: str,
    model_out: str,
    binary: bool,
    raw: bool,
    set_raw_nnet: str,
    learning_rate: float | None,
    scale: float,
    prepare_for_test: bool,
    edits: str,
) -> None:
    """Copy an acoustic model."""
    from houseblend.base.log import log
    from houseblend.nnet import collapse
    from houseblend.nnet.acoustic_model import AcousticModel
    from houseblend.nnet.edits import change_network
    from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network, write_acoustic_model, write_network

    model = read_acoustic_model(model_in)
    if set_raw_nnet:
        model = AcousticModel(model.transition_model, read_network(set_raw_nnet), model.priors, file=set_raw_nnet)
    model.network = change_network(model.network, learning_rate, scale, edits)
    if prepare_for_test:
        model.network = collapse.prepare_for_test(model.network)
    if raw:
        write_network(model_out, model.network, binary)
    else:
        write_acoustic_model(model_out, model, binary)
    log(f"copied {model_in} to {model_out}")
