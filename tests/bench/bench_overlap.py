"""What of a slow link HPSGD hides: python tests/bench/bench_overlap.py [--quick] [--ranks=2]

Two ranks train 440-4x512-1000 with a blend every few minibatches: averaging on the link as it is (the floor), averaging on a link
on which every mean takes longer by about half of what the minibatches between two blends take, and HPSGD on that link. The first
difference is what averaging pays; hidden is the share of it that HPSGD does not pay.
"""

import os
import time

from ranks import run_on_ranks

SHAPE, MINIBATCH, EVERY, BLENDS, REPETITIONS = (4, 512, 1000), 256, 10, 10, 3


def rank_main(quick: bool) -> None:
    """What each rank runs."""
    import torch
    from mpi4py import MPI

    torch.set_num_threads(1)
    os.sched_setaffinity(0, {MPI.COMM_WORLD.rank % (os.cpu_count() or 1)})
    shape, blends = ((2, 16, 30), 2) if quick else (SHAPE, BLENDS)
    between = min(run(shape, "average", 0.0, blends) for _ in range(2)) / blends
    delay = MPI.COMM_WORLD.bcast(0.5 * between)
    found: dict[tuple[str, float], list[float]] = {}
    for _ in range(1 if quick else REPETITIONS):
        for case in (("average", 0.0), ("average", delay), ("hpsgd", delay)):
            found.setdefault(case, []).append(run(shape, *case, blends))
    floor, paid, hidden = (min(values) for values in found.values())
    if MPI.COMM_WORLD.rank == 0:
        print(
            f"{blends} blends, {EVERY} minibatches of {MINIBATCH} before each, each mean {delay * 1e3:.0f} ms late: averaging without delay "
            f"(floor) {floor:.2f} s, with it {paid:.2f} s, HPSGD {hidden:.2f} s; hidden {(paid - hidden) / (paid - floor):.0%}"
        )


def run(shape: tuple[int, int, int], strategy: str, delay: float, blends: int) -> float:
    """Seconds of a round of one worker a rank, the slowest rank's."""
    from bench_training import RULES, make_batch, make_network
    from mpi4py import MPI

    from houseblend.parallel.blending import Blending
    from houseblend.parallel.exchanges.mpi import MpiGroup
    from houseblend.parallel.plan import RoundPlan
    from houseblend.parallel.strategies import STRATEGIES
    from houseblend.parallel.strategy import Moment
    from houseblend.parallel.task import MemoryPolicy
    from houseblend.parallel.worker import Worker
    from houseblend.train.trainer import Trainer

    class Slow(MpiGroup):
        def mean(self, *words, **named):
            time.sleep(delay)
            return super().mean(*words, **named)

    comm = MPI.COMM_WORLD
    network = make_network(*shape, limited=True)
    batch, learner = make_batch(network, MINIBATCH), Trainer(network, RULES["NG with max-change"])
    group, steps = Slow(comm, comm.size, "exact"), EVERY * blends + 1
    now = STRATEGIES[strategy](average_period=EVERY).at(Moment(comm.size))
    shared = now.begin(learner.params)
    plan = RoundPlan(0, [(0, MINIBATCH * steps)] * comm.size, 0.01, MINIBATCH, 2.0, shape[0])
    worker = Worker(comm.rank + 1, learner, iter([batch] * steps), now, now.join(shared))
    blending = Blending(plan, MemoryPolicy(), now, group, shared)
    comm.Barrier()
    start = time.perf_counter()
    blending.train({comm.rank + 1: worker})
    return comm.allreduce(time.perf_counter() - start, MPI.MAX)


if __name__ == "__main__":
    run_on_ranks(__file__, __doc__, rank_main)
