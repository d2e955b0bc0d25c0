"""The commands of docs/cluster.md: arrays of jobs, and a training whose workers are jobs and that ends at the bits of a local one."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from houseblend.report.late import rounds_in

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from tiny import write_tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = [
    line.strip() for line in (REPOSITORY / "docs/cluster.md").read_text().splitlines() if line.startswith("    ")
]
OPTIONS = """\
--num-epochs=1
--initial-workers=2
--final-workers=2
--frames-per-round=2500
--minibatch-size=64
--hidden-layers=1
--hidden-dim=24
--context=1
"""
"""Of `conf/dnn.conf`: two rounds of seconds."""


@pytest.fixture(scope="module")
def work(running, tmp_path_factory) -> Path:
    """A working directory with a frame store, options and a model of forked processes of this machine."""
    folder = tmp_path_factory.mktemp("work")
    write_tiny_frames(folder / "exp/frames")
    (folder / "conf").mkdir()
    (folder / "conf/dnn.conf").write_text(OPTIONS)
    for name in ("slurm", "queue"):
        (folder / f"conf/{name}.conf").write_text("--minutes=60\n")
    done(folder, "train_dnn --config=conf/dnn.conf --average-period=0 exp/frames exp/dnn_local")
    return folder


def done(folder: Path, command: str) -> str:
    """What a command prints, which must end well; programs and steps are those of this repository."""
    path = f"{REPOSITORY}/bin:{REPOSITORY}/steps:{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert "is dropped" not in ended.stderr
    return ended.stdout


def test_every_command_of_the_page_is_one_that_is_executed_here():
    assert {command.split()[0] for command in COMMANDS} == {"slurm", "queue", "train_dnn"}
    assert sum("--launcher=" in command for command in COMMANDS) == 3


def test_arrays_of_the_page(engine, work):
    for command in (command for command in COMMANDS if command.startswith(engine.name)):
        printed = done(work, command)
        assert printed.startswith("#!/bin/bash\n# submitted by: ") == ("--dry-run" in command)
    assert "job 4\n" in (work / "exp/log/hello.4.log").read_text()


def test_training_of_the_page(engine, work):
    for command in (command for command in COMMANDS if f"--launcher={engine.name}" in command):
        done(work, command)
        models = [(work / out / "final.mdl").read_bytes() for out in ("exp/dnn_local", command.split()[-1])]
        assert models[0] == models[1]
    assert "train-worker" in (work / f"exp/dnn_{engine.name}/rounds/0.0/log/train.sh").read_text()


def test_a_worker_that_stands_still_is_left_behind(engine, work):
    shutil.rmtree(work / "exp/dnn_late", ignore_errors=True)
    words = f"--config=conf/dnn.conf --average-period=0 --exchange=files --launcher={engine.name} --min-workers=1 --round-minutes=0.1"
    step = [sys.executable, str(REPOSITORY / "steps/train_dnn"), *words.split(), "exp/frames", "exp/dnn_late"]
    worker = "exp/dnn_late/rounds/0.0/task.json\0002\0"
    with subprocess.Popen(step, cwd=work) as process:
        engine.wait_for(lambda: processes_of(worker), 120)
        for number in processes_of(worker):
            os.kill(number, signal.SIGSTOP)
        assert process.wait(300) == 0
    first, second = rounds_in(work / "exp/dnn_late")
    assert [report.is_late for report in first.workers.values()] == [False, True]
    assert second.plan.intervals[-1] == first.plan.intervals[1]
    engine.wait_for(lambda: not processes_of(worker) and not engine.jobs(), 30)


def processes_of(words: str) -> list[int]:
    """Processes whose command has these words, with a NUL between them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def test_a_training_that_was_killed_goes_on_to_the_same_bits(engine, work):
    words = f"train_dnn --config=conf/dnn.conf --average-period=0 --exchange=files --launcher={engine.name} exp/frames exp/dnn_killed"
    shutil.rmtree(work / "exp/dnn_killed", ignore_errors=True)
    with subprocess.Popen([sys.executable, str(REPOSITORY / "steps/train_dnn"), *words.split()[1:]], cwd=work) as step:
        engine.wait_for((work / "exp/dnn_killed/rounds/0.0/log/train.1.0.log").exists, 120)
        assert engine.jobs()
        step.send_signal(signal.SIGKILL)
    engine.wait_for(lambda: not engine.jobs(), 30)
    done(work, words)
    assert (work / "exp/dnn_killed/final.mdl").read_bytes() == (work / "exp/dnn_local/final.mdl").read_bytes()
