"""nnet3-compute-prob: log-probability and accuracy of a network on examples."""

from houseblend.cli.program import argument, option, options_of, program
from houseblend.nnet.options import DeviceOptions


@program(example="nnet3-compute-prob final.raw frames:exp/frames:heldout")
@argument("model", help="network, .raw or .mdl")
@argument("examples", help="frames:DIR[:SUBSET], or a rspecifier of nnet3 examples")
@option("--report", default=None, help="JSON file to write")
@options_of(DeviceOptions, "Options")
def main(model: str, examples: str, report: str | None, device: str) -> None:
    """Print objective and accuracy per frame; nothing is trained."""
    from houseblend.base.atomic import write_json
    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet3 import read_network
    from houseblend.train.examples import read_minibatches
    from houseblend.train.objective import evaluate_as_for_test

    network = read_network(model, device=device)
    result = evaluate_as_for_test(
        network, read_minibatches(examples, (network.left_context, network.right_context), 1024)
    )
    if not result.weight:
        raise InputError("no examples", file=examples)
    log(f"Overall log-probability for 'output' is {result.per_frame:.6g} per frame, over {result.weight:g} frames.")
    log(f"Overall accuracy for 'output' is {result.accuracy:.6g} per frame, over {result.weight:g} frames.")
    if report is not None:
        values = {"objective": result.per_frame, "accuracy": result.accuracy, "frames": result.weight}
        write_json(report, {**values, "model_hash": network.parameters.hash()})
