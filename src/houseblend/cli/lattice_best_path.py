"""lattice-best-path: words and alignments of the best path of lattices."""

from houseblend.cli.program import argument, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-best-path --acoustic-scale=0.1 ark:lat.ark ark,t:words.txt ark,t:ali.txt")
@argument("lattices", help="lattices (rspecifier)")
@argument("words_wspecifier", help="word ids to write", required=False)
@argument("ali_wspecifier", help="transition-ids to write", required=False)
@options_of(LatticeOptions, "Options", only=["acoustic_scale", "lm_scale"])
@skipping
def main(
    lattices: str, words_wspecifier: str | None, ali_wspecifier: str | None, acoustic_scale: float, lm_scale: float,
    max_skipped: int | None,
) -> None:  # fmt: skip
    """Write the best path of every lattice."""
    from contextlib import ExitStack

    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.paths import best_path
    from houseblend.io.tables import write_table

    targets = {"words": words_wspecifier, "ids": ali_wspecifier}
    with ExitStack() as stack, Skips(max_skipped, "lattices", lattices) as skips:
        writers = {part: stack.enter_context(write_table(name, "int-vector")) for part, name in targets.items() if name}
        for key, lattice in read_lattice_table(lattices):
            path = best_path(lattice, lm_scale, acoustic_scale)
            if path is None:
                skips.skip(key, "the lattice is empty")
                continue
            for part, write in writers.items():
                write(key, getattr(path, part))
            skips.done(key)
