"""hb doctor: all is well on a machine that is fit, and each thing that can be wrong is told with what to do."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from houseblend.base.errors import HouseBlendError
from houseblend.base.fingerprint import hash_file
from houseblend.cli.hb import main as hb
from houseblend.jobs.launcher import Batch, End
from houseblend.jobs.spec import JobResult
from houseblend.parallel.exchanges import launch
from houseblend.report import doctor
from houseblend.report.doctor import Finding, examine


@pytest.fixture
def no_mpi(monkeypatch):
    """MPI takes seconds."""
    monkeypatch.setattr(doctor, "_mpi", lambda: Finding("MPI", "not looked at"))


def test_a_machine_that_is_fit(tmp_path, capsys, monkeypatch):
    pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
    monkeypatch.delenv("HOUSEBLEND_LAUNCHER", raising=False)
    assert hb.main(["doctor", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:6].strip() for line in lines] == ["ok"] * len(lines)
    assert [line[7:].partition(":")[0] for line in lines] == [
        "Python", "torch", "cores", "memory", "disk", "rename", "clock of the file system", "locking", "MPI", "job by local",
    ]  # fmt: skip
    assert "2 ranks, a mean of a megabyte in " in lines[-2]
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_fails_and_the_rest_is_looked_at(tmp_path, no_mpi, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "available_memory_mb", lambda: 500)
    monkeypatch.setattr(doctor, "_locking", lambda folder: Finding("locking", "x"))
    (tmp_path / "run.sh").write_text("#  3 minutes; 9,000,000,000 MB of disk.\n")
    (tmp_path / "work").mkdir()
    for place in (tmp_path, tmp_path / "work"):
        assert hb.main(["doctor", str(place), "--launcher=nowhere"]) == 1
        said = capsys.readouterr()
        wrong = [line for line in said.out.splitlines() if line.startswith("wrong")]
        assert (
            wrong[0]
            == "wrong  memory: 500 MB are free; a job has 1000 MB: end other programs, or run on another machine"
        )
        assert "MB are free, the recipe takes 9,000,000,000 MB, of which 0 MB are there; free " in wrong[1]
        assert wrong[2].startswith("wrong  job by nowhere: launcher 'nowhere'; expected local or slurm or queue")
        assert "wrong: memory, disk, job by nowhere; do what the lines say" in said.err
    assert hb.main(["doctor", str(tmp_path / "none")]) == 1
    assert "no such directory" in capsys.readouterr().err


def test_every_recipe_says_what_disk_it_takes():
    recipes = Path(__file__).resolve().parents[2] / "recipes"
    for script in recipes.glob("*/run.sh"):
        assert doctor._estimate(script.parent) is not None, script


def test_file_systems_that_tear_files_or_keep_no_locks_or_no_time(tmp_path, monkeypatch):
    assert [doctor._rename(tmp_path).do, doctor._clock(tmp_path).do, doctor._locking(tmp_path).do] == ["", "", ""]
    with monkeypatch.context() as patch:
        patch.setattr(doctor, "write_text", lambda path, text: Path(path).write_text(text))
        assert doctor._rename(tmp_path).found == "a file is torn"
    with monkeypatch.context() as patch:
        patch.setattr(doctor.fcntl, "flock", lambda file, kind: None)
        assert doctor._locking(tmp_path).found == "two processes can hold one lock"
    real = time.time()
    monkeypatch.setattr(doctor.time, "time", lambda: real - 100.0)
    found = doctor._clock(tmp_path)
    assert found.found.endswith(" s ahead of this machine's")
    assert found.do == "set the clocks by NTP"


def test_mpi_that_is_not_there_or_of_another_kind_than_mpi4py(tmp_path, monkeypatch):
    mpiexec = tmp_path / "mpiexec"

    def said(script: str) -> Finding:
        mpiexec.write_text(f"#!/bin/sh\n{script}\n")
        mpiexec.chmod(0o755)
        return doctor._mpi()

    monkeypatch.setattr(launch, "mpiexec", lambda: str(mpiexec))
    assert said("echo 2 40").do == ""
    assert said("echo 1 3; echo 1 3").found == "2 ranks were started, each alone"
    assert "ended with 3: no slots" in said("echo no slots >&2; exit 3").found
    monkeypatch.undo()
    monkeypatch.setattr(launch, "sys", type("sys", (), {"executable": str(tmp_path / "bin/python")}))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert doctor._mpi().do == ""
    assert doctor._mpi().found.startswith("none, which only --exchange=mpi needs")


class Elsewhere:
    """A launcher whose node has a clock and locks of its own.

    Args:
        ahead: seconds of its clock.
        has_lock: whether it has a lock that is held here.
        failure: how its jobs end.
    """

    name, poll_seconds, patience_seconds = "elsewhere", 0.01, 0.0

    def __init__(self, ahead: float = 0.0, has_lock: bool = False, failure: str = "ok") -> None:
        self.ahead, self.has_lock, self.failure = ahead, has_lock, failure

    def submit(self, batch: Batch) -> str:
        (out,) = batch.job(1).outputs
        Path(out).write_text(json.dumps({"host": "n7", "time": time.time() + self.ahead, "has_lock": self.has_lock}))
        outputs = {out: [os.stat(out).st_size, hash_file(out)]}
        JobResult(1, 0, "ok", "", 0, outputs, 1.0, batch.job(1).log).write(batch.result(1))
        return "1"

    def ended(self, handle: str) -> dict[int, End]:
        return {1: End("X", self.failure, 0, "no such node")} if self.failure else {}

    def cancel(self, handle: str) -> None:
        pass


@pytest.mark.parametrize(
    ("launcher", "found", "do"),
    [
        (Elsewhere(), "ended well on n7 after ", ""),
        (Elsewhere(has_lock=True), "n7 does not see a lock that is held here", "work on a file system with locks"),
        (Elsewhere(ahead=100.0), " s ahead of this machine's", "set the clocks by NTP"),
        (Elsewhere(ahead=-100.0), " s behind this machine's", "set the clocks by NTP"),
        (Elsewhere(failure="refused"), "job 1: refused (no such node)", "ask for what the batch system has"),
        (Elsewhere(failure=""), "job 1: late (it had not ended after ", "see what slows its machine"),
    ],
)
def test_a_job_tells_of_its_node(launcher, found, do, tmp_path, no_mpi, monkeypatch):
    monkeypatch.setattr(doctor, "launcher_of", lambda word: launcher)
    monkeypatch.setattr(doctor, "JOB_SECONDS", 0.05)
    *_, last = examine(tmp_path, ["elsewhere"])
    assert last.what.startswith("job by elsewhere")
    assert found in last.found
    assert last.do.startswith(do)
    assert bool(last.do) == bool(do)


def test_a_lock_is_asked_for_by_another_process(tmp_path):
    with pytest.raises(HouseBlendError, match="No such file"):
        doctor._asks(tmp_path / "none")
    assert sys.version_info[:2] >= doctor.PYTHON
