"""Arrays of jobs on any launcher: what counts as success, what is run again and how, the likely cause of failures.

A job has succeeded when its launcher's terminal state says so and every output is there with the size and the hash that
the job has recorded. The status of the command that submitted it says nothing.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from houseblend.base.errors import HouseBlendError
from houseblend.base.fingerprint import hash_file
from houseblend.base.log import warn
from houseblend.base.workers import signals_held
from houseblend.jobs.failures import policy_of
from houseblend.jobs.launcher import Batch, End, Handle, Launcher
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import Job, JobResult, JobSpec


class JobFailedError(HouseBlendError):
    """A job of an array failed for good."""


def program(name: str) -> list[str]:
    """The command that runs one of our programs."""
    return [sys.executable, "-m", "houseblend", name]


@dataclass(frozen=True)
class Patience:
    """How long all jobs are waited for; after that, only until enough of them are well.

    Args:
        enough: jobs.
        seconds: from when they are handed over.
    """

    enough: int
    seconds: float


def run_spec(
    spec: JobSpec, folder: Path, launcher: Launcher | None = None, patience: Patience | None = None
) -> list[JobResult]:
    """Run all jobs of a specification, again where their failure's class allows it.

    Args:
        spec: what to run.
        folder: where specification and results are written.
        launcher: where the jobs run; default: this machine.
        patience: default: all jobs are waited for.

    Returns:
        The last result of every job, in order, failed ones too; of those that were not waited for it is "late", whatever they
        may still do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("result.*.json"), *folder.glob("said.*")):
        old.unlink()
    path = folder / "spec.json"
    spec.write(path)
    array = _Array(spec, path, launcher or LocalLauncher())
    began = time.monotonic()
    try:
        array.submit([_Try(number) for number in spec.numbers])
        while array.is_under_way():
            array.submit(array.failed_for_now())
            waited = time.monotonic() - began
            if patience and waited > patience.seconds and array.num_well >= patience.enough:
                array.give_up(waited)
                break
            array.wait()
    finally:
        array.cancel()
    return [array.results[number] for number in spec.numbers]


@dataclass(frozen=True)
class _Try:
    """One try at a job; see `Batch`."""

    number: int
    attempt: int = 0
    memory: float = 1.0
    time: float = 1.0
    avoid: str = ""

    def again(self, failure: str, host: str) -> "_Try":
        """The next one, after a failure on that host."""
        policy = policy_of(failure)
        avoid = host if policy.elsewhere else self.avoid
        return _Try(self.number, self.attempt + 1, self.memory * policy.memory, self.time * policy.time, avoid)


class _Array:
    """The jobs of a specification, those under way and those with a result."""

    def __init__(self, spec: JobSpec, path: Path, launcher: Launcher) -> None:
        self._spec, self._path, self._launcher = spec, path, launcher
        self._live: dict[Handle, tuple[Batch, dict[int, _Try]]] = {}
        self._seen: dict[tuple[Handle, int], float] = {}
        self._failed: dict[int, JobResult] = {}
        self.results: dict[int, JobResult] = {}

    def submit(self, tries: Iterable[_Try]) -> None:
        """Hand over tries, those that are alike together. A job whose next try nobody takes stays as it failed."""
        alike: dict[_Try, list[_Try]] = {}
        for one in tries:
            alike.setdefault(replace(one, number=0), []).append(one)
        for kind, members in alike.items():
            numbers = tuple(one.number for one in members)
            batch = Batch(self._spec, self._path, numbers, kind.attempt, kind.memory, kind.time, kind.avoid)
            try:
                with signals_held():
                    self._live[self._launcher.submit(batch)] = batch, {one.number: one for one in members}
            except HouseBlendError as failure:
                if not kind.attempt:
                    raise
                warn(f"{self._spec.name}: not run again: {failure.what}")
                self.results |= {number: self._failed[number] for number in numbers}

    def is_under_way(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self._live)

    @property
    def num_well(self) -> int:
        """Jobs that have succeeded."""
        return sum(result.failure == "ok" for result in self.results.values())

    def give_up(self, waited: float) -> None:
        """Let those that are under way after so many seconds be late."""
        for batch, left in self._live.values():
            for one in left.values():
                message = f"it had not ended after {waited:.0f} seconds"
                log = batch.job(one.number).log
                self.results[one.number] = JobResult(one.number, one.attempt, "late", message, 0, {}, waited, log)
                warn(f"{self._spec.name}: job {one.number} is late: {message}; going on without it")

    def wait(self) -> None:
        """Until it is time to look again."""
        if self._live:
            time.sleep(self._launcher.poll_seconds)

    def cancel(self) -> None:
        """End what is under way."""
        for handle in self._live:
            self._launcher.cancel(handle)

    def failed_for_now(self) -> list[_Try]:
        """Take the results of what has ended; returns what is to be tried again."""
        again = []
        for handle, (batch, left) in list(self._live.items()):
            for number, end in self._launcher.ended(handle).items():
                if number not in left:
                    continue
                since = self._seen.setdefault((handle, number), time.monotonic())
                patience = self._launcher.patience_seconds - (time.monotonic() - since)
                result = _result(batch, number, end, patience > 0)
                if result is None:
                    continue
                one = left.pop(number)
                if one.attempt < policy_of(result.failure).retries:
                    warn(f"{self._spec.name}: job {number} {result.failure} ({result.message}); running it again")
                    self._failed[number] = result
                    again.append(one.again(result.failure, end.host))
                else:
                    self.results[number] = result
            if not left:
                del self._live[handle]
        return again


def _result(batch: Batch, number: int, end: End, patient: bool) -> JobResult | None:
    """The result of a job that has ended; None if its files are not all here yet, and may still come."""
    job = batch.job(number)

    def instead(failure: str, message: str) -> JobResult:
        return JobResult(number, batch.attempt, failure, message, end.status, {}, 0.0, job.log)

    if end.failure not in ("ok", "failed"):
        return instead(end.failure, end.reason)
    folder = batch.path.parent
    with contextlib.suppress(OSError):
        os.listdir(folder)  # makes a network file system look again at what it has kept of the folder
    found = JobResult.read(batch.result(number))
    if found is not None and found.failure != "ok":
        return found
    if found is not None and end.failure == "failed":
        return instead("killed", f"the job had done its work, but then: {end.reason}")
    wrong = None if found is None else next((path for path in found.outputs if not _is_as_recorded(found, path)), None)
    if found is not None and wrong is None:
        return found
    if patient:
        return None
    if found is None:
        why = f"; {end.reason}" if end.reason else ""
        return instead("file system", f"the job's wrapper left no result in {folder}{why}")
    return instead("no output", f"{wrong} has not the size and hash that the job has recorded")


def _is_as_recorded(result: JobResult, path: str) -> bool:
    try:
        return [Path(path).stat().st_size, hash_file(path)] == result.outputs[path]
    except OSError:
        return False


def spec_of_range(
    argv: Sequence[str], log: str, numbers: range = range(1, 2), name: str = "JOB", **needs: int
) -> tuple[JobSpec, Path]:
    """One command for each number of a range.

    Args:
        argv: the command; `name`, wherever it stands in its words, becomes the number.
        log: log file, with `name` in it if there are several.
        numbers: of the jobs, one after another.
        name: what stands for the number; empty if nothing does.
        needs: of each job; see `JobSpec`.

    Returns:
        The specification, named as the log is, and the folder beside the log for it and its results.
    """

    def numbered(text: str, number: int) -> str:
        return text.replace(name, str(number)) if name else text

    jobs = [Job([numbered(word, number) for word in argv], numbered(log, number), []) for number in numbers]
    stem = Path(log).stem
    title = stem.replace(name or "JOB", "").strip("._-") or Path(argv[0]).name
    return JobSpec(title, jobs, first=numbers.start, **needs), Path(log).parent / f".{stem.replace(name or 'JOB', 'n')}"


def check(results: Sequence[JobResult]) -> None:
    """Raise for the first failed job.

    Raises:
        JobFailedError: with cause and last log lines, in the class of that job's failure.
    """
    failed = [result for result in results if result.failure != "ok"]
    if failed:
        first = failed[0]
        failure = JobFailedError(
            f"{len(failed)} of {len(results)} jobs failed; job {first.job}: {first.failure} ({first.message})\n"
            f"last lines of {first.log}:\n{last_lines(first.log)}",
            do=policy_of(first.failure).advice or "read the log",
        )
        failure.failure_class = first.failure
        raise failure


def last_lines(path: str, count: int = 10) -> str:
    """The end of a log file."""
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"
