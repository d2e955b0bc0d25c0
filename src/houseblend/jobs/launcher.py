"""What hands jobs over to a machine or to a batch system: one interface for all."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from houseblend.jobs.spec import Job, JobSpec, result_file

Handle = str
"""What a launcher knows a batch by."""


@dataclass(frozen=True)
class Batch:
    """Jobs of one specification that are handed over together.

    Args:
        spec: what they are and what they need.
        path: the specification's file, which they read; their results go beside it.
        numbers: which of its jobs.
        attempt: at these jobs, from 0.
        memory, time: factors on what the specification asks for.
        avoid: a machine to stay away from, if there is another; empty for none.
    """

    spec: JobSpec
    path: Path
    numbers: tuple[int, ...]
    attempt: int = 0
    memory: float = 1.0
    time: float = 1.0
    avoid: str = ""

    def command(self, number: int | str) -> list[str]:
        """What runs one job and writes its result; the number may be a variable of a batch script."""
        return [sys.executable, "-m", "houseblend.jobs.wrapper", str(self.path), str(number), str(self.attempt)]

    @property
    def memory_mb(self) -> int:
        """Of each job."""
        return int(self.spec.memory_mb * self.memory)

    def job(self, number: int) -> Job:
        """A job as it is tried here."""
        return self.spec.numbered(number).attempt(self.attempt)

    def result(self, number: int) -> Path:
        """The file that the job's wrapper writes."""
        return result_file(self.path.parent, number, self.attempt)


@dataclass(frozen=True)
class End:
    """How a job ended, as its launcher has it.

    Args:
        state: in the launcher's own word.
        failure: the class (`failures`): "ok"; "failed", if only the job itself can tell why; or what the launcher knows.
        status: exit status, negative for a signal.
        reason: in a sentence.
        host: where it ran, if that is known.
    """

    state: str
    failure: str
    status: int = 0
    reason: str = ""
    host: str = ""


class Launcher(Protocol):
    """Runs batches of jobs somewhere.

    Attributes:
        name: as it is chosen by.
        poll_seconds: between two looks at what has ended.
        patience_seconds: how long after a job's end its files may take to be seen here.
    """

    name: str
    poll_seconds: float
    patience_seconds: float

    def submit(self, batch: Batch) -> Handle:
        """Hand a batch over; called with SIGINT and SIGTERM held back, so that no batch is left without a handle.

        Raises:
            HouseBlendError: the machine or batch system does not take it.
        """
        ...

    def ended(self, handle: Handle) -> dict[int, End]:
        """The jobs of a batch that have ended so far, by number."""
        ...

    def cancel(self, handle: Handle) -> None:
        """End what is left of a batch; what others have submitted is left alone."""
        ...
