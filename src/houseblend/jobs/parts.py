"""Work of a step as an array of jobs of a batch system: each works on some of the items, one after another, and writes the results.

What a worker begins with and the items travel as a pickle, `work`, which jobs read only if it has the hash that their command
names; results come back as pickles of which the jobs have recorded the hash (`jobs/array`). All lies in a new folder for each
array, so that a job that outlives its step can touch nothing of the next. The only importer of pickle.
"""

import pickle
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_bytes
from houseblend.base.log import warn
from houseblend.base.workers import Begin, Forked, Item, Result, Workers
from houseblend.jobs.array import check, program, run_spec
from houseblend.jobs.launcher import Launcher
from houseblend.jobs.launchers import launcher_of
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import Job, JobSpec

FOLDER = ".parts"
"""Below a step's output, while its jobs run; what is left of jobs that failed stays until the step is run again."""
_WARNING = "WARNING ("


@dataclass(frozen=True)
class Launched(Workers):
    """Jobs of a launcher.

    Args:
        launcher: where they run.
        folder: for what they read and write; all machines see it.
        jobs: how many; each works on as many items as the others.
    """

    launcher: Launcher
    folder: Path
    jobs: int

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return Forked, (1,)  # a job does its part alone

    def results(self, begin: Begin[Item, Result], items: Sequence[Item], what: str) -> Iterator[Result]:
        """See `Workers`. The first result comes when all jobs have ended.

        Raises:
            JobFailedError: a job failed for good.
        """
        if not items:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{what}.", dir=self.folder))
        spec = self._spec(begin, items, folder, what)
        ended = run_spec(spec, folder, self.launcher)
        check(ended)
        for result, job in zip(ended, spec.jobs, strict=True):
            _repeat_warnings(Path(result.log))
            yield from _read(Path(job.attempt(result.attempt).outputs[0]))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spec(self, begin: Begin, items: Sequence, folder: Path, what: str) -> JobSpec:
        """Write `work`; the jobs that read it."""
        work, data = folder / "work", pickle.dumps((begin, items), pickle.HIGHEST_PROTOCOL)
        with atomic_open(work) as file:
            file.write(data)
        count = min(self.jobs, len(items))
        ends = [len(items) * number // count for number in range(count + 1)]
        jobs = []
        for number, span in enumerate(zip(ends, ends[1:], strict=False), start=1):
            out = f"{folder}/{number}.ATTEMPT"
            words = [*program("run-part"), str(work), hash_bytes(data), *map(str, span), out]
            jobs.append(Job(words, f"{folder}/log/{what}.{number}.ATTEMPT.log", [out]))
        return JobSpec(what, jobs)


def workers_of(launcher: str, jobs: int, out: Path) -> Workers:
    """Those who share the work of a step.

    Args:
        launcher: its word (`launcher_of`); on this machine processes are forked, which is quicker than to start any.
        jobs: how many at a time.
        out: the step's output directory.

    Raises:
        UsageError: no such launcher, or bad options in its file.
        InputError: no such file.
    """
    chosen = launcher_of(launcher, jobs)
    return Forked(jobs) if isinstance(chosen, LocalLauncher) else Launched(chosen, out / FOLDER, jobs)


def run_part(work: Path, digest: str, first: int, last: int, out: Path) -> None:
    """Work on items `first` to `last` - 1, and write the results.

    Args:
        work: what `Launched` has written.
        digest: its SHA-256; nothing else is looked at.
        first, last: numbers of items, from 0.
        out: file to write.

    Raises:
        InputError: it is missing or another; and whatever the work raises.
    """
    data = work.read_bytes()
    if hash_bytes(data) != digest:
        raise InputError("not the file that this job was made for", file=work, do="run the step again")
    begin, items = pickle.loads(data)
    do = begin()
    with atomic_open(out) as file:
        for item in items[first:last]:
            pickle.dump(do(item), file, pickle.HIGHEST_PROTOCOL)


def _read(path: Path) -> Iterator:
    """What `run_part` has written."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        while file.tell() < size:
            yield pickle.load(file)


def _repeat_warnings(log: Path) -> None:
    """What a job has warned of, once each: its log goes."""
    lines = log.read_text(errors="replace").splitlines()
    for line in dict.fromkeys(line for line in lines if line.startswith(_WARNING)):
        warn(line.partition(") ")[2])
