"""For all tests: running a program as a user does, and whose turn it is when several processes run tests."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starter import Starter

REPOSITORY = Path(__file__).resolve().parents[1]
DOOR, ROOM = Path(__file__), Path(__file__).with_name("run.sh")
"""The files whose locks say whose turn it is."""


@dataclass
class Finished:
    """What a program left: exit status, data on stdout, log on stderr."""

    status: int
    stdout: bytes
    stderr: str


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY / "src")}


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """Runs files of Python code, each in a process of its own, without the cost of a start."""
    with contextlib.closing(Starter()) as starter:
        yield starter


@pytest.fixture
def run_program(starter) -> Callable[..., Finished]:
    """`run_program("copy-feats", "ark:in", "ark:out", cwd=..., stdin=b"...", check=True)` runs a program of bin/."""

    def run(
        name: str, *arguments: object, cwd: Path | None = None, stdin: bytes = b"", check: bool = False
    ) -> Finished:
        done = starter.run(REPOSITORY / "bin" / name, *arguments, cwd=cwd or ".", stdin=stdin, env=_environment())
        finished = Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        assert not check or finished.status == 0, finished.stderr
        return finished

    return run


@pytest.fixture
def run_step(run_program) -> Callable[..., Finished]:
    """The same for `steps/NAME` (or any executable given by its path in the repository)."""
    return lambda name, *words, **options: run_program(
        f"../{name if '/' in name else f'steps/{name}'}", *words, **options
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test marked `alone` waits until all others that are running have ended, and those behind it wait for it."""
    kind = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with contextlib.ExitStack() as room:
        with _locked(DOOR, kind):
            room.enter_context(_locked(ROOM, kind))
        return (yield)


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open() as file:
        fcntl.flock(file, kind)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing would not do, if a process that the test has left holds it too
