"""lattice-copy: copy lattices, for example to text."""

from houseblend.cli.program import argument, program


@program(example="lattice-copy ark:lat.ark ark,t:-")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
def main(lattices: str, wspecifier: str) -> None:
    """Copy a table of lattices."""
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.io.tables import write_table

    with Skips(0, "lattices", lattices) as skips, write_table(wspecifier, "lattice") as write:
        for key, lattice in read_lattice_table(lattices):
            write(key, lattice)
            skips.done(key)
