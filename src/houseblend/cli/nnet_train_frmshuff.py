"""nnet-train-frmshuff: one pass of stochastic gradient descent with a network of nnet1, or of cross-validation."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.train.nnet1_options import PassOptions, SgdOptions, ShuffleOptions


@program(example="nnet-train-frmshuff --learn-rate=0.008 scp:feats.scp ark:targets.ark nnet.init nnet.iter1")
@argument("features", help="features")
@argument("targets", help="posteriors of the network's outputs, from ali-to-post")
@argument("nnet_in", help="network to start from")
@argument("nnet_out", help="network to write; not with --cross-validate=true", required=False)
@options_of(SgdOptions, "Update")
@options_of(ShuffleOptions, "Minibatches")
@options_of(PassOptions, "Data")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(features: str, targets: str, nnet_in: str, nnet_out: str | None, binary: bool, **values: Any) -> None:
    """Train on frames in minibatches; the gradient is their sum. The log tells loss and frame accuracy as nnet1's does."""
    from houseblend.base.errors import UsageError
    from houseblend.base.options import chosen
    from houseblend.train.nnet1_pass import train_pass

    options = chosen(PassOptions, values)
    if options.cross_validate == (nnet_out is not None):
        expected = "no network to write" if options.cross_validate else "a network to write"
        raise UsageError(f"--cross-validate={str(options.cross_validate).lower()}", expected=expected)
    shuffle = chosen(ShuffleOptions, values)
    train_pass(features, targets, nnet_in, nnet_out or "", chosen(SgdOptions, values), shuffle, options, binary)
