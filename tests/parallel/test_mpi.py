"""train_dnn under real MPI: the same bits as without, and ranks that die, hang or raise are named and cost one round."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny import write_tiny_frames

pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = [
    "--num-epochs=6", "--initial-workers=3", "--final-workers=3", "--frames-per-round=6000", "--minibatch-size=64",
    "--hidden-layers=2", "--hidden-dim=32", "--context=1", "--average-period=5", "--strategy=bmuf",
    "--optimizer-memory-at-round-end=keep",
]  # fmt: skip


class Run:
    """train_dnn, or what is said to start it, with its output as it comes."""

    def __init__(self, *words: object, extra=None):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY / "src"), **(extra or {})}
        self.process = subprocess.Popen(
            [*map(str, words)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self.log = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line

    def wait_for(self, pattern):
        """The first match of a pattern in what is said."""
        deadline = time.monotonic() + 120
        while not (found := re.search(pattern, self.log)):
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None or re.search(pattern, self.log), self.log
            time.sleep(0.02)
        return found

    def end(self, seconds=120):
        """Its exit status."""
        status = self.process.wait(seconds)
        self.reader.join(10)
        return status


def train(frames, out, *more, launcher=(), extra=None):
    return Run(*launcher, sys.executable, REPOSITORY / "steps/train_dnn", *OPTIONS, *more, frames, out, extra=extra)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", utterances=150)


@pytest.fixture(scope="module")
def expected(frames, tmp_path_factory):
    """The model that one process ends with."""
    out = tmp_path_factory.mktemp("alone") / "out"
    run = train(frames, out, "--jobs=1")
    assert run.end() == 0, run.log
    return (out / "final.mdl").read_bytes()


def test_ranks_that_the_step_starts_give_the_same_model(frames, expected, tmp_path):
    run = train(frames, tmp_path / "out", "--exchange=mpi", "--ranks=2")
    assert run.end() == 0, run.log
    assert (tmp_path / "out/final.mdl").read_bytes() == expected
    assert "worker 3) objective" in run.log


def test_ranks_of_a_users_own_mpiexec_are_joined(frames, expected, tmp_path):
    mpiexec = Path(sys.executable).with_name("mpiexec")
    run = train(frames, tmp_path / "out", "--exchange=mpi", launcher=(mpiexec, "-n", 3))
    assert run.end() == 0, run.log
    assert (tmp_path / "out/final.mdl").read_bytes() == expected


def test_a_communicator_of_another_size_is_an_error(frames, tmp_path):
    mpiexec = Path(sys.executable).with_name("mpiexec")
    run = train(frames, tmp_path / "out", "--exchange=mpi", "--ranks=2", launcher=(mpiexec, "-n", 1))
    assert run.end() == 1
    assert "[mpi] 1 ranks; expected 2" in run.log
    assert not (tmp_path / "out").exists()
    singleton = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"}
    run = train(frames, tmp_path / "out", "--exchange=mpi", extra=singleton)
    assert run.end() == 1
    assert "[mpi] 1 ranks; expected 4; under srun" in run.log


@pytest.mark.parametrize(
    ("number", "within", "said"),
    [
        (signal.SIGKILL, 30, r"rank 1, process \d+, ended with status 9"),
        (signal.SIGSTOP, 60, r"rank 1 has given no sign of life for 30 s \(told by rank 0\)"),
    ],
)
def test_a_rank_that_dies_or_hangs_is_named_and_the_rerun_ends_at_the_same_bits(
    number, within, said, frames, expected, tmp_path
):
    out = tmp_path / "out"
    run = train(frames, out, "--exchange=mpi", "--ranks=2")
    victim = int(run.wait_for(r"rank 1 of 2: process (\d+)")[1])
    run.wait_for("round 0: ")
    os.kill(victim, number)
    began = time.monotonic()
    assert run.end(within + 20) == 1
    assert time.monotonic() - began < within
    assert re.search(said, run.log.splitlines()[-1]), run.log
    assert "rank 1" in (out / ".failed.json").read_text()
    assert not (out / "final.mdl").exists()
    run = train(frames, out, "--exchange=mpi", "--ranks=2")
    assert run.end() == 0, run.log
    assert "continuing after round" in run.log
    assert (out / "final.mdl").read_bytes() == expected


def test_an_asynchronous_rank_that_stands_still_is_named_and_holds_nobody_up(frames, tmp_path):
    """Rank 2 is stopped: the others push on, and wait for it at the end of the round only."""
    words = "--strategy=asgd", "--exchange=mpi", "--ranks=3", "--initial-effective-lrate=0.0003"
    run = train(frames, tmp_path / "out", *words)
    victim = int(run.wait_for(r"rank 2 of 3: process (\d+)")[1])
    run.wait_for("round 0: ")
    os.kill(victim, signal.SIGSTOP)
    run.wait_for(r"rank 2 has given no sign of life for 30 s \(told by rank 0\); the others go on")
    os.kill(victim, signal.SIGCONT)
    assert run.end() == 0, run.log
    assert "refused" not in run.log


def test_a_rank_that_raises_is_named(frames, tmp_path):
    (tmp_path / "injected").mkdir()
    fault = "import os\nif os.environ.get('PMI_RANK') == '1':\n    import houseblend.parallel.models.network as w\n"
    fault += (
        "    def broken(*words): raise OSError(5, 'Input/output error', 'shard.0')\n    w.read_minibatches = broken\n"
    )
    (tmp_path / "injected/sitecustomize.py").write_text(fault)
    path = f"{tmp_path / 'injected'}:{REPOSITORY / 'src'}"
    run = train(frames, tmp_path / "out", "--exchange=mpi", "--ranks=2", extra={"PYTHONPATH": path})
    assert run.end() == 1
    assert "rank 1: shard.0: Input/output error" in run.log.splitlines()[-1]
