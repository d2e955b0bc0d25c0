"""The batch system that a test is about, started once for all tests of it. Only `tests/cluster/run.sh` starts any."""

import contextlib
import os
from collections.abc import Iterator

import pytest
from engines import SYSTEMS, Engine, missing


@pytest.fixture(scope="session")
def running() -> Iterator[dict[str, Engine]]:
    """Systems that run, by name; all are stopped at the end."""
    if "HOUSEBLEND_TEST_CLUSTER" not in os.environ:
        pytest.skip("batch systems are started by tests/cluster/run.sh only")
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(contextlib.contextmanager(start)())
            for name, (start, commands) in SYSTEMS.items()
            if not missing(commands)
        }


@pytest.fixture(params=SYSTEMS)
def engine(request, running, monkeypatch) -> Engine:
    """A system, with its commands ready for this process."""
    if request.param not in running:
        pytest.skip(f"{request.param} is not installed: no {', '.join(missing(SYSTEMS[request.param][1]))}")
    engine = running[request.param]
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    return engine
