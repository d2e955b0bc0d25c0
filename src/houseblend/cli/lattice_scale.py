"""lattice-scale: multiply the costs of lattices."""

from houseblend.cli.program import argument, options_of, program
from houseblend.decode.options import LatticeOptions


@program(example="lattice-scale --inv-acoustic-scale=10 ark:lat.ark ark:scaled.ark")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
@options_of(LatticeOptions, "Options", without=["beam"])
def main(lattices: str, wspecifier: str, acoustic_scale: float, inv_acoustic_scale: float, lm_scale: float) -> None:
    """Scale acoustic and graph costs."""
    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.io.tables import write_table

    if inv_acoustic_scale <= 0:
        raise UsageError(f"--inv-acoustic-scale={inv_acoustic_scale}", expected="a positive number")
    with Skips(0, "lattices", lattices) as skips, write_table(wspecifier, "lattice") as write:
        for key, lattice in read_lattice_table(lattices):
            write(key, lattice.scaled(lm_scale, acoustic_scale / inv_acoustic_scale))
            skips.done(key)
