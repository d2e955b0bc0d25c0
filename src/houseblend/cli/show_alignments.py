"""show-alignments: alignments by phone, for people."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="show-alignments data/lang/phones.txt exp/mono/final.mdl 'ark:gunzip -c exp/mono_ali/ali.1.gz |'")
@argument("phones", type=Path, help="names of the phones (phones.txt)")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("alignments", help="alignments to read")
def main(phones: Path, model: str, alignments: str) -> None:
    """Print the transition-ids of every phone, and the phones below them."""
    from houseblend.hmm.describe import alignment_text
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.lang_files import read_symbol_table
    from houseblend.io.tables import read_table

    names = {number: name for name, number in read_symbol_table(phones).items()}
    transitions = TransitionModel.load(model)
    for key, ids in read_table(alignments, "int-vector"):
        print(alignment_text(key, ids, transitions, names), end="")
