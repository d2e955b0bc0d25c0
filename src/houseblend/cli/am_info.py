"""am-info: numbers of phones, pdfs and transitions of an acoustic model of any kind."""

from houseblend.cli.program import argument, program


@program(example="am-info exp/tri3/final.mdl")
@argument("model", help="acoustic model of any kind, or transition model")
def main(model: str) -> None:
    """Print the sizes of a model's transition model."""
    from houseblend.hmm.describe import sizes_text
    from houseblend.hmm.transition_model import TransitionModel

    print(sizes_text(TransitionModel.load(model)), end="")
