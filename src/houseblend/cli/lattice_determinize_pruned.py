"""lattice-determinize-pruned: keep of every word sequence the best path, within a beam."""

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-determinize-pruned --acoustic-scale=0.1 --beam=6 ark:states.ark ark:lat.ark")
@argument("lattices", help="lattices (rspecifier), as a rule not determinised (--determinize-lattice=false)")
@argument("wspecifier", help="lattices to write")
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "beam"])
@skipping
def main(lattices: str, wspecifier: str, acoustic_scale: float, beam: float, max_skipped: int | None) -> None:
    """Determinise lattices; costs are written unscaled."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.base.log import warn
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.state_lattice import determinize_pruned
    from houseblend.io.tables import write_table

    if acoustic_scale <= 0 or beam <= 0:
        raise UsageError(f"--acoustic-scale={acoustic_scale:g} --beam={beam:g}", expected="positive numbers")
    with write_table(wspecifier, "lattice") as write, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            try:
                determinized, complete = determinize_pruned(lattice, acoustic_scale, beam)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            if complete < beam:
                warn(f"[{key}]: the lattice would be too large, and is complete within {complete:.1f} only")
            write(key, determinized)
            skips.done(key)
