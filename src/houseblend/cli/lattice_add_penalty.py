"""lattice-add-penalty: add a penalty to every word of lattices."""

from houseblend.cli.program import argument, option, program


@program(example="lattice-add-penalty --word-ins-penalty=0.5 ark:lat.ark ark:out.ark")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
@option("--word-ins-penalty", type=float, default=0.0, help="Added to the graph cost of every word")
def main(lattices: str, wspecifier: str, word_ins_penalty: float) -> None:
    """Add a word insertion penalty to the graph costs."""
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.io.tables import write_table

    with Skips(0, "lattices", lattices) as skips, write_table(wspecifier, "lattice") as write:
        for key, lattice in read_lattice_table(lattices):
            write(key, lattice.scaled(1.0, 1.0, word_ins_penalty))
            skips.done(key)
