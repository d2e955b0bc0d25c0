"""The kinds of event: each disturbs one run of the small recipe at a random moment, and takes its cause away again.

An event returns how the disturbed run ended: "" well, "signal" by a signal that it was sent, else the refusal by name.
It raises `WrongError` for what must never happen, and `ImpossibleError` where this machine does not allow the event.
"""

import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from small_setup import Run, SmallSetup, WrongError

_DROP_FROM_BOUNDING_SET, _OVERRIDE_MODES = 24, 1
YEAR = 365 * 86400.0


class ImpossibleError(Exception):
    """This machine does not allow the event."""


Event = Callable[[SmallSetup, Path, random.Random], str]


def kill(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """kill -9 of any process of the recipe."""
    return _signalled(setup, work, chance, signal.SIGKILL)


def terminate(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """SIGTERM to any process of the recipe, or to all of them."""
    return _signalled(setup, work, chance, signal.SIGTERM)


def kill_shell(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """kill -9 of the shell that runs run.sh; its steps end with it."""
    run = Run(work)
    setup.wait(run, chance)
    os.kill(run.process.pid, signal.SIGKILL)
    return run.end(signalled=True)


def stop(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """SIGSTOP to any process or to all, SIGCONT after a while: nothing but time is lost."""
    run = Run(work, _exchange(chance))
    setup.wait(run, chance)
    victims = _some(run, chance)
    _send(victims, signal.SIGSTOP)
    time.sleep(chance.uniform(0.05, 1.0))
    _send(victims, signal.SIGCONT)
    if refusal := run.end():
        raise WrongError(f"refuses after SIGCONT: {refusal}")
    return ""


def full_disk(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """The file system becomes full, but for some bytes; it has room again later."""
    with _small_disk(work):
        run = Run(work)
        setup.wait(run, chance)
        ballast = work / "ballast"
        room = os.statvfs(work)
        _fill(ballast, room.f_bavail * room.f_frsize - 4096 * chance.randrange(30))
        refusal = run.end()
        if chance.random() < 0.5:
            refusal = Run(work).end() or refusal
        ballast.unlink()
        setup.check(work)
        setup.finish(work)
    return refusal


def file_size_limit(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """No file may grow above a limit (RLIMIT_FSIZE), from a random moment on: a full disk without privileges."""
    run = Run(work)
    setup.wait(run, chance)
    limit = int(10 ** chance.uniform(0, 5))
    for process in run.processes():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, limit))
    return run.end()


def read_only(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """A directory that is written to becomes read-only, for a process to whom modes mean something."""
    try:
        run = Run(work, before=_obey_modes)
    except subprocess.SubprocessError:
        raise ImpossibleError("modes mean nothing to this user") from None
    setup.wait(run, chance)
    folder = chance.choice([work, *(path for path in work.rglob("*") if path.is_dir())])
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        refusal = run.end()
        if chance.random() < 0.5:
            refusal = Run(work, before=_obey_modes).end() or refusal
    finally:
        with contextlib.suppress(FileNotFoundError):
            folder.chmod(mode)
    return refusal


def vanished(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """A file that a later step reads is moved away, and put back when the recipe has failed."""
    run = Run(work)
    setup.wait(run, chance)
    inputs = [path for path in work.rglob("*") if path.is_file() and not path.is_symlink() and _is_input(path)]
    victim, aside = chance.choice(sorted(inputs)), work.parent / f"{work.name}.aside"
    try:
        victim.rename(aside)
    except FileNotFoundError:
        return run.end()
    refusal = run.end()
    if chance.random() < 0.5:
        refusal = Run(work).end() or refusal
    if victim.parent.is_dir() and not victim.exists():
        aside.rename(victim)
    return refusal


def wrong_clock(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """The clock is years off in a run that is killed, and so are the times of the files that are there."""
    run = Run(work, {"FAULT_CLOCK": str(chance.uniform(-20, 20) * YEAR)})
    setup.wait(run, chance)
    for process in run.processes()[:1]:
        os.kill(process, signal.SIGKILL)
    refusal = run.end(signalled=True)
    for path in sorted(work.rglob("*")):
        if chance.random() < 0.3:
            then = time.time() + chance.uniform(-20, 20) * YEAR
            os.utime(path, (then, then))
    second = Run(work, {"FAULT_CLOCK": str(chance.uniform(-20, 20) * YEAR)}).end()
    if second:
        raise WrongError(f"refuses for its clock: {second}")
    return refusal


def two_at_once(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """The same recipe is started twice in one directory: one at least ends well, the other may find it busy."""
    first = Run(work)
    setup.wait(first, chance)
    second = Run(work, _exchange(chance))
    refusals = [first.end(), second.end()]
    if all(refusals):
        raise WrongError(f"both refuse: {refusals}")
    return next(filter(None, refusals), "")


def job_dies(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """A worker's job writes its model and is killed."""
    return _bad_jobs(setup, work, chance, "dies")


def job_lies(setup: SmallSetup, work: Path, chance: random.Random) -> str:
    """A worker's job reports success and has written nothing."""
    return _bad_jobs(setup, work, chance, "lies")


EVENTS: dict[str, tuple[Event, float]] = {
    "kill -9": (kill, 1.0),
    "SIGTERM": (terminate, 1.0),
    "kill -9 of run.sh": (kill_shell, 1.0),
    "SIGSTOP, SIGCONT": (stop, 1.0),
    "full disk": (full_disk, 1.0),
    "limit on file size": (file_size_limit, 0.5),
    "read-only directory": (read_only, 1.0),
    "vanished input": (vanished, 1.0),
    "wrong clock": (wrong_clock, 1.0),
    "two recipes at once": (two_at_once, 1.0),
    "job writes its output and dies": (job_dies, 0.4),
    "job reports success without output": (job_lies, 0.4),
}
"""By name: the event, and how often it is drawn (jobs take eight times as long as one process)."""


def disturb(setup: SmallSetup, name: str, seed: int) -> str:
    """One event in a new work directory, and the recipe again until it ends with the expected model.

    Raises:
        WrongError: with the directory left as it is.
        ImpossibleError: see above.
    """
    chance, work = random.Random(seed), setup.new_work()
    try:
        ended = EVENTS[name][0](setup, work, chance)
    except ImpossibleError:
        shutil.rmtree(work)
        raise
    setup.check(work)
    setup.finish(work)
    shutil.rmtree(work)
    return ended


def _exchange(chance: random.Random) -> dict[str, str]:
    """Jobs instead of one process, now and then."""
    return {"EXCHANGE": "files"} if chance.random() < 0.05 else {}


def _some(run: Run, chance: random.Random) -> list[int]:
    """One process of the recipe, or all of them."""
    found = run.processes()
    return found if chance.random() < 0.3 or not found else [chance.choice(found)]


def _send(processes: list[int], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _signalled(setup: SmallSetup, work: Path, chance: random.Random, number: int) -> str:
    run = Run(work, _exchange(chance))
    setup.wait(run, chance)
    _send(_some(run, chance), number)
    return run.end(signalled=True)


def _bad_jobs(setup: SmallSetup, work: Path, chance: random.Random, kind: str) -> str:
    """One or two jobs go wrong and are run again; or all do, and the recipe must say so and change nothing."""
    tickets = work.parent / f"{work.name}.tickets"
    tickets.mkdir()
    count = chance.choice([1, 2, 100])
    for number in range(count):
        (tickets / str(number)).touch()
    refusal = Run(work, {"EXCHANGE": "files", "FAULT_JOB": kind, "FAULT_TICKETS": str(tickets)}).end()
    shutil.rmtree(tickets)
    if bool(refusal) != (count == 100):
        raise WrongError(f"{count} bad jobs, and the recipe ends with {refusal!r}")
    return refusal


def _is_input(path: Path) -> bool:
    """A file of the corpus, of lang, or of a step that is done."""
    parts = path.parts
    return "corpus" in parts or any((parent / ".done.json").exists() for parent in path.parents)


@contextlib.contextmanager
def _small_disk(work: Path) -> Iterator[None]:
    """A file system of a few megabytes at `work`, with what is there already; what it holds in the end is left there."""
    aside = work.parent / f"{work.name}.aside"
    work.rename(aside)
    work.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", work], capture_output=True, check=False)
    if mounted.returncode:
        work.rmdir()
        aside.rename(work)
        raise ImpossibleError("mount is not allowed")
    try:
        shutil.copytree(aside, work, dirs_exist_ok=True)
        yield
        shutil.copytree(work, aside, dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", "-l", work], check=True)
        work.rmdir()
        aside.rename(work)


def _fill(path: Path, size: int) -> None:
    with open(path, "wb") as file, contextlib.suppress(OSError):
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 16)))
            file.flush()


def _obey_modes() -> None:
    """For root: the recipe is not to be above the modes of files; for others nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.prctl(_DROP_FROM_BOUNDING_SET, _OVERRIDE_MODES, 0, 0, 0) != 0:
        raise PermissionError("prctl")
