"""rbm-train-cd1-frmshuff: train an RBM by contrastive divergence."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.train.nnet1_options import ShuffleOptions
from houseblend.train.rbm_options import RbmPassOptions, RbmRule


@program(example="rbm-train-cd1-frmshuff --learn-rate=0.01 --num-iters=2 1.rbm.init scp:feats.scp 1.rbm")
@argument("model_in", help="network of one <Rbm> to start from")
@argument("features", help="features; of mean 0 and variance 1 for Gaussian visible units")
@argument("model_out", help="network to write")
@options_of(RbmRule, "Update", without=["with_bug"])
@option(
    "--with-bug",
    type=bool,
    default=True,
    help="Keep momentum-max from the start, while the rate falls as if momentum rose, as Kaldi does",
)
@options_of(RbmPassOptions, "Data")
@options_of(ShuffleOptions, "Data", only=["randomizer_size", "randomizer_seed"])
@option("--binary", type=bool, default=False, help="Write in binary form")
def main(model_in: str, features: str, model_out: str, binary: bool, **values: Any) -> None:
    """Train on frames in minibatches by one step of Gibbs sampling. The log tells the reconstruction error as nnet1's does."""
    from houseblend.base.options import chosen
    from houseblend.train.rbm_pass import train_rbm_file

    rule, shuffle, options = chosen(RbmRule, values), chosen(ShuffleOptions, values), chosen(RbmPassOptions, values)
    train_rbm_file(model_in, features, model_out, rule, shuffle, options, binary)
