"""nnet-am-fix: mend units of a model of nnet2 that are always flat or never out of the middle."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.nnet.nnet2.options import FixOptions


@program(example="nnet-am-fix 10.mdl 10_mended.mdl")
@argument("model_in", help="acoustic model of nnet2 with statistics of its training")
@argument("model_out", help="where to write it")
@options_of(FixOptions, "Units")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(model_in: str, model_out: str, binary: bool, **values: Any) -> None:
    """Change the weights in front of tanh units, by their mean derivatives."""
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model
    from houseblend.nnet.nnet2.edits import mended

    model = read_nnet2_model(model_in)
    model.network, told = mended(model.network, chosen(FixOptions, values))
    for number, small, large in told:
        log(f"component {number}: smaller weights for {small} units, larger ones for {large}")
    write_nnet2_model(model_out, model, binary)
    log(f"wrote {model_out}")
