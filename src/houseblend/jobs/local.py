"""Jobs on this machine: as many at a time as cores and memory allow, dead ones again, the likely cause of failures."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from houseblend.base.errors import HouseBlendError
from houseblend.base.log import warn
from houseblend.base.process import available_cores, available_memory_mb, die_with_parent
from houseblend.jobs.spec import POLICY, Job, JobResult, JobSpec

POLL_SECONDS = 0.02


class JobFailedError(HouseBlendError):
    """A job of an array failed for good."""


def program(name: str) -> list[str]:
    """The command that runs one of our programs."""
    return [sys.executable, "-m", "houseblend", name]


def run_spec(spec: JobSpec, folder: Path, slots: int | None = None) -> list[JobResult]:
    """Run all jobs of a specification, again where their failure's class allows it.

    Args:
        spec: what to run.
        folder: where specification and results are written.
        slots: jobs at a time; default: what cores and memory allow.

    Returns:
        The last result of every job, in order, failed ones too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spec.json"
    spec.write(path)
    limit = slots_for(spec.cores, spec.memory_mb, slots)
    waiting = [(number, 0) for number in range(spec.first, spec.first + len(spec.jobs))]
    running: dict[int, tuple[subprocess.Popen, int]] = {}
    results: dict[int, JobResult] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                number, attempt = waiting.pop(0)
                (folder / f"result.{number}.json").unlink(missing_ok=True)
                running[number] = _start(path, number, attempt), attempt
            for number, (process, attempt) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[number]
                result = _result(folder, spec, number, attempt, process.returncode)
                if result.failure != "ok" and attempt < POLICY.get(result.failure, 0):
                    warn(f"{spec.name}: job {number} {result.failure} ({result.message}); running it again")
                    waiting.insert(0, (number, attempt + 1))
                else:
                    results[number] = result
            time.sleep(POLL_SECONDS)
    finally:
        for process, _ in running.values():
            process.kill()
            process.wait()
    return [results[number] for number in sorted(results)]


def slots_for(cores: int, memory_mb: int, wanted: int | None = None) -> int:
    """How many run at a time: as many as wanted, or as the machine's cores and free memory allow; at least one."""
    room = min(available_cores() // cores, available_memory_mb() // max(memory_mb, 1))
    return max(1, room if wanted is None else wanted)


def run_array(
    argv: Sequence[str],
    log: str,
    numbers: range = range(1, 2),
    name: str = "JOB",
    slots: int | None = None,
    **needs: int,
) -> None:
    """Run one command for each number of a range.

    Args:
        argv: the command; `name`, wherever it stands in its words, becomes the number.
        log: log file, with `name` in it if there are several.
        numbers: of the jobs, one after another.
        name: what stands for the number; empty if nothing does.
        slots: jobs at a time.
        needs: `cores` and `memory_mb` of each job.

    Raises:
        JobFailedError: with the last lines of the log of the first job that failed.
    """

    def numbered(text: str, number: int) -> str:
        return text.replace(name, str(number)) if name else text

    jobs = [Job([numbered(word, number) for word in argv], numbered(log, number), []) for number in numbers]
    place = Path(log).parent / f".{Path(log).stem.replace(name or 'JOB', 'n')}"
    check(run_spec(JobSpec(Path(argv[0]).name, jobs, first=numbers.start, **needs), place, slots))


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
            do=ADVICE.get(first.failure, "read the log"),
        )
        failure.failure_class = first.failure
        raise failure


ADVICE = {
    "out of memory": "run fewer jobs at a time, or give them more memory",
    "killed": "often too little memory: run fewer jobs at a time",
    "time limit": "give the jobs more time",
    "not finite": "lower the learning rate",
    "bad input": "mend what the message names",
    "no output": "check disk space and quota",
    "file system": "check disk space, quota and rights, then run the same command again",
}


def last_lines(path: str, count: int = 10) -> str:
    """The end of a log file."""
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"


def _start(path: Path, number: int, attempt: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "houseblend.jobs.wrapper", str(path), str(number), str(attempt)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)


def _result(folder: Path, spec: JobSpec, number: int, attempt: int, status: int) -> JobResult:
    """What the wrapper wrote; without it, the wrapper was killed or could not write."""
    found = JobResult.read(folder / f"result.{number}.json")
    if found is not None and found.attempt == attempt:
        return found
    failure = "node lost" if status < 0 else "file system"
    message = f"the job's wrapper left no result in {folder}"
    return JobResult(number, attempt, failure, message, status, {}, 0.0, spec.numbered(number).attempt(attempt).log)
