"""Job specifications and results as JSON files (docs/formats.md)."""

from dataclasses import asdict, dataclass
from pathlib import Path

from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError
from houseblend.io.json_files import read_json, require_fields

FORMAT = 1
AGAIN = "run the step that wrote it again"
_SPEC = {
    "name": str,
    "jobs": list,
    "cores": int,
    "memory_mb": int,
    "minutes": int,
    "gpus": int,
    "ranks": int,
    "first": int,
}
_RESULT = {"format": int, "job": int, "attempt": int, "failure": str, "message": str, "status": int, "outputs": dict}


@dataclass(frozen=True)
class Job:
    """One job of an array. The word ATTEMPT in any string becomes the number of the try, from 0.

    Args:
        argv: the command; never seen by a shell.
        log: file for what it prints.
        outputs: files that must exist when it has succeeded.
    """

    argv: list[str]
    log: str
    outputs: list[str]

    def attempt(self, number: int) -> "Job":
        """The job with ATTEMPT filled in."""

        def fill(text: str) -> str:
            return text.replace("ATTEMPT", str(number))

        return Job([fill(word) for word in self.argv], fill(self.log), [fill(path) for path in self.outputs])


@dataclass(frozen=True)
class JobSpec:
    """An array of jobs and what each of them needs.

    Args:
        name: of the array.
        jobs: numbered from `first`.
        cores, memory_mb, gpus: for each job, or for each rank of one.
        minutes: that each job may take; 0 leaves it to the launcher.
        ranks: processes that each job starts by MPI.
        first: number of the first job.
    """

    name: str
    jobs: list[Job]
    cores: int = 1
    memory_mb: int = 1000
    minutes: int = 0
    gpus: int = 0
    ranks: int = 1
    first: int = 1

    @property
    def numbers(self) -> range:
        """Of the jobs."""
        return range(self.first, self.first + len(self.jobs))

    def numbered(self, number: int) -> Job:
        """The job of this number."""
        return self.jobs[number - self.first]

    def write(self, path: Path) -> None:
        """Write the JSON file."""
        write_json(path, {"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> "JobSpec":
        """Read the JSON file; InputError if it is missing, broken or of another format."""
        value = read_json(path, {"format": int}, AGAIN)
        if value["format"] != FORMAT:
            raise InputError(f"format {value['format']}", file=path, expected=f"format {FORMAT}", do=AGAIN)
        require_fields(value, _SPEC, path, AGAIN)
        del value["format"]
        try:
            value["jobs"] = [Job(**job) for job in value["jobs"]]
            spec = cls(**value)
        except TypeError as failure:
            raise InputError(f"no job specification: {failure}", file=path, do=AGAIN) from None
        if not all(_is_whole(job) for job in spec.jobs):
            expected = "argv and outputs of strings, and a log"
            raise InputError("a job that is not whole", file=path, key="jobs", expected=expected, do=AGAIN)
        return spec


@dataclass(frozen=True)
class JobResult:
    """How a job ended.

    Args:
        job: its number.
        attempt: the try that this is about.
        failure: class of the failure (`failures`), "ok" for none.
        message: the error in a sentence.
        status: exit status, negative for a signal.
        outputs: path -> [bytes, SHA-256].
        seconds: wall-clock time.
        log: its log file.
    """

    job: int
    attempt: int
    failure: str
    message: str
    status: int
    outputs: dict[str, list]
    seconds: float
    log: str

    def write(self, path: Path) -> None:
        """Write the JSON file."""
        write_json(path, {"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> "JobResult | None":
        """Read the JSON file; None if there is none, or none that is whole."""
        try:
            value = read_json(path, _RESULT, AGAIN)
            return cls(**value) if value.pop("format") == FORMAT else None
        except (InputError, OSError, TypeError):
            return None


def result_file(folder: Path, number: int, attempt: int) -> Path:
    """Where the result of one try at a job is written: two that run at once, after a node was lost, have two files."""
    return folder / f"result.{number}.{attempt}.json"


def _is_whole(job: Job) -> bool:
    words = [*job.argv, *job.outputs] if isinstance(job.argv, list) and isinstance(job.outputs, list) else [None]
    return bool(words) and all(isinstance(word, str) for word in [*words, job.log])
