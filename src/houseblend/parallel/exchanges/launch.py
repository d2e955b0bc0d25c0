"""How a process becomes a rank: it starts mpiexec, here or by a job of a batch system, or joins the mpiexec or srun that has started it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from houseblend.base.errors import EXIT_OK, HouseBlendError, InputError
from houseblend.base.log import log
from houseblend.base.process import die_with_parent
from houseblend.base.record import LOG
from houseblend.jobs.array import check, run_spec
from houseblend.jobs.launcher import Launcher
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import Job, JobSpec

_INSTALL = "pip install 'houseblend[mpi]', or an MPI and mpi4py of your own"
_RANK = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
_SIZE = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
ENVIRONMENT = {
    "OMPI_MCA_mpi_yield_when_idle": "1",  # ranks that wait leave the core to those that work
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
"""What MPIs are told, unless the environment says otherwise."""


class RanksFailedError(HouseBlendError):
    """The ranks of MPI ended badly."""


def enter(ranks: int | None, default: int, launcher: Launcher, out: Path, **needs: int) -> None:
    """Return in rank 0 only. Any other rank serves it to the end and leaves; who is no rank starts them, and leaves.

    Args:
        ranks: how many there must be; None takes those that were started.
        default: how many to start.
        launcher: where they are started: on this machine, or by one job of a batch system.
        out: the step's output directory.
        needs: of each rank; see `JobSpec`.

    Raises:
        InputError: there are others than wanted, or no MPI.
        RanksFailedError, JobFailedError: the ranks that were started have ended badly.
    """
    if not is_rank():
        if isinstance(launcher, LocalLauncher):
            _run_ranks(ranks or default)
        else:
            _submit_ranks(ranks or default, launcher, out, needs)
        raise SystemExit(EXIT_OK)
    try:
        from houseblend.parallel.exchanges.mpi import World
    except ImportError as failure:
        raise InputError(f"no mpi4py: {failure}", key="--exchange=mpi", do=_INSTALL) from None
    world = World(wanted_size(ranks))
    if world.comm.rank:
        world.serve()
        raise SystemExit(EXIT_OK)


def is_rank() -> bool:
    """Whether mpiexec or srun has started this process beside others, or as one rank."""
    in_step = any(name in os.environ for name in _RANK)
    return in_step or int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1


def wanted_size(ranks: int | None) -> int | None:
    """How many ranks there must be: as many as asked for, or as the launcher says."""
    return ranks or next((int(os.environ[name]) for name in _SIZE if name in os.environ), None)


def _submit_ranks(ranks: int, launcher: Launcher, out: Path, needs: dict[str, int]) -> None:
    """Run this process's own command in a job that has room for so many ranks and starts them there, and wait for it.

    Raises:
        JobFailedError: it has failed for good.
    """
    folder = out.parent / f".{out.name}.mpi"
    command = [sys.executable, *sys.argv, f"--ranks={ranks}", "--launcher=local"]
    spec = JobSpec("mpi", [Job(command, f"{folder}/mpi.ATTEMPT.log", [])], ranks=ranks, **needs)
    log(f"{out / LOG}, while the job runs, is the log of its {ranks} ranks")
    check(run_spec(spec, folder, launcher))
    shutil.rmtree(folder, ignore_errors=True)


def mpiexec() -> str:
    """The mpiexec beside this Python, or on PATH.

    Raises:
        InputError: there is none.
    """
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise InputError("no mpiexec", key="--exchange=mpi", do=_INSTALL)
    return found


def _run_ranks(ranks: int) -> None:
    """Run this process's own command on so many ranks of this machine, and wait for them.

    Raises:
        InputError: there is no mpiexec.
        RanksFailedError: they ended badly; what a rank had to say stands before.
    """
    process = subprocess.Popen(
        [mpiexec(), "-n", str(ranks), sys.executable, *sys.argv], env={**ENVIRONMENT, **os.environ}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, preexec_fn=die_with_parent, text=True, errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    said = _Said()
    for line in process.stdout:
        sys.stderr.write(line)
        said.take(line)
    if status := process.wait():
        raise RanksFailedError(
            said.why(f"signal {-status}" if status < 0 else f"status {status}"), key="--exchange=mpi",
            do="the same command goes on after the last whole round",
        )  # fmt: skip


class _Said:
    """What ranks and mpiexec have said of their end."""

    def __init__(self) -> None:
        self._ranks: dict[str, str] = {}
        self._dead, self._error = "", ""

    def take(self, line: str) -> None:
        """Look at a line of their output."""
        if found := re.search(r"rank (\d+) of \d+: process (\d+) on", line):
            self._ranks[found[2]] = found[1]
        elif found := re.search(r"PID (\d+) RUNNING AT", line):
            self._dead = f"rank {self._ranks[found[1]]}, process {found[1]}," if found[1] in self._ranks else ""
        elif line.startswith("ERROR ("):
            self._error = line.partition(") ")[2].strip()

    def why(self, how: str) -> str:
        """What was the matter, as far as they said."""
        return f"{self._dead or 'the ranks'} ended with {how}" + (f": {self._error}" if self._error else "")
