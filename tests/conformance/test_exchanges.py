"""Every strategy with every memory policy gives the same bits on every exchange, whatever slots, ranks, kills, amounts of data."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from houseblend.jobs.failures import POLICY, Policy
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import JobResult
from houseblend.parallel.exchanges import files
from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.group import Forked
from houseblend.parallel.strategies import STRATEGIES
from houseblend.parallel.task import POLICIES

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
import matrix
from tiny import write_tiny_frames

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", seed=7)


@pytest.fixture(scope="module")
def expected(frames, tmp_path_factory):
    """By taking turns in one process."""
    return matrix.train_all(frames, tmp_path_factory.mktemp("alone"), LocalExchange(1))


def mpi(ranks: int, *words: object) -> subprocess.CompletedProcess:
    """The matrix on so many ranks."""
    pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [mpiexec, "-n", ranks, sys.executable, HERE / "matrix.py", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1] / "src")}
    return subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=300)


def test_strategies_and_policies_differ(expected):
    assert len({tuple(hashes) for hashes in expected.values()}) > 20


def test_forked_processes(frames, expected, tmp_path):
    assert matrix.train_all(frames, tmp_path, LocalExchange(2)) == expected
    found = matrix.train_all(frames, tmp_path / "3", LocalExchange(3), matrix.few)
    assert found == {name: expected[name] for name in found}


def test_jobs(frames, expected, tmp_path):
    found = {}
    for case in matrix.cases(only_once_a_round=True):
        if case[0] == "easgd-0-average":
            found[case[0]] = matrix.train(frames, tmp_path, *case, FilesExchange(LocalLauncher(2)))
    assert found == {name: expected[name] for name in found}
    assert len(found) == 1


def test_tasks_and_files_of_jobs(frames, expected, tmp_path, monkeypatch):
    """Every strategy that blends once a round, with every policy, by the jobs' files; the jobs are run in this process."""

    def run_here(spec, folder, launcher, patience):
        jobs = [job.attempt(0) for job in spec.jobs]
        for job in jobs:
            path, number, *outputs = job.argv[-5:]
            files.train_worker(Path(path), int(number), *map(Path, outputs))
        return [JobResult(number, 0, "ok", "", 0, {}, 0.0, job.log) for number, job in enumerate(jobs, start=1)]

    monkeypatch.setattr(files, "run_spec", run_here)
    found = matrix.train_all(frames, tmp_path, FilesExchange())
    assert found == {name: expected[name] for name in found}
    assert len(found) == (len(STRATEGIES) - 1) * len(POLICIES), "post-local blends inside its rounds"


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_of_mpi(ranks, frames, expected, tmp_path):
    """Few cases on two ranks; groups, which means of all are taken among besides, on one, and on three, which do not divide them."""
    names = [name for name in expected if (matrix.few(name) if ranks == 2 else name.endswith("-groups"))]
    done = mpi(ranks, frames, tmp_path, tmp_path / "hashes.json", ",".join(names))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "hashes.json").read_text()) == {name: expected[name] for name in names}


def test_more_ranks_than_workers(frames, expected, tmp_path):
    done = mpi(5, frames, tmp_path, tmp_path / "hashes.json", "easgd-3-average")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "hashes.json").read_text())
    assert found == {name: expected[name] for name in found}
    assert len(found) == 1


def test_groups_that_lie_across_ranks(tmp_path):
    """Six workers on four ranks, in three groups: rank 1 has a part of two of them, rank 3 has all of the last, which costs it no byte."""
    pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
    code = """
import torch
from mpi4py import MPI
from houseblend.nnet.average import mean_of
from houseblend.parallel.exchanges.mpi import MpiGroup
comm = MPI.COMM_WORLD
rows = list(torch.randn(6, 101, generator=torch.Generator().manual_seed(5)))
group, found = MpiGroup(comm, 6, "exact"), []
for members in (range(1, 3), range(3, 5), range(5, 7)):
    with group.among(members) as part:
        if part is not None:
            given = {n: rows[n - 1] for n in group.workers if n in members}
            expected = torch.empty(101)
            mean_of([rows[n - 1] for n in members], [1.0, 1.0], expected)
            assert torch.equal(part.mean(given, [1.0] * 6), expected)
            found.append(members.start)
said = comm.gather([found, group.bytes])
if comm.rank == 0:
    print(said)
"""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1] / "src")}
    command = [str(mpiexec), "-n", "4", sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [found for found, _ in said] == [[1], [1, 3], [3], [5]]
    assert [moved > 0 for _, moved in said] == [True, True, True, False]


def test_killed_at_blends_and_begun_again(frames, expected, tmp_path):
    """A round has two blends inside, the last one and the mean of what is shown; what is killed is begun again by the next run.

    Processes that are forked are killed at every mean (below): starts of ranks cost much.
    """
    name, hashes = "easgd-3-average", tmp_path / "hashes.json"
    for mean in (1, 4, 5):
        done = mpi(2, frames, tmp_path, hashes, name, mean % 2, mean)
        assert done.returncode != 0
        assert not hashes.exists()
    done = mpi(2, frames, tmp_path, hashes, name)
    assert "continuing after round 0" in done.stderr
    assert json.loads(hashes.read_text()) == {name: expected[name]}


def test_forked_processes_killed_at_each_blend(frames, expected, tmp_path, monkeypatch):
    """Every strategy, and means inside groups: a process is killed once at each mean, and the exchange begins the round again."""
    mean, tickets = Forked.mean, tmp_path / "tickets"
    tickets.mkdir()

    def deadly(group, *words):
        group.means = getattr(group, "means", 0) + 1
        ticket = tickets / f"{group.means}"
        if group.rank == group.means % 2 and not ticket.exists():
            ticket.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return mean(group, *words)

    monkeypatch.setattr(Forked, "mean", deadly)
    monkeypatch.setitem(POLICY, "killed", Policy(20))
    for case in matrix.cases(only_once_a_round=False):
        if case[0].endswith("3-average") or case[0] in ("average-groups", "hpsgd-groups"):
            assert matrix.train(frames, tmp_path, *case, LocalExchange(2)) == expected[case[0]]
            assert len(list(tickets.iterdir())) >= 4
            for ticket in tickets.iterdir():
                ticket.unlink()
