"""What two workers on two cores lose to one another: python tests/bench/bench_two_workers.py [--quick]

Each of two processes, one to a core, takes steps alone and at the same time as the other, by turns. The floor is the
step alone. Beside it stand a long array read over and over (nothing but the bandwidth of memory) and a short one (none of
it): if the loss is the memory's, the long array loses most and the short one nothing.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection

from bench_training import RULES, training
from timing import pin

pin()

import torch

LARGER, SMALLER = (6, 1024, 3000), (4, 512, 1000)
REPETITIONS = 7


def work_of(name: str, quick: bool) -> Callable[[], object]:
    """The function that is timed."""
    if name.startswith("step"):
        shape = (2, 16, 30) if quick else LARGER if "larger" in name else SMALLER
        return training(shape, RULES["NG with max-change" if "NG" in name else "SGD"], 256, 4 if quick else 12)
    array = torch.ones((1 << 16) if "short" in name or quick else (1 << 26))
    repetitions = 1 if quick else 16 * (1 << 26) // len(array)
    return lambda: [array.sum() for _ in range(repetitions)]


NAMES = [f"step, {rule}, {size}" for rule in ("SGD", "NG") for size in ("larger", "smaller")]
NAMES += ["reading 256 MB", "reading a short array"]


def worker(core: int, pipe: Connection, quick: bool) -> None:
    """Run what is asked for, and answer with the processor's seconds."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    works: dict[str, Callable[[], object]] = {}
    while (name := pipe.recv()) is not None:
        if name not in works:
            works = {name: work_of(name, quick)}
        start = time.process_time()
        works[name]()
        pipe.send(time.process_time() - start)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny networks, to see that it runs")
    quick = parser.parse_args().quick
    cores = sorted(range(os.cpu_count() or 1))[:2]
    context, pipes = get_context("fork"), []
    for core in cores:
        ours, theirs = context.Pipe()
        context.Process(target=worker, args=(core, theirs, quick), daemon=True).start()
        pipes.append(ours)
    for name in NAMES:
        alone, together = [], []
        for _ in range(1 + REPETITIONS):
            for group in ([pipes[0]], [pipes[1]], pipes):
                for pipe in group:
                    pipe.send(name)
                (together if len(group) == len(pipes) else alone).append([pipe.recv() for pipe in group])
        floor, both = (statistics.median(x for row in rows[len(cores) :] for x in row) for rows in (alone, together))
        print(f"{name}: {floor:.3f} s alone (the floor), {both:.3f} s with another: loss {both / floor - 1:.1%}")
    for pipe in pipes:
        pipe.send(None)


if __name__ == "__main__":
    main()
