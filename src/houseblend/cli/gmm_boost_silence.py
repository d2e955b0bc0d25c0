"""gmm-boost-silence: multiply the likelihoods of some phones, such as silence."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-boost-silence --boost=1.5 1:2:3 exp/mono/1.mdl -")
@argument("phones", help="phone ids with colons between them")
@argument("model", help="GMM-HMM")
@argument("out", help="model to write")
@option("--boost", type=float, default=1.5, help="Factor on the weights of the pdfs of these phones")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(phones: str, model: str, out: str, boost: float, binary: bool) -> None:
    """Make silence, or other phones, more likely; pdfs that are shared with other phones are too."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.cli.id_list import parse_ids
    from houseblend.gmm import edits
    from houseblend.gmm.model import read_model, write_model

    if boost <= 0:
        raise UsageError(f"--boost={boost:g}", expected="a factor above 0")
    chosen = set(parse_ids(phones, "phones"))
    transitions, mixtures = read_model(model)
    pdfs = {pdf for phone, _, pdf in transitions.states if phone in chosen}
    write_model(out, transitions, edits.boost(mixtures, pdfs, boost), binary)
    log(f"multiplied the weights of {len(pdfs)} pdfs by {boost:g}")
