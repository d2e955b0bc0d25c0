"""gmm-copy: copy a GMM-HMM, to text or binary."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-copy --binary=false exp/mono/final.mdl -")
@argument("model", help="model to read")
@argument("out", help="where to write it")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(model: str, out: str, binary: bool) -> None:
    """Copy a transition model and its Gaussian mixtures."""
    from houseblend.base.log import log
    from houseblend.gmm.model import read_model, write_model

    transitions, mixtures = read_model(model)
    write_model(out, transitions, mixtures, binary)
    log(f"copied a model of {mixtures.num_pdfs} pdfs and {mixtures.num_gaussians} Gaussians")
