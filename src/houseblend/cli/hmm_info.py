"""hmm-info: numbers of phones, pdfs and transitions of a model."""

from houseblend.cli.program import argument, program


@program(example="hmm-info exp/mono/final.mdl")
@argument("model", help="transition model, or acoustic model of any kind")
def main(model: str) -> None:
    """Print the sizes of a transition model."""
    from houseblend.hmm.transition_model import TransitionModel

    read = TransitionModel.load(model)
    print(f"number of phones {len(read.phones)}")
    print(f"number of pdfs {read.num_pdfs}")
    print(f"number of transition-ids {read.num_ids}")
    print(f"number of transition-states {len(read.states)}")
