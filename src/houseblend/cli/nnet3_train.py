"""nnet3-train: train a network on an interval of the data."""

from typing import Any

from houseblend.cli.program import argument, options_of, program
from houseblend.train.options import TrainOptions
from houseblend.train.update.rule import UpdateRule


@program(example="nnet3-train --minibatch-size=256 --begin=0 --end=100000 0.raw frames:exp/frames 1.raw")
@argument("model_in", help="raw network to start from")
@argument("examples", help="frames:DIR[:SUBSET], or a rspecifier of nnet3 examples")
@argument("model_out", help="raw network to write")
@options_of(TrainOptions, "Training")
@options_of(UpdateRule, "Update")
def main(model_in: str, examples: str, model_out: str, **values: Any) -> None:
    """Train one network: the gradient is summed over the minibatch, its change limited, momentum as nnet3 has it."""
    from houseblend.base.options import chosen
    from houseblend.train.file_to_file import train_file

    train_file(model_in, examples, model_out, chosen(UpdateRule, values), chosen(TrainOptions, values))
