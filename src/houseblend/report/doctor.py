"""Whether a machine, a file system and launchers are fit for a run: a line a finding, `ok` or what to do."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.atomic import write_text
from houseblend.base.errors import HouseBlendError, InputError, class_and_message
from houseblend.base.process import available_cores, available_memory_mb
from houseblend.jobs.array import Patience, check, run_spec
from houseblend.jobs.cards import cards_here
from houseblend.jobs.launchers import launcher_of
from houseblend.jobs.spec import Job, JobSpec
from houseblend.report.distant import SECONDS

PYTHON, TORCH = (3, 10), (2, 4)
RANKS = 2
SKEW_SECONDS = 5.0
"""That clocks may be apart: less says nothing where a job has to wait for its node."""
JOB_SECONDS, MPI_SECONDS = 300.0, 60.0
"""How long a job, and ranks of MPI, are waited for."""
_ESTIMATE = re.compile(r"([\d,]+) MB of disk")


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it; nothing if it is well."""

    what: str
    found: str
    do: str = ""

    def __str__(self) -> str:
        said = f"{self.what}: {self.found}{'; ' if self.do else ''}{self.do}"
        return f"{'wrong' if self.do else 'ok':6} {' / '.join(said.splitlines())}"


def print_findings(place: Path, launchers: Sequence[str]) -> None:
    """Print a line for each finding of `examine`.

    Raises:
        InputError: there is no such directory.
        HouseBlendError: something is wrong.
    """
    wrong = []
    for finding in examine(place, launchers):
        print(finding, flush=True)
        wrong += [finding.what] if finding.do else []
    if wrong:
        raise HouseBlendError(f"wrong: {', '.join(wrong)}", file=place, do="do what the lines say, then ask again")


def examine(place: Path, launchers: Sequence[str]) -> Iterator[Finding]:
    """Look at everything, one after another.

    Args:
        place: directory in whose file system work is to be done; a recipe's, or its work directory, for its estimate of disk.
        launchers: where a job of a second is run; see `launcher_of`.

    Raises:
        InputError: there is no such directory.
    """
    if not place.is_dir():
        raise InputError("no such directory", file=place, expected="where work is to be done")
    for look in (_python, _torch, _cores, _memory):
        yield _found(look.__name__[1:], look)
    yield _found("disk", lambda: _disk(place))
    try:
        folder = Path(tempfile.mkdtemp(prefix=".doctor.", dir=place)).absolute()
    except OSError as failure:
        yield Finding("writing", class_and_message(failure)[1], "work elsewhere, or change the rights")
        return
    try:
        for look in (_rename, _clock, _locking):
            yield _found(look.__name__[1:], lambda look=look: look(folder))
        yield _found("MPI", _mpi)
        for number, word in enumerate(launchers):
            yield _found(
                f"job by {word or 'the default launcher'}", lambda number=number: _job(folder, number, launchers)
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _found(what: str, look: Callable[[], Finding]) -> Finding:
    """What a look finds, or the error that it ends with."""
    try:
        return look()
    except (HouseBlendError, OSError, subprocess.SubprocessError, ImportError) as failure:
        do = failure.do if isinstance(failure, HouseBlendError) and failure.do else "mend that, then ask again"
        said = failure.but(do=None) if isinstance(failure, HouseBlendError) else failure
        return Finding(what, class_and_message(said)[1], do)


def _python() -> Finding:
    do = "" if sys.version_info[:2] >= PYTHON else f"take Python {'.'.join(map(str, PYTHON))} or newer"
    return Finding("Python", f"{sys.version.split()[0]}, {sys.executable}", do)


def _torch() -> Finding:
    try:
        import torch
    except ImportError as failure:
        return Finding("torch", str(failure), "source path.sh in the toolkit's folder, or pip install torch")
    version = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2]))
    do = "" if version >= TORCH else f"install torch {'.'.join(map(str, TORCH))} or newer"
    cards = len(cards_here())
    told = f", {torch.cuda.device_count()} of {cards} cards are usable" if cards else ""
    if cards and not torch.cuda.device_count():
        do = (
            do
            or "install a torch built for CUDA, or go without --device=cuda with CUDA_VISIBLE_DEVICES= in the environment"
        )
    return Finding("torch", f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}{told}", do)


def _cores() -> Finding:
    return Finding("cores", f"{available_cores()} of {os.cpu_count()}")


def _memory() -> Finding:
    free, wanted = available_memory_mb(), JobSpec.memory_mb
    do = "" if free >= wanted else f"a job has {wanted} MB: end other programs, or run on another machine"
    return Finding("memory", f"{free:,} MB are free", do)


def _disk(place: Path) -> Finding:
    free = shutil.disk_usage(place).free // 1_000_000
    wanted = _estimate(place)
    if wanted is None:
        return Finding("disk", f"{free:,} MB are free; of what recipe this is to be the place is not known")
    work = place / "work" if (place / "run.sh").exists() else place
    there = sum(path.lstat().st_size for path in work.rglob("*") if path.is_file()) // 1_000_000
    missing = wanted - there - free
    do = f"free {missing:,} MB" if missing > 0 else ""
    return Finding("disk", f"{free:,} MB are free, the recipe takes {wanted:,} MB, of which {there:,} MB are there", do)


def _estimate(place: Path) -> int | None:
    """Megabytes that the recipe of a directory, or of the one above, says that it takes."""
    for script in (place / "run.sh", place.resolve().parent / "run.sh"):
        if script.is_file() and (found := _ESTIMATE.search(script.read_text(errors="replace"))):
            return int(found[1].replace(",", ""))
    return None


def _rename(folder: Path) -> Finding:
    """A name that changes hands must be whole at any time: who has opened the old file goes on reading it."""
    path = folder / "renamed"
    write_text(path, "old")
    with open(path, encoding="utf-8") as before:
        write_text(path, "new")
        is_whole = (before.read(), path.read_text()) == ("old", "new")
    return Finding("rename", "whole and synced" if is_whole else "a file is torn", "" if is_whole else _ELSEWHERE)


_ELSEWHERE = "work on another file system"


def _clock(folder: Path) -> Finding:
    """Of the file system's server."""
    write_text(folder / "now", "")
    skew = (folder / "now").stat().st_mtime - time.time()
    return _skew("clock of the file system", skew)


def _skew(what: str, skew: float) -> Finding:
    told = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    return Finding(what, told, "" if abs(skew) <= SKEW_SECONDS else "set the clocks by NTP")


def _locking(folder: Path) -> Finding:
    """A lock must keep out another process, and fall with its holder."""
    path = folder / "lock"
    path.touch()
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held = _asks(path)
    if held or not _asks(path):
        return Finding(
            "locking", "two processes can hold one lock" if held else "a lock outlives its holder", _ELSEWHERE
        )
    return Finding("locking", "one process at a time")


def _asks(path: Path) -> bool:
    """Whether another process can have the lock."""
    code = f"import sys; from houseblend.report.distant import is_free; sys.exit(not is_free({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=MPI_SECONDS)
    if done.stderr:
        raise HouseBlendError(done.stderr.strip().splitlines()[-1], do=_ELSEWHERE)
    return done.returncode == 0


def _mpi() -> Finding:
    from houseblend.parallel.exchanges.launch import ENVIRONMENT, mpiexec  # torch, too

    try:
        command = [mpiexec(), "-n", str(RANKS), sys.executable, "-m", "houseblend.report.mpi_ranks"]
    except InputError as failure:
        return Finding("MPI", f"none, which only --exchange=mpi needs: {failure.do}")
    done = subprocess.run(
        command, env={**ENVIRONMENT, **os.environ}, capture_output=True, text=True, timeout=MPI_SECONDS
    )
    told = re.findall(r"^(\d+) (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode or not told:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return Finding(
            "MPI",
            f"{command[0]} ended with {done.returncode}: {said[-1] if said else ''}",
            "see that mpi4py is there, built for this MPI",
        )
    size, milliseconds = told[0]
    if int(size) != RANKS:
        return Finding("MPI", f"{RANKS} ranks were started, each alone", f"install mpi4py for the MPI of {command[0]}")
    return Finding("MPI", f"{size} ranks, a mean of a megabyte in {milliseconds} ms, {command[0]}")


def _job(folder: Path, number: int, launchers: Sequence[str]) -> Finding:
    """A job must end well, its files must be seen here, its node must see this lock, and the clocks must agree."""
    launcher = launcher_of(launchers[number])
    out, lock = folder / f"seen.{number}", folder / "lock"
    argv = [sys.executable, "-m", "houseblend.report.distant", str(lock), str(out)]
    spec = JobSpec("doctor", [Job(argv, f"{folder}/log/job.{number}.log", [str(out)])])
    began = time.time()
    with open(lock, "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        check(run_spec(spec, folder / str(number), launcher, Patience(0, JOB_SECONDS)))
    ended = time.time()
    seen = json.loads(out.read_text())
    what = f"job by {launcher.name}"
    if seen["has_lock"]:
        return Finding(
            what,
            f"{seen['host']} does not see a lock that is held here",
            "work on a file system with locks for all machines",
        )
    skew = max(seen["time"] + SECONDS - ended, 0.0) or min(seen["time"] - began, 0.0)
    if abs(skew) > SKEW_SECONDS:
        return _skew(f"{what}: clock of {seen['host']}", skew)
    return Finding(what, f"ended well on {seen['host']} after {ended - began:.1f} s")
