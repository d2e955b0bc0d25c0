"""nnet-train-simple: train a model of nnet2 on examples."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.train.nnet2_options import MinibatchOptions


@program(example="nnet-train-simple --minibatch-size=512 1.mdl ark:egs.1.ark 2.mdl")
@argument("model_in", help="acoustic model of nnet2 to start from")
@argument("egs_rspecifier", help="examples of nnet2, in the order of training")
@argument("model_out", help="model to write")
@options_of(MinibatchOptions, "Minibatches")
@option("--zero-stats", type=bool, default=True, help="Forget the statistics of earlier training")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--srand", type=int, default=0, help="Taken as Kaldi's is; nothing is drawn")
@option("--use-gpu", type=("yes", "no", "optional", "wait"), default="no", help="Taken as Kaldi's is; the CPU computes")
def main(
    model_in: str, egs_rspecifier: str, model_out: str, zero_stats: bool, binary: bool, srand: int, use_gpu: str,
    **values: Any,
) -> None:  # fmt: skip
    """Train on the examples in their order, once; nnet2-to-nnet3 makes models that nnet3-train goes on with."""
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.frames.nnet2_egs import read_nnet2_egs
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model
    from houseblend.nnet.nnet2.components import Nonlinear
    from houseblend.train.nnet2 import train_pass

    model = read_nnet2_model(model_in)
    for component in model.network.components:
        if zero_stats and isinstance(component, Nonlinear):
            component.scale_statistics(0.0)
    train_pass(model.network, read_nnet2_egs(egs_rspecifier), chosen(MinibatchOptions, values))
    write_nnet2_model(model_out, model, binary)
    log(f"wrote {model_out}")
