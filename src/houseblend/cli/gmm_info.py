"""gmm-info: numbers of phones, pdfs, transitions and Gaussians of a model."""

from houseblend.cli.program import argument, program


@program(example="gmm-info exp/mono/final.mdl")
@argument("model", help="GMM-HMM")
def main(model: str) -> None:
    """Print the sizes of a GMM-HMM."""
    from houseblend.gmm.model import read_model

    transitions, mixtures = read_model(model)
    print(f"number of phones {len(transitions.phones)}")
    print(f"number of pdfs {transitions.num_pdfs}")
    print(f"number of transition-ids {transitions.num_ids}")
    print(f"number of transition-states {len(transitions.states)}")
    print(f"feature dimension {mixtures.dim}")
    print(f"number of gaussians {mixtures.num_gaussians}")
