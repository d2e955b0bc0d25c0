"""gmm-mixup: split or merge the Gaussians of a model."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.gmm.options import SplitOptions


@program(example="gmm-mixup --mix-up=2000 1.mdl 1.occs 1.mdl")
@argument("model", help="GMM-HMM to read")
@argument("occs", help="frames of every pdf")
@argument("out", help="model to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--mix-up", type=int, default=0, help="Split until there are so many Gaussians; 0: split none")
@option("--mix-down", type=int, default=0, help="Merge, before splitting, to so many Gaussians; 0: merge none")
@options_of(SplitOptions, "Options")
def main(model: str, occs: str, out: str, binary: bool, mix_up: int, mix_down: int, **values: Any) -> None:
    """Share out a number of Gaussians among pdfs by their frames, then split the heaviest or merge the nearest."""
    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.gmm import estimate, merge
    from houseblend.gmm.model import read_model, write_model
    from houseblend.io.tables import read_object

    options = chosen(SplitOptions, values)
    transitions, mixtures = read_model(model)
    before = mixtures.num_gaussians
    if mix_up or mix_down:
        occupancy = read_object(occs, "vector")
        if occupancy.shape != (mixtures.num_pdfs,):
            raise InputError(
                f"the frames of {len(occupancy)} pdfs", file=occs, expected=f"{mixtures.num_pdfs} as the model has",
                do="take the file that gmm-init-model or gmm-est wrote with the model",
            )  # fmt: skip
        if mix_down:
            mixtures = merge.mix_down(mixtures, occupancy, mix_down, options)
        if mix_up:
            mixtures = estimate.mix_up(mixtures, occupancy, mix_up, options)
    write_model(out, transitions, mixtures, binary)
    log(f"{before} Gaussians are {mixtures.num_gaussians} now")
