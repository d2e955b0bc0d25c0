"""show-transitions: the transition-ids of a model, with phones, pdfs and probabilities."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="show-transitions data/lang/phones.txt exp/mono/final.mdl")
@argument("phones", type=Path, help="names of the phones (phones.txt)")
@argument("model", help="transition model, or acoustic model of any kind")
def main(phones: Path, model: str) -> None:
    """Print every transition-state and its transitions."""
    from houseblend.hmm.describe import transitions_text
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.lang_files import read_symbol_table

    names = {number: name for name, number in read_symbol_table(phones).items()}
    print(transitions_text(TransitionModel.load(model), names), end="")
