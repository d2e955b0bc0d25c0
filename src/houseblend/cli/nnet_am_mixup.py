"""nnet-am-mixup: split the outputs of a model of nnet2 into parts that are summed."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.nnet.nnet2.options import MixupOptions


@program(example="nnet-am-mixup --min-count=10 --num-mixtures=5000 10.mdl 10_mixed.mdl")
@argument("model_in", help="acoustic model of nnet2 with the counts of its training")
@argument("model_out", help="where to write it")
@options_of(MixupOptions, "Parts")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(model_in: str, model_out: str, binary: bool, **values: Any) -> None:
    """Share out more outputs of the softmax among the pdfs by their counts, as Gaussians are."""
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model
    from houseblend.nnet.nnet2.edits import mixed_up

    model = read_nnet2_model(model_in)
    model.network = mixed_up(model.network, chosen(MixupOptions, values))
    write_nnet2_model(model_out, model, binary)
    log(f"{model.network.components[-1].input_dim} outputs for {model.network.output_dim} pdfs in {model_out}")
