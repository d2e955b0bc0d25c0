"""ali-to-pdf: alignments by transition-id to alignments by pdf."""

from houseblend.cli.program import argument, program


@program(example="ali-to-pdf exp/mono/final.mdl 'ark:gunzip -c exp/mono_ali/ali.1.gz |' ark,t:-")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("alignments", help="alignments to read")
@argument("pdfs", help="where to write the pdfs")
def main(model: str, alignments: str, pdfs: str) -> None:
    """Convert alignments to pdfs, counted from 0."""
    from houseblend.base.log import log
    from houseblend.hmm.alignment import to_pdfs
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.tables import read_table, write_table

    transitions = TransitionModel.load(model)
    count = 0
    with write_table(pdfs, "int-vector") as write:
        for key, ids in read_table(alignments, "int-vector"):
            write(key, to_pdfs(ids, transitions, key))
            count += 1
    log(f"converted {count} alignments")
