"""lattice-depth-per-frame: how many arcs of lattices cross every frame."""

from houseblend.cli.program import argument, program, skipping


@program(example="lattice-depth-per-frame ark:lat.ark ark,t:depth.txt")
@argument("lattices", help="lattices (rspecifier)")
@argument("depths_wspecifier", help="where to write a number for every frame")
@argument("wspecifier", help="where to write the lattices as they are, for more in one pipe", required=False)
@skipping
def main(lattices: str, depths_wspecifier: str, wspecifier: str | None, max_skipped: int | None) -> None:
    """Count the arcs of lattices, frame by frame."""
    from contextlib import ExitStack

    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.state_lattice import depth_by_frame
    from houseblend.io.tables import write_table

    with ExitStack() as stack, Skips(max_skipped, "lattices", lattices) as skips:
        write_depths = stack.enter_context(write_table(depths_wspecifier, "int-vector"))
        write = stack.enter_context(write_table(wspecifier, "lattice")) if wspecifier else None
        for key, lattice in read_lattice_table(lattices):
            try:
                depths = depth_by_frame(lattice)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write_depths(key, depths)
            if write:
                write(key, lattice)
            skips.done(key)
