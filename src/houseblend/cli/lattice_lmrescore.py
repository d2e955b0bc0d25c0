"""lattice-lmrescore: add a language model's costs to lattices."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="lattice-lmrescore --lm-scale=-1 ark:lat.ark lang/G.fst ark:out.ark")
@argument("lattices", help="determinised lattices (rspecifier)")
@argument("grammar", help="G.fst; its output side is read, so that it need not be projected")
@argument("wspecifier", help="lattices to write")
@option("--lm-scale", type=float, default=1.0, help="Factor on its costs; -1 takes out what was put in")
@skipping
def main(lattices: str, grammar: str, wspecifier: str, lm_scale: float, max_skipped: int | None) -> None:
    """Add the cost of the best path through a grammar to the graph costs of lattices."""
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.rescore import Grammar, rescore
    from houseblend.io.tables import write_table
    from houseblend.lang.fst import read_graph

    model = Grammar(read_graph(grammar))
    with Skips(max_skipped, "lattices", lattices) as skips, write_table(wspecifier, "lattice") as write:
        for key, lattice in read_lattice_table(lattices):
            found = rescore(lattice, model, lm_scale)
            if found is None:
                skips.skip(key, "the grammar takes no path of the lattice")
                continue
            write(key, found)
            skips.done(key)
