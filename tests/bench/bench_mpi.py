"""What blending costs under MPI: python tests/bench/bench_mpi.py [--quick] [--ranks=2]

The exact reduction (every rank owns a slice; float64, worker order) beside a bare Allreduce of the same size, in turns;
then training on every rank at once, with a blend every few minibatches, beside the same steps on one rank alone, and on all
ranks without any blending: what the cores hold each other up by is not the blending's.
"""

import os
import statistics
import time

from ranks import run_on_ranks

SIZES = {"440-4x512-1000": 1_532_904, "440-6x1024-3000": 8_777_144}
SHAPES = {"440-4x512-1000": (4, 512, 1000), "440-6x1024-3000": (6, 1024, 3000)}
MINIBATCH, REPETITIONS = 256, 9


def rank_main(quick: bool) -> None:
    """What each rank runs."""
    import torch
    from mpi4py import MPI

    torch.set_num_threads(1)
    for name, size in SIZES.items():
        exact = reduce(MPI.COMM_WORLD, name, 1000 if quick else size, 2 if quick else REPETITIONS)
        train(MPI.COMM_WORLD, name, quick, exact)


def reduce(comm, name: str, size: int, repetitions: int) -> float:
    """Seconds of the exact reduction of so many numbers, a bare Allreduce beside it in turns."""
    import numpy as np
    import torch
    from mpi4py import MPI

    from houseblend.parallel.exchanges.mpi import MpiGroup

    group = MpiGroup(comm, comm.size, "exact")
    given, weights = {group.workers[0]: torch.randn(size)}, [1.0] * comm.size
    x, y = np.ones(size, np.float32), np.empty(size, np.float32)
    seconds: list[list[float]] = [[], []]
    for _ in range(1 + repetitions):
        for own, run in zip(seconds, (lambda: comm.Allreduce(x, y), lambda: group.mean(given, weights)), strict=True):
            comm.Barrier()
            start = time.perf_counter()
            run()
            own.append(comm.allreduce(time.perf_counter() - start, MPI.MAX))
    bare, exact = (statistics.median(own[1:]) for own in seconds)
    if comm.rank == 0:
        print(
            f"{name}: {4 * size / 1e6:.0f} MB, exact {exact * 1e3:.1f} ms ({4 * size / exact / 1e9:.2f} GB/s), floor (a bare Allreduce) "
            f"{bare * 1e3:.1f} ms; ratio {bare / exact:.2f}"
        )
    return exact


def train(comm, name: str, quick: bool, exact: float) -> None:
    """Steps of natural gradient: one rank alone, all at once, all at once with a blend every 50 steps."""
    from bench_training import RULES, training
    from mpi4py import MPI

    os.sched_setaffinity(0, {comm.rank % (os.cpu_count() or 1)})
    count = 2 if quick else 50
    step = training((2, 16, 30) if quick else SHAPES[name], RULES["NG with max-change"], MINIBATCH, 1)
    step()

    def seconds():
        start = time.perf_counter()
        for _ in range(count):
            step()
        return time.perf_counter() - start

    comm.Barrier()
    alone = seconds() if comm.rank == 0 else 0.0
    comm.Barrier()
    together = comm.allreduce(seconds(), MPI.MAX)
    alone = comm.bcast(alone)
    if comm.rank == 0:
        rate = comm.size * (alone / (together + exact))
        print(
            f"{name}: {count} minibatches of {MINIBATCH}: alone {alone:.2f} s, {comm.size} at once {together:.2f} s; a blend every "
            f"{count} is {exact / (together + exact):.2%} of the time, every 10 s {exact / 10:.2%}; frames per second {rate:.2f} x one "
            f"alone, without blending {comm.size * alone / together:.2f} x"
        )


if __name__ == "__main__":
    run_on_ranks(__file__, __doc__, rank_main)
