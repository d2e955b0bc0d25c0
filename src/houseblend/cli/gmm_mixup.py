"""gmm-mixup: split or merge the Gaussians of a model."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-mixup --mix-up=2000 1.mdl 1.occs 1.mdl")
@argument("model", help="GMM-HMM to read")
@argument("occs", help="frames of every pdf")
@argument("out", help="model to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--mix-up", type=int, default=0, help="Split until there are so many Gaussians; 0: split none")
@option("--mix-down", type=int, default=0, help="Merge, before splitting, to so many Gaussians; 0: merge none")
@option("--power", type=float, default=0.2, help="Exponent by which frames share out the Gaussians")
@option("--min-count", type=float, default=20.0, help="Frames that every Gaussian of a split pdf must have")
@option("--perturb-factor", type=float, default=0.01, help="How far halves move apart, in standard deviations")
def main(
    model: str, occs: str, out: str, binary: bool, mix_up: int, mix_down: int, power: float, min_count: float,
    perturb_factor: float,
) -> None:  # fmt: skip
    """Share out a number of Gaussians among pdfs by their frames, then split the heaviest or merge the nearest."""
    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.gmm import estimate, merge
    from houseblend.gmm.model import read_model, write_model
    from houseblend.io.tables import read_object

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
            mixtures = merge.mix_down(mixtures, occupancy, mix_down, power, min_count)
        if mix_up:
            mixtures = estimate.mix_up(mixtures, occupancy, mix_up, power, perturb_factor, min_count)
    write_model(out, transitions, mixtures, binary)
    log(f"{before} Gaussians are {mixtures.num_gaussians} now")
