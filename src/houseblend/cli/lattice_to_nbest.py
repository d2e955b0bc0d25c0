"""lattice-to-nbest: the best paths of lattices, each as a lattice."""

from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-to-nbest --acoustic-scale=0.1 --n=10 ark:lat.ark ark:nbest.ark")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write, with keys KEY-1, KEY-2, ...")
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "lm_scale"])
@option("--n", type=int, default=1, help="Number of paths")
@skipping
def main(
    lattices: str, wspecifier: str, acoustic_scale: float, lm_scale: float, n: int, max_skipped: int | None
) -> None:
    """Write the best paths, the cheapest first; their costs are written unscaled."""
    from itertools import islice

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.paths import best_paths
    from houseblend.io.tables import write_table

    if n < 1:
        raise UsageError(f"--n={n}", expected="a positive number")
    with write_table(wspecifier, "lattice") as write, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            paths = list(islice(best_paths(lattice, lm_scale, acoustic_scale), n))
            for number, path in enumerate(paths, start=1):
                write(f"{key}-{number}", path.lattice())
            if paths:
                skips.done(key)
            else:
                skips.skip(key, "the lattice is empty")
