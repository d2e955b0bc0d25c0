"""lattice-1best: the best path of lattices, as lattices."""

from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-1best --acoustic-scale=0.1 ark:lat.ark ark:best.ark")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "lm_scale"])
@option("--word-ins-penalty", type=float, default=0.0, help="Cost of every word in the choice")
@skipping
def main(
    lattices: str,
    wspecifier: str,
    acoustic_scale: float,
    lm_scale: float,
    word_ins_penalty: float,
    max_skipped: int | None,
) -> None:
    """Keep only the best path; its costs are written unscaled."""
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.paths import best_path
    from houseblend.io.tables import write_table

    with write_table(wspecifier, "lattice") as write, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            path = best_path(lattice, lm_scale, acoustic_scale, word_ins_penalty)
            if path is None:
                skips.skip(key, "the lattice is empty")
                continue
            write(key, path.lattice())
            skips.done(key)
