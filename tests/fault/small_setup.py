"""The small set-up that faults are done to: one recipe, its work directories, and the model that it must end with."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PATIENCE = 600.0
"""Seconds after which a run counts as hanging; a busy machine may take a minute for what takes seconds."""
LINGERING = 20.0
"""Seconds in which processes must end after their recipe; on such a machine Python takes some of them to start."""


class WrongError(AssertionError):
    """What must never happen: another model, a traceback, a silent failure, a process that stays, a hang."""


def environment() -> dict[str, str]:
    """What a recipe runs in: this Python, this source, and the injected faults, which do nothing by themselves."""
    bin_folder = Path(sys.executable).parent
    return {
        **os.environ, "OMP_NUM_THREADS": "1", "VIRTUAL_ENV": str(bin_folder.parent),
        "PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": f"{HERE / 'injected'}:{REPOSITORY / 'src'}",
    }  # fmt: skip


class Run:
    """The recipe at work, in a session of its own.

    Args:
        work: its work directory.
        extra: more variables of the environment.
        before: called in the new process before the recipe.
    """

    def __init__(self, work: Path, extra: Mapping[str, str] = {}, before: Callable[[], None] | None = None) -> None:
        self.process = subprocess.Popen(
            [str(HERE / "run.sh"), "--work", str(work)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True, env={**environment(), **extra}, preexec_fn=before,
        )  # fmt: skip
        self.log = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        while data := os.read(self.process.stderr.fileno(), 1 << 16):
            self.log += data
        self.process.stderr.close()

    def lines(self) -> int:
        """Lines that it has logged."""
        return self.log.count(b"\n")

    def is_running(self) -> bool:
        """Whether the recipe's shell lives."""
        return self.process.poll() is None

    def processes(self) -> list[int]:
        """All processes of the recipe, its shell first."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getsid(int(entry.name)) == self.process.pid and not _is_zombie(entry):
                    found.append(int(entry.name))
            except (ProcessLookupError, FileNotFoundError):
                continue
        return sorted(found, key=lambda number: (number != self.process.pid, number))

    def end(self, signalled: bool = False) -> str:
        """Wait for the end; returns "" if all is well, else the named refusal (or "signal" where that explains it).

        Raises:
            WrongError: a hang, a process that outlives the recipe, a traceback, or a failure without a word.
        """
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise WrongError(f"hangs: {self.said()}") from None
        deadline = time.monotonic() + LINGERING
        while left := self.processes():
            if time.monotonic() > deadline:
                names = [Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ")[:200] for number in left]
                raise WrongError(f"outlives the recipe: {names}")
            time.sleep(0.01)
        self.reader.join(5)
        said = self.said()
        if "Traceback" in said or "this is a bug" in said:
            raise WrongError(f"a traceback: {said}")
        if status == 0:
            return ""
        errors = [line for line in said.splitlines() if line.startswith("ERROR (") or "write error: " in line]
        if not errors and not signalled:
            raise WrongError(f"fails without a word: {said}")
        return errors[0] if errors else "signal"

    def said(self) -> str:
        """All that it has logged."""
        return self.log.decode(errors="replace")


class SmallSetup:
    """The recipe's inputs, the model that it makes of them when nothing happens, and when it logs what.

    Args:
        folder: existing directory for everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self._prepare(folder / "inputs")
        work = self.new_work()
        began = time.monotonic()
        run, self.moments = Run(work), [0.0]
        while run.is_running():
            while run.lines() >= len(self.moments):
                self.moments.append(time.monotonic() - began)
            time.sleep(0.002)
        if run.end():
            raise WrongError(f"the undisturbed recipe fails: {run.said()}")
        self.expected = final_hash(work)
        self.moments.append(time.monotonic() - began)

    def new_work(self) -> Path:
        """A work directory before the first run."""
        self.count += 1
        work = self.folder / f"work{self.count}"
        shutil.copytree(self.folder / "inputs", work)
        return work

    def wait(self, run: Run, chance: random.Random) -> None:
        """Wait for a random moment: a random line of the log, and a part of the time to the next."""
        line = chance.randrange(len(self.moments) - 1)
        rest = chance.random() * (self.moments[line + 1] - self.moments[line])
        while run.is_running() and run.lines() < line:
            time.sleep(0.002)
        deadline = time.monotonic() + rest
        while run.is_running() and time.monotonic() < deadline:
            time.sleep(0.002)

    def check(self, work: Path) -> None:
        """Raise WrongError if there is a finished model and it is not the expected one."""
        if (work / "exp/dnn/.done.json").exists() and final_hash(work) != self.expected:
            raise WrongError(f"another model in {work}")

    def finish(self, work: Path, before: Callable[[], None] | None = None) -> None:
        """Run the recipe again, undisturbed, to the expected model."""
        run = Run(work, before=before)
        if refusal := run.end():
            raise WrongError(f"refuses with the cause removed: {refusal}\n{run.said()}")
        self.check(work)

    def _prepare(self, inputs: Path) -> None:
        data, digits = REPOSITORY / "tests/data", REPOSITORY / "local/digits"
        for words in (
            [digits / "prepare_data", f"--corpus={data}", f"--manifest={data}/manifest.sha256",
             f"--strings={data}/strings.txt", "corpus"],
            [REPOSITORY / "steps/prepare_lang", "--oov=<SIL>", digits / "dict", "lang"],
        ):  # fmt: skip
            inputs.mkdir(exist_ok=True)
            subprocess.run([sys.executable, *words], cwd=inputs, check=True, capture_output=True, env=environment())
        (inputs / "corpus").rename(self.folder / "corpus")
        shutil.copytree(self.folder / "corpus/train", inputs / "corpus/train")


def final_hash(work: Path) -> str:
    """SHA-256 of the model that the recipe ended with."""
    return hashlib.sha256((work / "exp/dnn/final.mdl").read_bytes()).hexdigest()


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
