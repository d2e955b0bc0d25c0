"""A training whose workers are jobs of a batch system ends at the bits of one on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from tiny import write_tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = [
    "--num-epochs=1", "--initial-workers=2", "--final-workers=2", "--frames-per-round=2500", "--minibatch-size=64",
    "--hidden-layers=1", "--hidden-dim=24", "--context=1", "--average-period=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames")


@pytest.fixture(scope="module")
def expected(frames, tmp_path_factory):
    """By forked processes of this machine."""
    return model_of(frames, tmp_path_factory.mktemp("local"), "--exchange=local")


def model_of(frames: Path, folder: Path, *words: str) -> bytes:
    command = [sys.executable, REPOSITORY / "steps/train_dnn", *OPTIONS, *words, frames, "dnn"]
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is dropped" not in done.stderr
    return (folder / "dnn/final.mdl").read_bytes()


def test_workers_on_a_batch_system(engine, frames, expected, tmp_path):
    (tmp_path / "site.conf").write_text("--mem=900\n")
    assert model_of(frames, tmp_path, "--exchange=files", f"--launcher={engine.name}:site.conf") == expected
    assert "train-worker" in (tmp_path / "dnn/rounds/0.0/log/train.sh").read_text()
