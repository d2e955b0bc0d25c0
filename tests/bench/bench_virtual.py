"""A thousand workers that push a thousand times each by the virtual clock: python tests/bench/bench_virtual.py [--quick]

The floor is the learning alone, of a network as small as can be: 16 rows of 16 numbers, 8 classes.
"""

import argparse
import sys
import time
from pathlib import Path

from timing import pin

pin()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))

import thousand
import torch

from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine


def seconds(work) -> float:
    """Processor seconds of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print seconds of all, of the learning alone and of the clock alone, and what has been learnt."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="ten pushes each")
    pushes = 10 if parser.parse_args().quick else 1000
    batches, count, found = thousand.batches_of(5), thousand.WORKERS * pushes, []
    learner = thousand.Softmax(torch.zeros(128), thousand.RATE)
    clock = Clock(Machine("1", 0.2), [pushes] * thousand.WORKERS, 1, 512)
    whole = seconds(lambda: found.append(thousand.train(batches, pushes)))
    floor = seconds(lambda: [learner.step(batches[number % len(batches)]) for number in range(count)])
    order = seconds(lambda: list(clock.order()))
    print(
        f"{count} pushes of {thousand.WORKERS} workers: {whole:.1f} s, {whole / count * 1e6:.0f} us a push; floor (learning alone) "
        f"{floor:.1f} s, ratio {whole / floor:.2f}; the clock {order:.1f} s; accuracy {thousand.accuracy(found[0], batches):.3f}"
    )


if __name__ == "__main__":
    main()
