"""A benchmark on ranks of MPI: its command line, and mpiexec around it."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def run_on_ranks(file: str, description: str | None, rank_main: Callable[[bool], None]) -> None:
    """Start the ranks, each of which runs `rank_main(quick)`; ends this process with mpiexec's status.

    Args:
        file: the benchmark.
        description: what `--help` says.
        rank_main: what each rank does.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny networks, to see that it runs")
    parser.add_argument("--ranks", type=int, default=2, help="how many")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.rank:
        rank_main(words.quick)
        return
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", words.ranks, sys.executable, file, "--rank", *(["--quick"] if words.quick else [])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    sys.exit(subprocess.run([*map(str, command)], env=environment).returncode)
