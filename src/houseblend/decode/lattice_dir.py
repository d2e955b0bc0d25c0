"""Decode directories: lat.*.gz and num_jobs."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from houseblend.base.atomic import atomic_open, write_text
from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, encode_lattice, read_lattice_table


def read_lattices(decoding: Path) -> Iterator[tuple[str, CompactLattice]]:
    """Keys and lattices of a decode directory; InputError if there are none."""
    files = sorted(decoding.glob("lat.*.gz"))
    if not files:
        raise InputError("no lattices (lat.*.gz)", file=decoding, do="run decode")
    for file in files:
        yield from read_lattice_table(f"ark:{file}")


def write_lattices(out: Path, lattices: Iterable[tuple[str, CompactLattice]]) -> None:
    """Write lat.1.gz and num_jobs, as Kaldi's steps do; the bytes depend on the lattices only."""
    with (
        atomic_open(out / "lat.1.gz") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=4) as packed,
    ):
        for key, lattice in lattices:
            packed.write(key.encode() + b" " + encode_lattice(lattice, binary=True))
    write_text(out / "num_jobs", "1\n")
