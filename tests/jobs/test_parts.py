"""Work of a step as an array of jobs: the results of one process, what is left behind, and what a failure says."""

import os
import pickle
import shutil
import signal
import stat
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from at_once import AtOnce

from houseblend.base.errors import InputError, UsageError
from houseblend.base.log import warn
from houseblend.base.workers import Forked
from houseblend.io.audio import encode_wav
from houseblend.jobs.array import JobFailedError
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.launchers.slurm import SlurmLauncher
from houseblend.jobs.parts import Launched, run_part, workers_of


def times(factor, bad=-1, mark=None):
    """A worker that multiplies, warns of three, refuses one number, and is killed once where a file is missing."""

    def work(item):
        if item == bad:
            raise InputError("a bad number", file="numbers", key=str(item), do="leave it out")
        if item == 3:
            warn("three is odd")
        if mark is not None and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return np.full(item, factor * item)

    return work


@pytest.mark.parametrize(("count", "jobs", "spans"), [
    (0, 3, []), (1, 3, [(0, 1)]), (5, 1, [(0, 5)]), (5, 3, [(0, 1), (1, 3), (3, 5)]), (3, 8, [(0, 1), (1, 2), (2, 3)]),
])  # fmt: skip
def test_every_item_is_in_one_part_and_results_come_in_order(count, jobs, spans, tmp_path):
    launcher = AtOnce()
    workers = Launched(launcher, tmp_path / "out/.parts", jobs)
    results = list(workers.share_out(partial(times, 2), range(count), "numbers"))
    assert [result.tolist() for result in results] == [n * [2 * n] for n in range(count)]
    assert [(int(words[3]), int(words[4])) for words in launcher.commands] == spans
    assert not (tmp_path / "out/.parts").exists()


def test_warnings_of_jobs_are_repeated_once_each(tmp_path, capsys):
    list(Launched(AtOnce(), tmp_path / "parts", 2).share_out(partial(times, 2), [3, 3, 1, 3], "numbers"))
    assert capsys.readouterr().err.count("three is odd") == 2


def test_programs_do_the_work_and_one_that_is_killed_does_it_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}")
    workers = Launched(LocalLauncher(2), tmp_path / "parts", 2)
    results = workers.share_out(partial(times, 2, mark=tmp_path / "mark"), range(4), "numbers")
    assert [len(result) for result in results] == [0, 1, 2, 3]


def test_a_job_that_fails_leaves_its_log_and_the_next_run_removes_it(tmp_path):
    workers = Launched(AtOnce(), tmp_path / "parts", 2)
    with pytest.raises(JobFailedError, match="1 of 2 jobs failed; job 2") as failed:
        list(workers.share_out(partial(times, 2, bad=3), range(4), "numbers"))
    assert "numbers: [3] a bad number; leave it out" in str(failed.value) or "a bad number" in str(failed.value)
    (log,) = (tmp_path / "parts").glob("numbers.*/log/numbers.2.0.log")
    assert "a bad number" in log.read_text()
    assert len(list(workers.share_out(partial(times, 2), range(4), "numbers"))) == 4
    assert not (tmp_path / "parts").exists()


def test_a_job_reads_nothing_but_what_it_was_made_for(tmp_path):
    work = tmp_path / "work"
    work.write_bytes(pickle.dumps((partial(os.mkdir, tmp_path / "made"), [1])))
    with pytest.raises(InputError, match="not the file that this job was made for"):
        run_part(work, "0" * 64, 0, 1, tmp_path / "out")
    assert not (tmp_path / "made").exists()


def test_workers_in_a_job_are_alone_and_those_of_this_machine_are_forked(tmp_path, monkeypatch):
    assert pickle.loads(pickle.dumps(Launched(AtOnce(), tmp_path, 8))) == Forked(1)
    assert workers_of("local", 3, tmp_path) == Forked(3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEBLEND_LAUNCHER", "slurm")
    workers = workers_of("", 3, tmp_path)
    assert isinstance(workers, Launched)
    assert isinstance(workers.launcher, SlurmLauncher)
    with pytest.raises(UsageError, match="launcher 'sge'"):
        workers_of("sge", 3, tmp_path)


SBATCH = """#!/bin/bash
echo "$@" >> {folder}/calls
for word; do
    case $word in
        --array=*) last=${{word#--array=1-}} ;;
        --output=*) said=${{word#--output=}} ;;
    esac
done
for task in $(seq 1 ${{last%\\%*}}); do
    SLURM_ARRAY_TASK_ID=$task bash "${{@: -1}}" > "${{said/\\%a/$task}}" 2>&1
done
echo 7
"""
"""A Slurm that runs all tasks before it answers, and has forgotten them when it is asked."""


@pytest.fixture
def fake_slurm(tmp_path, monkeypatch):
    """Its folder."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH.format(folder=folder)), ("squeue", "#!/bin/sh\n"), ("scancel", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_step_sends_its_parts_to_the_launcher_and_makes_the_same_bytes(tmp_path, fake_slurm, run_step):
    data = tmp_path / "data"
    data.mkdir()
    random = np.random.default_rng()
    keys = ["s1-a", "s1-b", "s2-a"]
    for key in keys:
        (tmp_path / f"{key}.wav").write_bytes(encode_wav(8000, np.rint(random.normal(0, 500, size=3000))))
    for name, value in (("wav.scp", "{key}.wav"), ("text", "one"), ("utt2spk", "{key[0]}{key[1]}")):
        (data / name).write_text("".join(f"{key} {value.format(key=key)}\n" for key in keys))
    (data / "spk2utt").write_text("s1 s1-a s1-b\ns2 s2-a\n")
    conf = Path(__file__).resolve().parents[2] / "conf/mfcc.conf"
    made = {}
    for launcher in ("slurm", "local"):
        words = (f"--config={conf}", f"--launcher={launcher}", "data", "out")
        run_step("make_mfcc", *words, cwd=tmp_path, check=True)
        made[launcher] = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name[0] != "."}
        assert "up to date" in run_step("make_mfcc", *words[:-2], "data", "out", cwd=tmp_path, check=True).stderr
        assert not (tmp_path / "out/.parts").exists()
        shutil.rmtree(tmp_path / "out")
    assert made["slurm"] == made["local"]
    assert (fake_slurm / "calls").read_text().count("--array=1-2") == 1
    (data / "wav.scp").write_text("s1-a none.wav\ns1-b s1-b.wav\ns2-a s2-a.wav\n")
    failed = run_step("make_mfcc", f"--config={conf}", "--launcher=slurm", "data", "out", cwd=tmp_path)
    assert failed.status == 1
    assert "none.wav" in failed.stderr
    assert run_step("make_mfcc", "--launcher=sge", "data", "other", cwd=tmp_path).status == 2
    assert not (tmp_path / "other").exists()
