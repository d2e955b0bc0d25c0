"""ali-to-post: alignments to posteriors of weight 1."""

from houseblend.cli.program import argument, program


@program(example="ali-to-post ark:1.ali ark:1.post")
@argument("alignments", help="alignments to read, by transition-id or by pdf")
@argument("posteriors", help="where to write the posteriors")
def main(alignments: str, posteriors: str) -> None:
    """Give the one id of every frame the weight 1."""
    from houseblend.cli.program import Skips
    from houseblend.hmm.posterior import from_alignment
    from houseblend.io.tables import read_table, write_table

    with write_table(posteriors, "posterior") as write, Skips(0, "alignments") as skips:
        for key, ids in read_table(alignments, "int-vector"):
            write(key, from_alignment(ids))
            skips.done(key)
