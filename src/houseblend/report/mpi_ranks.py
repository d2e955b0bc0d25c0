"""What `hb doctor` runs under mpiexec, `python -m houseblend.report.mpi_ranks`: a mean of a megabyte; rank 0 tells the number of ranks."""

import sys
import time

import torch

from houseblend.parallel.exchanges.mpi import MPI, MpiGroup

NUMBERS = 1 << 18
"""Float32, a megabyte in all."""


def main() -> None:
    """Form the mean as training does; exit status 1 if it is wrong."""
    comm = MPI.COMM_WORLD
    group = MpiGroup(comm, comm.size, "exact")
    began = time.monotonic()
    mean = group.mean({number: torch.full((NUMBERS,), float(number)) for number in group.workers}, [1.0] * comm.size)
    if not torch.equal(mean, torch.full((NUMBERS,), (1 + comm.size) / 2)):
        sys.exit("the mean of a megabyte came out wrong")
    if comm.rank == 0:
        print(comm.size, round(1000 * (time.monotonic() - began)))


if __name__ == "__main__":
    main()
