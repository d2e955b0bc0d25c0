"""Every command of tests/golden/feat/README.md gives what Kaldi gave, within the tolerance that stands beside it."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from houseblend.io.tables import read_object, read_table

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests/golden/feat"
ROWS = re.findall(r"^\| `([^`]*)` \| `([^`]*)` \| (.*) \|$", (GOLDEN / "README.md").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize(("name", "command", "tolerance"), ROWS, ids=[row[0] for row in ROWS])
def test_equal_to_kaldi(name, command, tolerance, tmp_path, monkeypatch):
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN, folder)
    (folder / name).unlink()
    monkeypatch.chdir(folder)
    run_line(command.replace("&#124;", "|"))
    ours, kaldis = read_all(folder / name), read_all(GOLDEN / name)
    assert list(ours) == list(kaldis)
    outliers = [difference for key in kaldis for difference in beyond(ours[key], kaldis[key], tolerance)]
    assert not outliers


def test_there_are_rows():
    assert len(ROWS) >= 35


def run_line(line: str) -> None:
    """Run one program in this process, a pipeline in a shell."""
    program, *words = shlex.split(line)
    if "|" in words:
        path = f"{REPOSITORY}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(["bash", "-o", "pipefail", "-c", line], env={**os.environ, "PATH": path}, check=True)
        return
    assert importlib.import_module(f"houseblend.cli.{program.replace('-', '_')}").main.main(words) == 0


def read_all(path: Path) -> dict[str, np.ndarray]:
    """Matrices or numbers of an archive by key, or a single matrix under the empty key."""
    if path.suffix == ".mat":
        return {"": read_object(str(path), "matrix")}
    return {
        key: np.asarray(value)
        for key, value in read_table(f"ark:{path}", "matrix" if path.suffix == ".ark" else "float")
    }


def beyond(ours: np.ndarray, kaldis: np.ndarray, tolerance: str) -> list[float]:
    """Differences that exceed the tolerance."""
    assert ours.shape == kaldis.shape
    assert ours.dtype == kaldis.dtype
    relative, absolute = (re.search(rf"{word} ([0-9e.-]+)", tolerance) for word in ("rel", "abs"))
    size = np.abs(kaldis) if absolute else np.abs(kaldis).max()
    allowed = np.maximum(float(absolute[1]) if absolute else 0.0, float(relative[1]) * size if relative else 0.0)
    if tolerance == "1e-6":
        allowed = 1e-6
    difference = np.abs(ours - kaldis)
    return difference[difference > allowed].tolist()
