"""Every benchmark runs, at sizes that say nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.glob("bench_*.py")), ids=lambda path: path.stem)
def test_it_runs(path):
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parents[1] / "src")}
    done = subprocess.run(
        [sys.executable, path, "--quick"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "floor" in done.stdout
