"""The batch system that a test is about, started once for all tests of it. Only `tests/cluster/run.sh` starts any."""

import os
from collections.abc import Iterator

import pytest
from engines import SYSTEMS, Engine, missing


@pytest.fixture(scope="session")
def running() -> Iterator[dict[str, Engine]]:
    """Systems that run, by name; all are stopped at the end."""
    import contextlib

    with contextlib.ExitStack() as stack:
        engines = {}
        for name, (start, commands) in SYSTEMS.items():
            if "HOUSEBLEND_TEST_CLUSTER" in os.environ and not missing(commands):
                engines[name] = stack.enter_context(contextlib.contextmanager(start)())
        yield engines


@pytest.fixture(params=SYSTEMS)
def engine(request, running, monkeypatch) -> Engine:
    """A system, with its commands ready for this process."""
    if "HOUSEBLEND_TEST_CLUSTER" not in os.environ:
        pytest.skip(f"{request.param}: started by tests/cluster/run.sh only")
    if request.param not in running:
        pytest.skip(f"{request.param} is not installed: no {', '.join(missing(SYSTEMS[request.param][1]))}")
    engine = running[request.param]
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    return engine
