"""A launcher that runs programs of ours in this process, one job after another: what jobs read and write, without a start for each."""

import contextlib
import os
from importlib import import_module
from pathlib import Path

from houseblend.base.fingerprint import hash_file
from houseblend.jobs.launcher import Batch, End, Handle
from houseblend.jobs.spec import JobResult


class AtOnce:
    """Keeps the words of all jobs, and what became of them."""

    name, poll_seconds, patience_seconds = "at once", 0.0, 0.0

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self._ended: list[dict[int, End]] = []

    def submit(self, batch: Batch) -> Handle:
        """Run it."""
        self._ended.append({number: self._run(batch, number) for number in batch.numbers})
        return str(len(self._ended) - 1)

    def _run(self, batch: Batch, number: int) -> End:
        job = batch.job(number)
        name, *words = job.argv[3:]
        self.commands.append([name, *words])
        Path(job.log).parent.mkdir(parents=True, exist_ok=True)
        with open(job.log, "w") as log, contextlib.redirect_stderr(log):
            status = import_module(f"houseblend.cli.{name.replace('-', '_')}").main.main(words)
        failure = "failed" if status else "ok"
        outputs = {} if status else {path: [os.path.getsize(path), hash_file(path)] for path in job.outputs}
        JobResult(number, batch.attempt, failure, "", status, outputs, 0.0, job.log).write(batch.result(number))
        return End("ended", failure, status)

    def ended(self, handle: Handle) -> dict[int, End]:
        """All of it."""
        return self._ended[int(handle)]

    def cancel(self, handle: Handle) -> None:
        """Nothing is left."""
