"""Every strategy with every memory policy gives the same bits on every exchange, whatever slots, ranks, kills, amounts of data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "parallel")]
import matrix
from tiny import write_tiny_frames

pytest.importorskip("mpi4py", reason="the extra mpi is not installed")


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", seed=7)


@pytest.fixture(scope="module")
def expected(frames, tmp_path_factory):
    """By taking turns in one process."""
    return matrix.train_all(frames, tmp_path_factory.mktemp("alone"), LocalExchange(1))


def mpi(ranks: int, *words: object) -> subprocess.CompletedProcess:
    """The matrix on so many ranks."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", ranks, sys.executable, HERE / "matrix.py", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1] / "src")}
    return subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=300)


def test_strategies_and_policies_differ(expected):
    assert len({tuple(hashes) for hashes in expected.values()}) > 20


def test_forked_processes(frames, expected, tmp_path):
    assert matrix.train_all(frames, tmp_path, LocalExchange(2)) == expected
    assert matrix.train_all(frames, tmp_path / "3", LocalExchange(3)) == expected


def test_jobs(frames, expected, tmp_path):
    found = {}
    for case in matrix.cases(only_once_a_round=True):
        if case[0] in ("average-0-keep", "easgd-0-average", "bmuf-0-reset"):
            found[case[0]] = matrix.train(frames, tmp_path, *case, FilesExchange(2))
    assert found == {name: expected[name] for name in found}
    assert len(found) == 3


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_of_mpi(ranks, frames, expected, tmp_path):
    done = mpi(ranks, frames, tmp_path, tmp_path / "hashes.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "hashes.json").read_text()) == expected


def test_killed_at_each_blend_and_begun_again(frames, expected, tmp_path):
    """Two rounds of two blends inside, the last one, and the mean of what is shown: eight means."""
    name = "easgd-3-average"
    for blend in range(1, 9):
        place = tmp_path / str(blend)
        done = mpi(2, frames, place, tmp_path / "hashes.json", name, blend % 2, blend)
        assert done.returncode != 0
        assert not (tmp_path / "hashes.json").exists()
        assert mpi(2, frames, place, tmp_path / "hashes.json", name).returncode == 0
        assert json.loads((tmp_path / "hashes.json").read_text()) == {name: expected[name]}
        (tmp_path / "hashes.json").unlink()
