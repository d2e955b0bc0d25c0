"""Arrays on a real Slurm and a real GridEngine: ends of all kinds, and who is cancelled by whom."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from houseblend.cli.queue import main as queue
from houseblend.cli.slurm import main as slurm
from houseblend.jobs.array import program, run_spec
from houseblend.jobs.launchers import batch_launcher_of
from houseblend.jobs.spec import Job, JobResult, JobSpec

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = {"slurm": slurm, "queue": queue}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory without a site's file."""
    (tmp_path / "conf").mkdir()
    for name in PROGRAMS:
        (tmp_path / f"conf/{name}.conf").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(folder: Path, number: int, code: str, outputs: list[str] | None = None) -> Job:
    return Job(["bash", "-c", code, "job"], f"{folder}/log/x.{number}.log", outputs or [])


def run(engine, folder: Path, *codes: str, **needs: int) -> list[JobResult]:
    jobs = [shell(folder, number, code) for number, code in enumerate(codes, start=1)]
    return run_spec(JobSpec("x", jobs, **{"memory_mb": 100, **needs}), folder / "jobs", batch_launcher_of(engine.name))


def failures(results: list[JobResult]) -> list[tuple[str, int]]:
    return [(result.failure, result.attempt) for result in results]


def first_time(mark: Path, code: str) -> str:
    """Code that is run at the first try only."""
    return f"if [ ! -e {mark} ]; then touch {mark}; {code}; fi"


def when(mark: Path, work) -> None:
    """Do something soon after a file has come to be, beside this thread."""

    def wait() -> None:
        end = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        work()

    threading.Thread(target=wait, daemon=True).start()


def counted(engine, folder: Path, command: str, monkeypatch) -> Path:
    """Put a program before a command that writes down when it was called."""
    real = engine.ask("which", command).strip()
    (folder / "bin").mkdir()
    calls = folder / f"{command}.calls"
    (folder / "bin" / command).write_text(f'#!/bin/bash\ndate +%s.%N >> {calls}\nexec {real} "$@"\n')
    (folder / "bin" / command).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{engine.environment['PATH']}")
    return calls


def test_five_jobs_of_which_one_fails(engine, place, monkeypatch):
    calls = counted(engine, place, {"slurm": "squeue", "queue": "qstat"}[engine.name], monkeypatch)
    outputs = [f"{place}/out.{number}.ATTEMPT" for number in range(1, 6)]
    jobs = [shell(place, n, f"sleep 1; echo {n} > {path}", [path]) for n, path in enumerate(outputs, start=1)]
    jobs[2] = shell(place, 3, "echo 'the last word'; exit 3")
    results = run_spec(JobSpec("x", jobs, memory_mb=100), place / "jobs", batch_launcher_of(engine.name, slots=4))
    assert failures(results) == [("ok", 0), ("ok", 0), ("failed", 0), ("ok", 0), ("ok", 0)]
    assert Path(f"{place}/out.5.0").read_text() == "5\n"
    assert results[4].outputs[f"{place}/out.5.0"][0] == 2
    assert "the last word" in (place / "log/x.3.log").read_text()
    assert "submitted by" in (place / "log/x.sh").read_text()
    times = [float(line) for line in calls.read_text().split()]
    assert all(later - earlier >= 1.99 for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.slow
def test_what_the_launcher_adds_to_two_hundred_jobs_of_a_second(engine, place, monkeypatch):
    """Beside the same array submitted bare: time by the clock, which is printed, and what the status commands come to."""
    if engine.name != "slurm":
        pytest.skip("queue: measured on Slurm")
    (place / "bare").mkdir()
    code = f"sleep 1; date +%s.%N > {place}/bare/$SLURM_ARRAY_TASK_ID"
    began = time.time()
    engine.ask("sbatch", "--mem=100M", "--array=1-200", "--output=/dev/null", "--wrap", code)
    engine.wait_for(lambda: len(list((place / "bare").iterdir())) == 200, 600)
    engine.wait_for(lambda: not engine.jobs())
    bare = max(float(path.read_text()) for path in (place / "bare").iterdir()) - began
    calls = counted(engine, place, "squeue", monkeypatch)
    began = time.time()
    assert failures(run(engine, place, *["sleep 1"] * 200)) == [("ok", 0)] * 200
    whole = time.time() - began
    times = [float(line) for line in calls.read_text().split()]
    assert all(later - earlier >= 1.99 for earlier, later in zip(times, times[1:], strict=False))
    print(f"200 jobs of 1 s: {bare:.1f} s as a bare array, {whole:.1f} s by the launcher, {len(times)} status calls")


def test_a_job_that_a_person_cancels_is_not_run_again(engine, place):
    """GridEngine's account does not tell such an end from a kill; what is seen is that it is being deleted, if there is time."""
    words = {"slurm": ["scancel", "-u", "root"], "queue": ["qdel", "-u", "*"]}[engine.name]
    when(place / "mark", lambda: engine.ask(*words, check=False))
    results = run(engine, place, first_time(place / "mark", "sleep 100"))
    assert failures(results) == [("cancelled", 0)] or (failures(results) == [("ok", 1)] and engine.name == "queue")


def test_a_job_that_takes_too_much_memory_gets_more(engine, place):
    code = "python3 -c 'import time; x = b\"1\" * 150_000_000; time.sleep(5)'"
    if engine.name == "queue":  # a limit on addresses: what the interpreter raises, our programs tell their launcher
        (place / "conf/queue.conf").write_text("--mem-flags=-l h_vmem={}M\n")
        code = """python3 - <<'END'
import json, os
try:
    x = b"1" * 800_000_000
except MemoryError:
    json.dump({"class": "out of memory", "message": "it was not enough"}, open(os.environ["HOUSEBLEND_FAILURE"], "w"))
    raise
END"""
    first, second = {"slurm": ("--mem=100M", "--mem=200M"), "queue": ("h_vmem=700M", "h_vmem=1400M")}[engine.name]
    assert failures(run(engine, place, code, memory_mb=100 if engine.name == "slurm" else 700)) == [("ok", 1)]
    assert first in (place / "log/x.sh").read_text()
    assert second in (place / "log/x.again1-1.sh").read_text()


@pytest.mark.slow
def test_a_job_that_takes_too_long_gets_more_time(engine, place):
    results = run(engine, place, first_time(place / "mark", "sleep 300"), minutes=1)
    assert failures(results) == [("ok", 1)]


def test_a_job_whose_node_is_lost_runs_elsewhere(engine, place):
    if engine.name != "slurm":
        pytest.skip("queue: one host")
    node = place / "node"

    def lose() -> None:
        engine.ask("scontrol", "update", f"nodename={node.read_text().strip()}", "state=down", "reason=test")

    when(node, lose)
    code = f"echo $SLURMD_NODENAME >> {place}/nodes; " + first_time(node, f"echo $SLURMD_NODENAME > {node}; sleep 100")
    assert failures(run(engine, place, code)) == [("ok", 1)]
    first, second = (place / "nodes").read_text().split()
    assert first != second
    assert f"--exclude={first}" in (place / "log/x.again1-1.sh").read_text()


def test_a_job_that_others_push_out_runs_again(engine, place):
    if engine.name != "slurm":
        pytest.skip("queue: no preemption")
    mark = place / "mark"
    when(
        mark, lambda: engine.ask("sbatch", "-p", "urgent", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
    )
    assert failures(run(engine, place, first_time(mark, "sleep 100"))) == [("ok", 1)]


def test_what_only_the_job_can_tell(engine, place):
    (place / "in.ark").write_text("a 1 2 3\n")
    words = {"bad input": ["copy-int-vector", "ark:none.ark", "ark:-"], "disk full": ["copy-int-vector", "ark,t:in.ark", "ark,t:/dev/full"],
             "killed": ["bash", "-c", "kill -9 $$"]}  # fmt: skip
    jobs = [
        Job([*program(argv[0]), *argv[1:]] if argv[0] != "bash" else argv, f"log/x.{n}.log", [])
        for n, argv in enumerate(words.values())
    ]
    results = run_spec(JobSpec("x", jobs, memory_mb=500), Path("jobs"), batch_launcher_of(engine.name))
    assert failures(results) == [("bad input", 0), ("disk full", 0), ("killed", 2)]


def test_a_controller_that_is_away_for_a_while(engine, place):
    """It is killed while a job runs, and comes back when the job has ended."""
    daemon = {"slurm": "slurmctld", "queue": "qmaster"}[engine.name]

    def restart() -> None:
        words, process = engine.daemons[daemon]
        process.terminate()
        process.wait(20)
        time.sleep(4)
        engine.start(
            daemon, *(word for word in words if word != "-c"), **({"SGE_ND": "1"} if engine.name == "queue" else {})
        )

    mark = place / "mark"
    when(mark, restart)
    results = run(engine, place, first_time(mark, "sleep 3"), "sleep 10")
    assert failures(results) == [("ok", 0), ("ok", 0)]
    assert engine.daemons[daemon][1].poll() is None


def test_what_the_system_does_not_have_is_refused_by_name(engine, place, capsys):
    words = {"slurm": ["--mem", "900G"], "queue": ["-l", "nothing=1"]}[engine.name]
    assert PROGRAMS[engine.name].main([*words, f"{place}/x.log", "true"]) == 1
    assert f"{engine.name} does not take the jobs" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_ends_a_step_ends_its_jobs_and_no_others(number, engine, place):
    other = {"slurm": ["sbatch", "-J", "other", "-o", "/dev/null", "--wrap", "sleep 60"],
             "queue": ["qsub", "-N", "other", "-b", "y", "-o", "/dev/null", "-j", "y", "sleep", "60"]}[engine.name]  # fmt: skip
    engine.ask(*other)
    words = [sys.executable, REPOSITORY / "bin" / engine.name, "--mem=100M", "JOB=1:2", "x.JOB.log", "sleep", "100"]
    with subprocess.Popen([*map(str, words)], env=os.environ, cwd=place) as step:
        engine.wait_for(lambda: (place / "x.1.log").exists())
        assert len(engine.jobs() - {"other"}) == 1
        step.send_signal(number)
        assert step.wait(30) == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    engine.wait_for(lambda: engine.jobs() == {"other"}, 30)
    engine.ask(*{"slurm": ["scancel", "-n", "other"], "queue": ["qdel", "other"]}[engine.name])
