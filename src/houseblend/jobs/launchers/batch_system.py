"""What Slurm and GridEngine have in common: scripts, names, looks at the queue, and the guard that cancels."""

import math
import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from houseblend.base.errors import HouseBlendError
from houseblend.base.log import log, warn
from houseblend.jobs.launcher import Batch, End, Handle
from houseblend.jobs.launchers.site import Site

ANSWER_SECONDS = 60.0
"""How long a command of the batch system may take."""
_EXPORTED = ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG")
_EXPORTED_PREFIXES = ("HOUSEBLEND_", "PYTHON", "OMP_", "MKL_", "ONEDNN_", "ATEN_", "LC_")
_STAYS = ("HOUSEBLEND_RECIPE", "HOUSEBLEND_FAILURE")
"""Variables that mean something to processes of this machine only."""


class RefusedError(HouseBlendError):
    """The batch system does not take a batch."""

    failure_class = "refused"


@dataclass(frozen=True)
class Submitted:
    """A batch in a batch system.

    Args:
        batch: the batch.
        name: under which nothing else was ever submitted.
        memory_mb: that each job asks for.
        minutes: that each job may take; 0 if it does not ask.
    """

    batch: Batch
    name: str
    memory_mb: int
    minutes: int

    @property
    def script(self) -> Path:
        """The batch script, beside the jobs' logs."""
        again = f".again{self.batch.attempt}-{self.batch.numbers[0]}" if self.batch.attempt else ""
        return Path(self.batch.job(self.batch.numbers[0]).log).parent / f"{self.batch.spec.name}{again}.sh"

    def said(self, task: int | str) -> Path:
        """What the batch system itself says of a task."""
        return self.batch.path.parent.absolute() / f"said.{self.name}.{task}"


class BatchLauncher(ABC):
    """Submits batches as arrays of a batch system, whose tasks are numbered from 1.

    Args:
        site: what the site wants.
        slots: jobs at a time; None leaves it to the system.
    """

    name: str
    poll_seconds = 2.0
    patience_seconds = 60.0
    """As long as attributes are kept by network file systems (acdirmax of NFS)."""
    cancel_by_name: ClassVar[Sequence[str]]
    task_variable: ClassVar[str]

    def __init__(self, site: Site, slots: int | None = None) -> None:
        self._site, self._slots = site, slots
        self._submitted: dict[Handle, Submitted] = {}
        self._ended: dict[Handle, dict[int, End]] = {}
        self._looked = -math.inf
        self._guard: subprocess.Popen | None = None

    @abstractmethod
    def submit_words(self, submitted: Submitted, avoid: str) -> list[str]:
        """The command that submits a batch, without its script; `avoid` is a machine, or empty."""

    @abstractmethod
    def handle_in(self, said: str) -> Handle:
        """What the command that submits said: the batch's number."""

    @abstractmethod
    def look(self, live: Mapping[Handle, Submitted]) -> dict[Handle, dict[int, End]]:
        """Ask once; the tasks of these batches that have ended, by their number from 1."""

    @abstractmethod
    def cancel_words(self, handle: Handle) -> list[str]:
        """The command that ends a batch."""

    def prepare(self, batch: Batch) -> Submitted:
        """A batch with its name and what it asks for; nothing is written or submitted."""
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", f"hb-{batch.spec.name[:20]}-{secrets.token_hex(4)}")
        minutes = math.ceil((batch.spec.minutes or self._site.minutes) * batch.time)
        memory = math.ceil(max(batch.spec.memory_mb, self._site.mem) * batch.memory)
        return Submitted(batch, name, memory, minutes)

    def script_of(self, submitted: Submitted) -> str:
        """The batch script."""
        batch, site = submitted.batch, self._site
        first = batch.numbers[0]
        words = [*self.submit_words(submitted, batch.avoid), str(submitted.script)]
        variables = {name: value for name, value in sorted(os.environ.items()) if _is_exported(name)}
        command = ['"$job"' if word == "JOB" else shlex.quote(word) for word in batch.command("JOB")]
        lines = [
            "#!/bin/bash",
            _comment(f"submitted by: {shlex.join(words)}"),
            _comment(f"job {first} of {len(batch.numbers)}, try {batch.attempt}: {shlex.join(batch.job(first).argv)}"),
            *([". /etc/profile"] if site.modules else []),
            *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
            f"unset {' '.join(_STAYS)}",
            *([f"module load {shlex.join(site.modules.split())}"] if site.modules else []),
            f"cd {shlex.quote(os.getcwd())} || exit 1",
            f"jobs=({' '.join(map(str, batch.numbers))})",
            f"job=${{jobs[{self.task_variable} - 1]}}",
            f"exec {' '.join(command)}",
        ]
        return "\n".join(lines) + "\n"

    def submit(self, batch: Batch) -> Handle:
        """See `Launcher`."""
        submitted = self.prepare(batch)
        submitted.script.parent.mkdir(parents=True, exist_ok=True)
        submitted.script.write_text(self.script_of(submitted))
        self._tell("begin", submitted.name)
        for avoid in (batch.avoid, "") if batch.avoid else ("",):
            words = [*self.submit_words(submitted, avoid), str(submitted.script)]
            status, said = self.ask(words)
            if status == 0:
                handle = self.handle_in(said)
                self._submitted[handle], self._ended[handle] = submitted, {}
                log(f"{batch.spec.name}: {len(batch.numbers)} jobs are {self.name}'s {handle} ({submitted.script})")
                return handle
        self._tell("end", submitted.name)
        raise RefusedError(
            f"{self.name} does not take the jobs: {said.strip()[-400:]}", file=submitted.script,
            do=f"ask for what there is: conf/{self.name}.conf",
        )  # fmt: skip

    def ended(self, handle: Handle) -> dict[int, End]:
        """See `Launcher`. The system is asked for all batches at once, and not before `poll_seconds` have passed."""
        if time.monotonic() - self._looked >= self.poll_seconds:
            self._looked = time.monotonic()
            live = {key: its for key, its in self._submitted.items() if len(self._ended[key]) < len(its.batch.numbers)}
            for key, tasks in (self.look(live) if live else {}).items():
                self._take(key, tasks)
        return self._ended[handle]

    def _take(self, handle: Handle, tasks: Mapping[int, End]) -> None:
        submitted, known = self._submitted[handle], self._ended[handle]
        for task, end in tasks.items():
            known.setdefault(submitted.batch.numbers[task - 1], end)
        if len(known) == len(submitted.batch.numbers):
            self._tell("end", submitted.name)

    def cancel(self, handle: Handle) -> None:
        """See `Launcher`."""
        submitted = self._submitted[handle]
        if len(self._ended[handle]) < len(submitted.batch.numbers):
            status, said = self.ask(self.cancel_words(handle))
            if status:
                warn(f"{self.name}'s {handle} may still run: {said.strip()}")
            else:
                self._tell("end", submitted.name)

    def ask(self, words: Sequence[str]) -> tuple[int, str]:
        """Run a command of the batch system; its status (124 if it gives no answer) and what it said."""
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", timeout=ANSWER_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124, f"no answer within {ANSWER_SECONDS:.0f} seconds"
        except FileNotFoundError:
            return 127, f"there is no command {words[0]} on this machine"
        return done.returncode, done.stdout

    def _tell(self, word: str, name: str) -> None:
        """Tell the guard, which is started by the first word."""
        if self._guard is None:
            self._guard = subprocess.Popen(
                [sys.executable, "-m", "houseblend.jobs.guard", *self.cancel_by_name], stdin=subprocess.PIPE, text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        assert self._guard.stdin is not None
        try:
            print(word, name, file=self._guard.stdin, flush=True)
        except BrokenPipeError:
            self._guard = None
            warn("the process that cancels jobs if this one is killed has ended")


def _is_exported(name: str) -> bool:
    return name not in _STAYS and (name in _EXPORTED or name.startswith(_EXPORTED_PREFIXES))


def _comment(text: str) -> str:
    """A line of a script that is never run, whatever is in the text."""
    return "# " + text.replace("\n", "\\n")
