"""From the start of a worker's process to its first minibatch: python tests/bench/bench_start.py [--quick]

The floor is a process that imports torch and does nothing. Ours is `nnet3-train` on one frame, so that the step
itself and the reading and writing of the model are in it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_training import FRAME_DIM, make_network, make_subset
from timing import alternate

from houseblend.nnet.formats.nnet3 import write_network

BIN = Path(__file__).parents[2] / "bin"


def child_seconds() -> float:
    """Processor time of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tiny network, once")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        model, frames = Path(folder, "0.raw"), Path(folder)
        write_network(model, make_network(*((2, 8, 10) if quick else (6, 1024, 3000)), limited=True))
        make_subset(frames, 4000)
        train = [sys.executable, BIN / "nnet3-train", "--end=1", model, f"frames:{frames}", Path(folder, "1.raw")]
        importing, whole = alternate(
            lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True),
            lambda: subprocess.run(train, check=True, stderr=subprocess.DEVNULL),
            repetitions=1 if quick else 5,
            clock=child_seconds,
        )
    print(
        f"one worker of one frame, {FRAME_DIM} x 11 inputs: {whole:.2f} s, of which importing torch (floor) {importing:.2f} s"
    )


if __name__ == "__main__":
    main()
