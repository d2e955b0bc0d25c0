"""Batch scripts, site files, what is read from the answers of a batch system, and the guard; no batch system is needed."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from houseblend.base.errors import InputError, UsageError
from houseblend.cli.slurm import main as slurm
from houseblend.jobs.launcher import Batch
from houseblend.jobs.launchers import LocalLauncher, batch_launcher_of, launcher_of
from houseblend.jobs.launchers.batch_system import RefusedError
from houseblend.jobs.launchers.gridengine import GridEngineLauncher
from houseblend.jobs.launchers.site import Site, read_site, site_of
from houseblend.jobs.launchers.slurm import DEFAULTS, SlurmLauncher
from houseblend.jobs.spec import Job, JobResult, JobSpec
from houseblend.parallel.exchanges import launch
from houseblend.parallel.options import ExchangeOptions, enter_exchange
from houseblend.parallel.strategies.average import Average

NOBODY = """a; b $(touch gone) `touch gone`
touch gone '"$HOME" \\ %a"""
"""A word that no shell may see."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = tmp_path / "it's 50 %a"
    (folder / "conf").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name in ("slurm", "queue"):
        (folder / f"conf/{name}.conf").touch()
    return folder


def batch_of(folder: Path, **more) -> Batch:
    jobs = [Job(["printf", "%s", f"{number} {NOBODY}"], f"{folder}/log/x.{number}.log", []) for number in (5, 6, 7)]
    spec = JobSpec("x", jobs, first=5, **more)
    spec.write(folder / "spec.json")
    return Batch(spec, folder / "spec.json", (5, 7), attempt=1, memory=2.0, time=1.5, avoid="n1")


def test_a_batch_script_runs_its_job_and_shows_what_it_is(place, monkeypatch):
    monkeypatch.setenv("HOUSEBLEND_SOMETHING", "it's \n here")
    monkeypatch.setenv("HOUSEBLEND_RECIPE", "1")
    launcher = batch_launcher_of("slurm", slots=3)
    batch = batch_of(place, cores=2, minutes=10, gpus=1)
    submitted = launcher.prepare(batch)
    words = launcher.submit_words(submitted, "n1")
    for word in (
        "--array=1-2%3",
        "--mem=2000M",
        "--time=15",
        "--cpus-per-task=2",
        "--gres=gpu:1",
        "--exclude=n1",
        "--no-requeue",
    ):
        assert word in words
    assert next(word for word in words if word.startswith("--output")).endswith(
        "it's 50 %%a/said." + submitted.name + ".%a"
    )
    script = place / "x.sh"
    script.write_text(launcher.script_of(submitted))
    assert [line[:17] for line in script.read_text().splitlines()[:3]] == [
        "#!/bin/bash",
        "# submitted by: s",
        "# job 5 of 2, try",
    ]
    environment = {"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": "2", "HOUSEBLEND_RECIPE": "1"}
    subprocess.run(["bash", script], env=environment, cwd="/", check=True)
    assert f"7 {NOBODY}" in (place / "log/x.7.log").read_text()
    result = JobResult.read(place / "result.7.1.json")
    assert result is not None
    assert (result.job, result.attempt, result.failure) == (7, 1, "ok")
    assert not list(place.rglob("gone"))


def test_dry_run_prints_the_script_and_submits_nothing(place, capsys):
    words = [
        "--dry-run",
        "-p",
        "gpu",
        "--mem",
        "2G",
        "JOB=1:4",
        "-tc",
        "2",
        "--gpu",
        "1",
        "log/a.JOB.log",
        "echo",
        "JOB",
        "-tc",
    ]
    assert slurm.main(words) == 0
    said = capsys.readouterr().out
    assert "--mem=2048M --cpus-per-task=1 --gres=gpu:1 -p gpu log/a.sh" in said
    assert "--array=1-4%2" in said
    assert "# job 1 of 4, try 0: echo 1 -tc" in said
    assert not (place / "log").exists()


def test_options_nobody_knows_are_refused_where_they_would_matter(place, capsys):
    assert slurm.main(["--tim", "5", "x.log", "true"]) == 2
    assert "--tim" in capsys.readouterr().err


def test_a_sites_file_stands_in_the_working_directory_or_is_named(place):
    assert site_of("slurm", None, DEFAULTS) == DEFAULTS
    text = (
        "# ours\n--partition=long\n--mem=4000\n--modules=python cuda/12\n--flags=--qos='very high' -C a # and so on\n"
    )
    (place / "conf/slurm.conf").write_text(text)
    site = site_of("slurm", None, DEFAULTS)
    assert (site.partition, site.mem, site.mem_flags) == ("long", 4000, "--mem={}M")
    launcher = batch_launcher_of("slurm", flags="-A x")
    submitted = launcher.prepare(batch_of(place, memory_mb=500))
    words = launcher.submit_words(submitted, "")
    assert words[-6:] == ["--partition=long", "--qos=very high", "-C", "a", "-A", "x"]
    assert "--mem=8000M" in words
    script = launcher.script_of(submitted)
    assert "\n. /etc/profile\nexport " in script
    assert "\nmodule load python cuda/12\ncd " in script
    (place / "other.conf").write_text("--account=me\n")
    named = launcher_of("slurm:other.conf")
    assert isinstance(named, SlurmLauncher)
    assert "--account=me" in named.submit_words(submitted, "")


def test_launchers_are_chosen_by_a_word_or_the_environment(place, monkeypatch):
    local = launcher_of("local", 3)
    assert isinstance(local, LocalLauncher)
    assert local.slots == 3
    monkeypatch.setenv("HOUSEBLEND_LAUNCHER", "queue")
    assert isinstance(launcher_of("", 3), GridEngineLauncher)
    assert isinstance(launcher_of("local"), LocalLauncher)
    with pytest.raises(UsageError, match="launcher 'sge'; expected local or slurm or queue"):
        launcher_of("sge")
    with pytest.raises(InputError, match="none.conf: no such file"):
        launcher_of("slurm:none.conf")


def test_a_training_takes_a_launcher_for_jobs_only(place):
    assert ExchangeOptions(exchange="files", launcher="slurm").launcher == "slurm"
    with pytest.raises(UsageError, match="--launcher=slurm with --exchange=local; expected --exchange=files or mpi"):
        ExchangeOptions(launcher="slurm")
    with pytest.raises(UsageError, match="launcher 'sge'"):
        enter_exchange({"exchange": "files", "launcher": "sge"}, Average(average_period=0), 2)


def test_ranks_of_mpi_are_one_job(place, monkeypatch, capsys):
    """What is asked for, and the command: this one, which starts the ranks where it runs."""
    seen = []

    def run_spec(spec, folder, launcher):
        for name in ("slurm", "queue"):
            other = batch_launcher_of(name)
            batch = Batch(spec, folder / "spec.json", (1,))
            seen.append(" ".join(other.submit_words(other.prepare(batch), "")))
        seen.append(spec.jobs[0].argv)
        return [JobResult(1, 0, "ok", "", 0, {}, 0.0, "log")]

    monkeypatch.setattr(launch, "run_spec", run_spec)
    monkeypatch.setattr(sys, "argv", ["steps/train_dnn", "frames", "exp/dnn"])
    values = {"exchange": "mpi", "launcher": "slurm", "threads_per_worker": 2, "out": Path("exp/dnn")}
    with pytest.raises(SystemExit) as left:
        enter_exchange(values, Average(), 3)
    assert left.value.code == 0
    assert "--array=1-1 " in seen[0]
    assert "--mem-per-cpu=500M --ntasks=3 --cpus-per-task=2" in seen[0]
    assert "-l mem_free=1000M -pe mpi 6" in seen[1]
    assert seen[2] == [sys.executable, "steps/train_dnn", "frames", "exp/dnn", "--ranks=3", "--launcher=local"]
    assert "exp/dnn/.log" in capsys.readouterr().err


def test_kaldis_file_is_named_for_what_it_is(tmp_path):
    (tmp_path / "slurm.conf").write_text("command sbatch --export=PATH\noption mem=* --mem-per-cpu $0\n")
    with pytest.raises(
        UsageError, match="slurm.conf:1: 'command sbatch --export=PATH' is no option.*Kaldi's `option` lines"
    ):
        read_site(tmp_path / "slurm.conf", Site())


SQUEUE = [
    # state, code, reason, class, exit status
    ("COMPLETED", 0, "None", "ok", 0),
    ("FAILED", 1792, "NonZeroExitCode", "failed", 7),
    ("FAILED", 9, "JobLaunchFailure", "killed", -9),
    ("FAILED", 53, "NonZeroExitCode", "file system", -53),
    ("FAILED", 256, "BadConstraints", "refused", 1),
    ("OUT_OF_MEMORY", 32000, "OutOfMemory", "out of memory", 125),
    ("TIMEOUT", 15, "TimeLimit", "time limit", -15),
    ("DEADLINE", 0, "DeadLine", "time limit", 0),
    ("PREEMPTED", 15, "None", "preempted", -15),
    ("NODE_FAIL", 0, "None", "node lost", 0),
    ("CANCELLED", 15, "None", "cancelled", -15),
    ("PENDING", 0, "PartitionNodeLimit", "refused", 0),
    ("PENDING", 0, "Resources", None, 0),
    ("RUNNING", 0, "None", None, 0),
    ("COMPLETING", 0, "None", None, 0),
    ("SUSPENDED", 0, "None", None, 0),
]


@pytest.fixture
def slurm_here(place, monkeypatch):
    """A batch of two jobs, submitted to commands that answer as a test says."""
    monkeypatch.setattr(SlurmLauncher, "poll_seconds", 0.0)
    launcher, answers, asked = batch_launcher_of("slurm"), {"sbatch": (0, "12;main\n")}, []

    def ask(words):
        asked.append(words)
        return answers.get(words[0], (0, ""))

    monkeypatch.setattr(launcher, "ask", ask)
    monkeypatch.setattr(launcher, "_tell", lambda *words: None)
    batch = batch_of(place)
    assert launcher.submit(batch) == "12"
    return launcher, answers, asked, batch


@pytest.mark.parametrize(("state", "code", "reason", "failure", "status"), SQUEUE)
def test_what_squeue_says_of_a_job(state, code, reason, failure, status, slurm_here):
    launcher, answers, asked, _ = slurm_here
    answers["squeue"] = 0, f"12  1  RUNNING  0  n1  None\n12  2  {state}  {code}  n3  {reason}\n13  1  FAILED  0 n1 x\n"
    ends = launcher.ended("12")
    assert (ends[7].failure if 7 in ends else None) == failure
    assert set(ends) <= {7}
    if failure is not None:
        assert (ends[7].state, ends[7].status, ends[7].host) == (state, status, "" if state == "PENDING" else "n3")
    assert ([*asked[-1][:2]] == ["scancel", "12"]) == (failure == "refused")


def test_memory_that_slurms_own_words_tell_of(slurm_here):
    launcher, answers, _, batch = slurm_here
    answers["squeue"] = 0, "12 1 FAILED 9 n1 None\n12 2 FAILED 9 n1 None\n"
    launcher._submitted["12"].said(1).write_text("slurmstepd: error: Exceeded job memory limit\n")
    ends = launcher.ended("12")
    assert [ends[number].failure for number in batch.numbers] == ["out of memory", "killed"]
    assert ends[5].reason == "it took more than 2000 MB"


def test_jobs_that_slurm_has_forgotten_have_ended_and_a_slurm_that_does_not_answer_is_waited_for(slurm_here, capsys):
    launcher, answers, _, batch = slurm_here
    answers["squeue"] = 1, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
    assert launcher.ended("12") == {}
    assert "squeue does not answer, waiting" in capsys.readouterr().err
    answers["squeue"] = 1, "slurm_load_jobs error: Invalid job id specified\n"
    assert {end.state for end in launcher.ended("12").values()} == {"gone"}
    assert set(launcher.ended("12")) == set(batch.numbers)


def test_a_machine_is_avoided_only_if_there_is_another(slurm_here):
    launcher, answers, asked, batch = slurm_here
    answers["sbatch"] = 1, "Requested node configuration is not available"
    with pytest.raises(RefusedError, match="x.again1-5.sh: slurm does not take the jobs: Requested node configuration"):
        launcher.submit(batch)
    assert ["--exclude=n1" in words for words in asked if words[0] == "sbatch"] == [True, True, False]


def test_a_machine_without_the_batch_system_says_so(place, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(place))
    assert slurm.main(["log/x.log", "true"]) == 1
    assert (
        "log/x.sh: slurm does not take the jobs: there is no command sbatch on this machine" in capsys.readouterr().err
    )


def test_one_question_for_all_batches_and_not_before_its_time(slurm_here, monkeypatch):
    launcher, answers, asked, batch = slurm_here
    answers["sbatch"], answers["squeue"] = (
        (0, "13\n"),
        (0, "12 1 RUNNING 0 n1 None\n12 2 RUNNING 0 n1 None\n13 1 RUNNING 0 n1 x\n"),
    )
    launcher.submit(batch)
    monkeypatch.setattr(SlurmLauncher, "poll_seconds", 3600.0)
    for handle in ("12", "13", "12", "13"):
        launcher.ended(handle)
    questions = [words for words in asked if words[0] == "squeue"]
    assert [words[words.index("-j") + 1] for words in questions] == ["12,13"]


@pytest.mark.parametrize("killed", [True, False])
def test_the_guard_cancels_what_a_killed_process_leaves_and_only_that(killed, tmp_path):
    cancel = tmp_path / "cancel"
    cancel.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/cancelled\n')
    cancel.chmod(0o755)
    code = f"""
import os, signal, subprocess, sys
guard = subprocess.Popen([sys.executable, "-m", "houseblend.jobs.guard", {str(cancel)!r}, "--name"], stdin=subprocess.PIPE,
                         text=True, start_new_session=True)
print("begin a", "begin b", "end a", *([] if {killed} else ["end b"]), sep="\\n", file=guard.stdin, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    end = time.monotonic() + (20 if killed else 1)
    while not (tmp_path / "cancelled").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "cancelled").exists() == killed
    if killed:
        assert set((tmp_path / "cancelled").read_text().split("\n")) - {""} == {"--name b"}


QACCT = [
    # failed, exit status, seconds, is being deleted; class
    ("0", "0", 3, False, "ok"),
    ("0", "7", 3, False, "failed"),
    ("0", "137                  (Killed)", 3, False, "killed"),
    ("100 : assumedly after job", "137                  (Killed)", 3, False, "killed"),
    ("100 : assumedly after job", "137                  (Killed)", 3, True, "cancelled"),
    ("100 : assumedly after job", "137                  (Killed)", 901, False, "time limit"),
    ("37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", "137", 901, False, "time limit"),
    ("37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", "137", 30, False, "out of memory"),
    ("26  : opening input/output file", "0", 0, False, "file system"),
    ("28  : changing into working directory", "0", 0, False, "file system"),
    ("1   : assumedly before job", "0", 0, False, "file system"),
    ("21  : in recognizing job", "0", 0, False, "node lost"),
]
QSTAT = "<job_info><queue_info>{}</queue_info><job_info>{}</job_info></job_info>"


def in_qstat(tasks: str, state: str, number: int = 12) -> str:
    return f"<job_list><JB_job_number>{number}</JB_job_number><state>{state}</state><tasks>{tasks}</tasks></job_list>"


@pytest.fixture
def queue_here(place, monkeypatch):
    """As `slurm_here`, of three jobs."""
    monkeypatch.setattr(GridEngineLauncher, "poll_seconds", 0.0)
    launcher, answers, asked = batch_launcher_of("queue", slots=2), {"qsub": (0, "12.1-3:1\n")}, []

    def ask(words):
        asked.append(words)
        return answers.get(words[0], (0, ""))

    monkeypatch.setattr(launcher, "ask", ask)
    monkeypatch.setattr(launcher, "_tell", lambda *words: None)
    batch = replace(batch_of(place, minutes=10, cores=4, gpus=1), numbers=(5, 6, 7))
    assert launcher.submit(batch) == "12"
    return launcher, answers, asked, batch


def test_what_qsub_is_asked_for(queue_here):
    words = " ".join(queue_here[2][0])
    assert "-t 1-3 -tc 2 -wd " in words
    assert "-l mem_free=2000M -pe smp 4 -l h_rt=900 -l gpu=1 -soft -l hostname=!n1 -hard " in words
    assert " -r n " in words


@pytest.mark.parametrize(("failed", "status", "seconds", "deleted", "failure"), QACCT)
def test_what_qstat_and_qacct_say_of_a_job(failed, status, seconds, deleted, failure, queue_here):
    launcher, answers, _, _ = queue_here
    answers["qstat"] = (
        0,
        QSTAT.format(in_qstat("1", "r") + in_qstat("2", "dr" if deleted else "r"), in_qstat("3", "qw")),
    )
    assert launcher.ended("12") == {}
    answers["qstat"] = 0, QSTAT.format("", in_qstat("1-3:2", "qw") + in_qstat("2", "r", number=13))
    answers["qacct"] = 1, "error: job id 12 not found\n"
    assert launcher.ended("12") == {}
    record = f"=====\nhostname  n3\ntaskid  2\nfailed  {failed}\nexit_status  {status}\nru_wallclock {seconds}s\n"
    answers["qacct"] = 0, record
    ends = launcher.ended("12")
    assert (set(ends), ends[6].failure, ends[6].host) == ({6}, failure, "n3")


def test_a_good_result_needs_no_account(queue_here):
    launcher, answers, asked, batch = queue_here
    JobResult(6, 1, "ok", "", 0, {}, 0.1, "log").write(batch.result(6))
    answers["qstat"] = 0, QSTAT.format(in_qstat("1", "r"), in_qstat("3", "qw"))
    assert {number: end.failure for number, end in launcher.ended("12").items()} == {6: "ok"}
    assert "qacct" not in [words[0] for words in asked]


def test_tasks_in_error_are_deleted_and_a_qstat_that_does_not_answer_is_waited_for(queue_here, capsys):
    launcher, answers, asked, _ = queue_here
    answers["qstat"] = 0, QSTAT.format("", in_qstat("1,3", "Eqw") + in_qstat("2", "qw"))
    assert launcher.ended("12") == {}
    assert [words[1:] for words in asked if words[0] == "qdel"] == [["12", "-t", "1"], ["12", "-t", "3"]]
    for answer in ((1, "error: commlib error: got select error"), (0, "<job_info>")):
        answers["qstat"] = answer
        assert launcher.ended("12") == {}
        assert "qstat does not answer, waiting" in capsys.readouterr().err


def test_without_accounts_what_the_job_has_left_decides(queue_here):
    launcher, answers, _, _ = queue_here
    answers["qstat"], answers["qacct"] = (0, QSTAT.format("", "")), (1, "/accounting: No such file or directory")
    assert {end.state for end in launcher.ended("12").values()} == {"gone"}
