"""lattice-prune: leave out what is far from the best path of lattices."""

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-prune --acoustic-scale=0.1 --beam=4 ark:lat.ark ark:pruned.ark")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "inv_acoustic_scale", "beam"])
@skipping
def main(
    lattices: str, wspecifier: str, acoustic_scale: float, inv_acoustic_scale: float, beam: float,
    max_skipped: int | None,
) -> None:  # fmt: skip
    """Keep the paths that cost little more than the best; costs are written unscaled."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.prune import prune
    from houseblend.io.tables import write_table

    if inv_acoustic_scale <= 0 or beam <= 0:
        raise UsageError(f"--inv-acoustic-scale={inv_acoustic_scale} --beam={beam}", expected="positive numbers")
    with Skips(max_skipped, "lattices", lattices) as skips, write_table(wspecifier, "lattice") as write:
        for key, lattice in read_lattice_table(lattices):
            try:
                pruned = prune(lattice, beam, acoustic_scale / inv_acoustic_scale)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, pruned)
            skips.done(key)
