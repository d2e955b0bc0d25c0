"""lattice-to-post: posteriors of transition-ids from lattices."""

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-to-post --acoustic-scale=0.1 ark:lat.ark ark:lat.post")
@argument("lattices", help="lattices (rspecifier)")
@argument("posteriors", help="where to write the posteriors")
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "lm_scale"])
@skipping
def main(lattices: str, posteriors: str, acoustic_scale: float, lm_scale: float, max_skipped: int | None) -> None:
    """Write for every frame the probability of each transition-id."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.posteriors import posteriors as posteriors_of
    from houseblend.io.tables import write_table

    with write_table(posteriors, "posterior") as write, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            try:
                posterior = posteriors_of(lattice, lm_scale, acoustic_scale)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, posterior)
            skips.done(key)
