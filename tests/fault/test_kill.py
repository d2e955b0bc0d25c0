"""kill -9 of any process of a training, at random moments: run again, it ends at the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from tiny import OPTIONS, write_tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 6


def start(frames: Path, out: Path, *more: str) -> subprocess.Popen:
    """The step in a session of its own, so that its processes can be found."""
    command = [sys.executable, str(REPOSITORY / "steps" / "train_dnn"), *OPTIONS, *more, str(frames), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, env=environment)


def processes(session: int) -> list[int]:
    """All processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == session:
                found.append(int(entry.name))
        except ProcessLookupError:
            continue
    return found


def final_bytes(out: Path) -> bytes:
    """The model that the training ended with."""
    return (out / "final.mdl").read_bytes()


@pytest.mark.alone
@pytest.mark.slow
def test_some_kills_and_the_same_bits(tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    frames = write_tiny_frames(tmp_path / "frames")
    began = time.monotonic()
    undisturbed = start(frames, tmp_path / "undisturbed", "--jobs=2")
    assert undisturbed.wait(120) == 0
    length = time.monotonic() - began
    expected = final_bytes(tmp_path / "undisturbed")
    kills = 0
    number = 0
    while kills < KILLS:
        number += 1
        out = tmp_path / f"run{number}"
        exchange = chance.choice(["--exchange=files", "--exchange=local", "--exchange=local"])
        for _ in range(12):
            step = start(frames, out, exchange, f"--jobs={chance.randint(1, 2)}")
            deadline = time.monotonic() + (chance.uniform(0.3, 0.7) * length if kills < KILLS else 300)
            while step.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            if step.poll() is not None:
                break
            victims = processes(step.pid)
            victim = chance.choice(victims)
            os.kill(victim, signal.SIGKILL)
            kills += 1
            if victim != step.pid and chance.random() < 0.5:
                step.wait(120)
            else:
                os.kill(step.pid, signal.SIGKILL)
                step.wait(10)
            if step.returncode == 0:
                break
        if step.returncode != 0:
            step = start(frames, out, exchange)
            assert step.wait(120) == 0
        assert final_bytes(out) == expected, f"run {number}, seed {seed}"
    assert kills >= KILLS
