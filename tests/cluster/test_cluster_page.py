"""The commands of docs/cluster.md: arrays of jobs, steps whose parts are jobs, trainings: all end at the bits of local ones."""

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
STEPS = [command for command in COMMANDS if "--jobs=3" in command]
DIGITS = f"""\
{REPOSITORY}/local/digits/prepare_data --corpus={REPOSITORY}/tests/data --manifest={REPOSITORY}/tests/data/manifest.sha256 \\
    --strings={REPOSITORY}/tests/data/strings.txt corpus
prepare_lang '--oov=<SIL>' {REPOSITORY}/local/digits/dict lang
format_lm lang corpus/lm.arpa lang_test
make_mfcc --config=conf/mfcc.conf corpus/dev data/dev
"""
MADE = (
    "data/train/feats.ark",
    "data/train/cmvn.ark",
    "exp/mono/final.mdl",
    "exp/mono/ali.1.gz",
    "exp/mono_ali/ali.1.gz",
    "exp/mono_decode/lat.1.gz",
)


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


@pytest.fixture(scope="module")
def digits(running, tmp_path_factory) -> Path:
    """A working directory in which recordings of digits have come to lattices by forked processes of this machine."""
    folder = tmp_path_factory.mktemp("digits") / "local"
    (folder / "conf").mkdir(parents=True)
    shutil.copy(REPOSITORY / "conf/mfcc.conf", folder / "conf")
    (folder / "conf/mono.conf").write_text("--num-iters=5\n--max-iter-inc=3\n--totgauss=100\n")
    for name in ("slurm", "queue"):
        (folder / f"conf/{name}.conf").touch()
    done(folder, f"set -e\n{DIGITS}")
    climb(folder, "local")
    return folder


def climb(folder: Path, launcher: str) -> None:
    """The commands of the page on digits, by a launcher."""
    for command in STEPS:
        if command.startswith("decode"):
            done(folder, "make_graph lang_test exp/mono exp/graph")
        done(folder, command.replace("--launcher=slurm", f"--launcher={launcher}"))


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
    others = [command for command in COMMANDS if command not in STEPS]
    assert [command.split()[0] for command in STEPS] == ["make_mfcc", "train_mono", "align", "decode"]
    assert {command.split()[0] for command in others} == {"hb", "slurm", "queue", "train_dnn"}
    assert sum("--launcher=" in command for command in others) == 6


def test_digits_of_the_page(engine, digits):
    folder = digits.with_name(engine.name)
    shutil.copytree(digits, folder, ignore=shutil.ignore_patterns("train", "exp"))
    shutil.copytree(digits / "corpus", folder / "corpus", dirs_exist_ok=True)
    climb(folder, engine.name)
    for name in MADE:
        assert (folder / name).read_bytes() == (digits / name).read_bytes(), name
    assert not list(folder.rglob(".parts"))
    assert f"jobs are {engine.name}'s" in (folder / "exp/mono/.log").read_text()


def test_a_step_that_was_killed_leaves_no_job_and_ends_at_the_same_bytes(engine, digits):
    folder = digits.with_name(engine.name)
    words = f"align --max-skipped=10 --launcher={engine.name} --jobs=3 data/train lang exp/mono exp/killed_ali"
    path = [str(REPOSITORY / "steps/align"), *words.split()[1:]]
    with subprocess.Popen([sys.executable, *path], cwd=folder) as step:
        engine.wait_for(lambda: engine.jobs(), 120)
        step.send_signal(signal.SIGKILL)
    engine.wait_for(lambda: not engine.jobs(), 30)
    done(folder, words)
    assert (folder / "exp/killed_ali/ali.1.gz").read_bytes() == (digits / "exp/mono_ali/ali.1.gz").read_bytes()


def test_a_training_of_the_page_under_mpi_is_one_job(engine, work):
    (command,) = (command for command in COMMANDS if "--exchange=mpi" in command)
    shutil.rmtree(work / "exp/dnn_mpi", ignore_errors=True)
    done(work, "train_dnn --config=conf/dnn.conf --average-period=10 exp/frames exp/dnn_local10")
    done(work, command.replace("--launcher=slurm", f"--launcher={engine.name}"))
    assert (work / "exp/dnn_mpi/final.mdl").read_bytes() == (work / "exp/dnn_local10/final.mdl").read_bytes()
    assert "--ranks=2 --launcher=local" in (work / "exp/dnn_mpi/.log").read_text()
    assert not (work / "exp/.dnn_mpi.mpi").exists()


def test_arrays_of_the_page(engine, work):
    for command in (command for command in COMMANDS if command.startswith(engine.name)):
        printed = done(work, command)
        assert printed.startswith("#!/bin/bash\n# submitted by: ") == ("--dry-run" in command)
    assert "job 4\n" in (work / "exp/log/hello.4.log").read_text()


def test_doctor_of_the_page(engine, work):
    (command,) = (command for command in COMMANDS if command.startswith("hb ") and engine.name in command)
    lines = done(work, command).splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert lines[-1].startswith(f"ok     job by {engine.name}: ended well on ")


def test_training_of_the_page(engine, work):
    by_files = (command for command in COMMANDS if "--exchange=files" in command)
    for command in (command for command in by_files if f"--launcher={engine.name}" in command):
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
