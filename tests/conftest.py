"""Fixtures for all tests: running a program as a user does."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Finished:
    """What a program left: exit status, data on stdout, log on stderr."""

    status: int
    stdout: bytes
    stderr: str


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY / "src")}


@pytest.fixture
def run_program() -> Callable[..., Finished]:
    """`run_program("copy-feats", "ark:in", "ark:out", cwd=..., stdin=b"...", check=True)` runs a program of bin/."""

    def run(
        name: str, *arguments: object, cwd: Path | None = None, stdin: bytes = b"", check: bool = False
    ) -> Finished:
        command = [sys.executable, str(REPOSITORY / "bin" / name), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, env=_environment(), check=False)
        finished = Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        assert not check or finished.status == 0, finished.stderr
        return finished

    return run


@pytest.fixture
def run_step() -> Callable[..., Finished]:
    """The same for `steps/NAME` (or any executable given by its path in the repository)."""

    def run(name: str, *arguments: object, cwd: Path | None = None, check: bool = False) -> Finished:
        path = REPOSITORY / name if "/" in name else REPOSITORY / "steps" / name
        command = [sys.executable, str(path), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, env=_environment(), check=False)
        finished = Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        assert not check or finished.status == 0, finished.stderr
        return finished

    return run
