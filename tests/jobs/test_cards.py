"""Cards of a machine: which there are, one job at a time on each, and free when the job ends, however it ends."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from houseblend.base.errors import HouseBlendError
from houseblend.jobs import cards
from houseblend.jobs.array import check, run_spec
from houseblend.jobs.cards import cards_here, take_cards
from houseblend.jobs.launcher import Batch
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import Job, JobSpec


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with two cards and what else is in its /dev."""
    for name in ("nvidia0", "nvidia7", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(cards, "LOCKS", tmp_path)
    monkeypatch.setattr(cards, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("visible", "names"),
    [(None, ["0", "1"]), ("3, GPU-8f2", ["3", "GPU-8f2"]), ("2,-1,0", ["2"]), ("", []), ("-1", [])],
)
def test_the_cards_are_those_of_the_scheduler_or_all(machine, monkeypatch, visible, names):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cards_here() == names


def test_a_card_is_one_holders_at_a_time(machine):
    one, two = take_cards(1), take_cards(1)
    assert one is not None
    assert two is not None
    assert (one.names, two.names) == (["0"], ["1"])
    assert one.environment == {"CUDA_VISIBLE_DEVICES": "0"}
    assert take_cards(1) is None
    one.close()
    assert take_cards(2) is None, "and the one that was free is let go"
    again = take_cards(1)
    assert again is not None
    assert again.names == ["0"]
    for held in (two, again):
        held.close()
    with pytest.raises(HouseBlendError, match="3 cards for a job; expected at most 2"):
        take_cards(3)


def test_no_cards_hold_nothing_up(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = take_cards(1)
    assert found is not None
    assert found.environment == {}
    none = take_cards(0)
    assert none is not None
    assert none.locks == []


def test_jobs_of_two_launchers_never_meet_on_a_card(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-5")
    code = f"""
import os, sys, time
busy = {str(machine)!r} + "/busy." + os.environ["CUDA_VISIBLE_DEVICES"]
os.close(os.open(busy, os.O_CREAT | os.O_EXCL))
time.sleep(0.05)
os.unlink(busy)
open({str(machine)!r} + "/was." + os.environ["CUDA_VISIBLE_DEVICES"], "a").close()
"""
    specs = []
    for name in ("a", "b"):
        jobs = [Job([sys.executable, "-c", code], f"{machine}/{name}.{n}.log", []) for n in range(3)]
        specs.append(JobSpec(name, jobs, memory_mb=1, gpus=1))
    first, second = LocalLauncher(4), LocalLauncher(4)
    specs[1].write(machine / "spec.json")
    handle = second.submit(Batch(specs[1], machine / "spec.json", (1, 2, 3)))
    check(run_spec(specs[0], machine / "jobs", first))
    while len(ends := second.ended(handle)) < 3:
        time.sleep(0.01)
    assert {end.failure for end in ends.values()} == {"ok"}
    assert {path.name for path in machine.glob("was.*")} == {"was.4", "was.GPU-5"}


def test_a_killed_wrapper_frees_its_card(machine, monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    launcher = LocalLauncher(2)
    spec = JobSpec("long", [Job(["sleep", "60"], f"{machine}/log", [])], memory_mb=1, gpus=1)
    spec.write(machine / "spec.json")
    handle = launcher.submit(Batch(spec, machine / "spec.json", (1,)))
    waiting = LocalLauncher(2)
    waiting.submit(Batch(spec, machine / "spec.json", (1,)))
    assert "waiting for a card: others have locked " in capsys.readouterr().err
    (process,) = launcher._running.values()
    os.kill(process.pid, signal.SIGKILL)
    while not launcher.ended(handle):
        time.sleep(0.01)
    taken = take_cards(1)
    assert taken is not None
    taken.close()
    waiting.cancel("1")


def test_a_lock_file_is_never_a_link(machine):
    (machine / "houseblend-card-0.lock").symlink_to(machine / "elsewhere")
    with pytest.raises(OSError, match="houseblend-card-0.lock"):
        take_cards(1)
    assert not Path(machine / "elsewhere").exists()
