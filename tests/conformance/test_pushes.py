"""Asynchronous methods: the same bits twice by the clock, after every kill, and of what real ranks did when it is replayed."""

import contextlib
import errno
import io
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.round import read_order
from houseblend.parallel.asynchronous.server import Server
from houseblend.parallel.exchanges.virtual import VirtualExchange
from houseblend.parallel.strategies import ASYNCHRONOUS

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
import matrix
from test_exchanges import mpi
from tiny import write_tiny_frames

CLOCK = VirtualExchange(Machine("1,2,1.5", 0.3, 0.1, 1e5))


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", seed=7)


@pytest.fixture(scope="module")
def expected(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clock")
    return {case[0]: matrix.train(frames, folder, *case, CLOCK) for case in matrix.asynchronous_cases()}


def test_methods_policies_and_clocks_differ(frames, expected, tmp_path):
    assert len({tuple(hashes) for hashes in expected.values()}) == len(expected)
    case = next(matrix.asynchronous_cases())
    other = matrix.train(frames, tmp_path, *case, VirtualExchange(Machine("1", 0.3)))
    assert other != expected[case[0]]


def test_killed_at_each_push_and_begun_again(frames, expected, tmp_path, monkeypatch):
    """Each run goes one push further, until nothing kills it; every method."""
    push = Server.push

    def run(case, at):
        count = iter(range(10_000))

        def deadly(server, worker, given):
            if next(count) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return push(server, worker, given)

        monkeypatch.setattr(Server, "push", deadly)
        matrix.train(frames, tmp_path, *case, CLOCK)

    for case in matrix.asynchronous_cases():
        if case[0].endswith("keep"):
            for at in (0, 1, 13, 14, 20):
                process = multiprocessing.get_context("fork").Process(target=run, args=(case, at))
                process.start()
                process.join()
                assert process.exitcode in (-signal.SIGKILL, 0)
            monkeypatch.setattr(Server, "push", push)
            assert matrix.train(frames, tmp_path, *case, CLOCK) == expected[case[0]]


@pytest.mark.parametrize("size", [0, 100, 1000, 3000, 6000])
def test_a_full_disk_is_named_and_the_rerun_ends_the_same(size, frames, expected, tmp_path):
    """Nothing half-written is believed: order of pushes, state, model and ledger in turn."""

    def run(case):
        matrix.fill_disk(size)
        with contextlib.redirect_stderr(io.StringIO()):  # what pytest captures is a file as well
            try:
                matrix.train(frames, tmp_path, *case, CLOCK)
            except OSError as failure:
                os._exit(7 if failure.errno == errno.EFBIG and failure.filename else 8)

    case = next(case for case in matrix.asynchronous_cases() if case[0] == "averaged-asgd-2-keep")
    process = multiprocessing.get_context("fork").Process(target=run, args=(case,))
    process.start()
    process.join()
    assert process.exitcode == 7
    assert matrix.train(frames, tmp_path, *case, CLOCK) == expected[case[0]]


def test_a_full_disk_under_mpi_is_named_and_the_rerun_goes_on(frames, tmp_path):
    words = frames, tmp_path, tmp_path / "hashes.json", "asgd-2-keep"
    done = mpi(3, *words, "full", 2000)
    assert done.returncode != 0
    assert "File too large" in done.stderr
    done = mpi(3, *words)
    assert done.returncode == 0, done.stderr
    case = next(case for case in matrix.asynchronous_cases() if case[0] == "asgd-2-keep")
    replay = VirtualExchange(Machine(replay=tmp_path / case[0]))
    assert (
        matrix.train(frames, tmp_path / "again", *case, replay)
        == json.loads((tmp_path / "hashes.json").read_text())[case[0]]
    )


def test_what_ranks_did_is_replayed(frames, tmp_path):
    names = ",".join(f"{name}-2-keep" for name in ASYNCHRONOUS)
    done = mpi(3, frames, tmp_path / "mpi", tmp_path / "hashes.json", names)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "hashes.json").read_text())
    for case in matrix.asynchronous_cases():
        if case[0] in found:
            replay = VirtualExchange(Machine(replay=tmp_path / "mpi" / case[0]))
            assert matrix.train(frames, tmp_path / "again", *case, replay) == found[case[0]]
    assert len(found) == len(ASYNCHRONOUS)


def test_one_rank_has_no_workers(frames, tmp_path):
    done = mpi(1, frames, tmp_path, tmp_path / "hashes.json", "asgd-2-keep")
    assert done.returncode == 1
    assert "2 or more: a server, and ranks with workers" in done.stderr


def test_a_rank_that_is_killed_ends_the_others_and_the_rerun_goes_on(frames, tmp_path):
    words = frames, tmp_path, tmp_path / "hashes.json", "asgd-2-keep"
    done = mpi(3, *words, 1, 5)
    assert done.returncode != 0
    assert not (tmp_path / "hashes.json").exists()
    done = mpi(3, *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1\n2\n1\n", "2 pushes of worker 1"),
        ("1\n3\n", "found '3'"),
        ("1\n2\nx\n", "found 'x'"),
        (None, "no order of pushes"),
    ],
)
def test_bad_orders(tmp_path, text, what):
    path = tmp_path / "order.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=what):
        read_order(path, [1, 1])
