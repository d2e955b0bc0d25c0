"""Every benchmark runs, at sizes that say nothing."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.glob("bench_*.py")), ids=lambda path: path.stem)
def test_it_runs(path, starter, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1] / "src"))
    done = starter.run(path, "--quick")
    assert done.returncode == 0, done.stderr
    assert b"floor" in done.stdout
