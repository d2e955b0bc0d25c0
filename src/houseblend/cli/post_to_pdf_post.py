"""post-to-pdf-post: posteriors of transition-ids to posteriors of pdfs."""

from houseblend.cli.program import argument, program


@program(example="post-to-pdf-post exp/mono/final.mdl ark:1.post ark:1.pdfpost")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("posteriors", help="posteriors of transition-ids")
@argument("pdf_posteriors", help="where to write the posteriors of pdfs, counted from 0")
def main(model: str, posteriors: str, pdf_posteriors: str) -> None:
    """Add up the weights of each pdf."""
    from houseblend.cli.program import Skips
    from houseblend.hmm.posterior import to_pdfs
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.tables import read_table, write_table

    transitions = TransitionModel.load(model)
    with write_table(pdf_posteriors, "posterior") as write, Skips(0, "posteriors") as skips:
        for key, posterior in read_table(posteriors, "posterior"):
            write(key, to_pdfs(posterior, transitions, key))
            skips.done(key)
