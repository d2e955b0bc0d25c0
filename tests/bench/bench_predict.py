"""What nnet-predict-speedup says beside what ranks of MPI do: python tests/bench/bench_predict.py [--quick] [--ranks=2]

Seconds of minibatches and of two sizes of means are measured, on all ranks at once; from them the prediction of a longer training
with a blend every ten minibatches, and every one, which is then run. The floor has no blending at all.
"""

import os
import statistics
import time

from ranks import run_on_ranks

SHAPES = {"440-4x512-1000": (4, 512, 1000), "440-6x1024-3000": (6, 1024, 3000)}
MINIBATCH = 256


def rank_main(quick: bool) -> None:
    """What each rank runs."""
    import torch
    from mpi4py import MPI

    torch.set_num_threads(1)
    os.sched_setaffinity(0, {MPI.COMM_WORLD.rank % (os.cpu_count() or 1)})
    for name, shape in SHAPES.items():
        compare(MPI.COMM_WORLD, name, (2, 16, 30) if quick else shape, 4 if quick else 100)


def compare(comm, name: str, shape: tuple[int, int, int], count: int) -> None:
    """Measure, predict, run."""
    import numpy as np
    import torch
    from bench_training import RULES, training
    from mpi4py import MPI

    from houseblend.parallel.asynchronous.machine import Machine, Workload
    from houseblend.parallel.exchanges.mpi import MpiGroup
    from houseblend.parallel.predict import predict
    from houseblend.parallel.strategies.average import Average

    step = training(shape, RULES["NG with max-change"], MINIBATCH, 1)
    group = MpiGroup(comm, comm.size, "exact")
    layers, width, outputs = shape
    size = 441 * width + (layers - 1) * (width + 1) * width + (width + 1) * outputs

    def seconds_of(work, times):
        found = []
        for _ in range(times):
            start = time.perf_counter()
            work()
            found.append(time.perf_counter() - start)
        return found

    def mean_seconds(numbers):
        given, weights = {group.workers[0]: torch.randn(numbers)}, [1.0] * comm.size
        found = seconds_of(lambda: group.mean(given, weights), 12)[2:]
        return comm.allreduce(statistics.median(found), MPI.MAX)

    seconds_of(step, 3)
    comm.Barrier()
    steps = seconds_of(step, count // 2)
    speeds, spread = comm.allgather(statistics.mean(steps)), comm.bcast(float(np.std(np.log(steps))))
    small, large = mean_seconds(size // 16), mean_seconds(size)
    share = 4 * size * 2 * (comm.size - 1) / comm.size
    bandwidth = share * (15 / 16) / max(large - small, 1e-9) if comm.size > 1 else 0.0
    latency = max(large - share / bandwidth, 0.0) / (2 * max(comm.size - 1, 1).bit_length()) if bandwidth else 0.0
    machine = Machine(",".join(map(str, speeds)), spread, latency, bandwidth)
    given, weights = {group.workers[0]: torch.randn(size)}, [1.0] * comm.size
    for every in (10, 1):
        comm.Barrier()
        start = time.perf_counter()
        for number in range(1, count + 1):
            step()
            if number % every == 0:
                group.mean(given, weights)
        taken = comm.allreduce(time.perf_counter() - start, MPI.MAX)
        alone = large / 2 / size if comm.size == 1 else 0.0
        workload = Workload(size, count * comm.size, alone)
        said = predict(Average(every), machine, workload, comm.size).seconds
        if comm.rank == 0:
            print(
                f"{name}, {comm.size} ranks, a blend every {every}: predicted {said:.2f} s, taken {taken:.2f} s, ratio "
                f"{said / taken:.3f}; floor (no blending) {max(speeds) * count:.2f} s"
            )


if __name__ == "__main__":
    run_on_ranks(__file__, __doc__, rank_main)
