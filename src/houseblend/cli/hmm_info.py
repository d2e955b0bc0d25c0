"""hmm-info: numbers of phones, pdfs and transitions of a model."""

from houseblend.cli.program import argument, program


@program(example="hmm-info exp/mono/final.mdl")
@argument("model", help="transition model, or acoustic model of any kind")
def main(model: str) -> None:
    """Print the sizes of a transition model."""
    from houseblend.hmm.describe import sizes_text
    from houseblend.hmm.transition_model import TransitionModel

    print(sizes_text(TransitionModel.load(model)), end="")
