"""Jobs: logs, results, classes of failure, slots, and the program `run`."""

import sys
import time
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.cli.run import main as run
from houseblend.jobs.array import JobFailedError, check, program, run_spec, spec_of_range
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.spec import Job, JobResult, JobSpec


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run_array(argv: list[str], log: str, numbers: range = range(1, 2)) -> None:
    check(run_spec(*spec_of_range(argv, log, numbers)))


def run_one(tmp_path: Path, argv: list[str], outputs: list[str] | None = None) -> JobResult:
    (result,) = run_spec(JobSpec("test", [Job(argv, f"{tmp_path}/log", outputs or [])]), tmp_path / "jobs")
    return result


def test_a_specification_comes_back(tmp_path):
    spec = JobSpec("train", [Job(["a", "b c"], "log", ["out.ATTEMPT"])], cores=2)
    spec.write(tmp_path / "spec.json")
    assert JobSpec.read(tmp_path / "spec.json") == spec
    (tmp_path / "spec.json").write_text('{"format": 9}')
    with pytest.raises(InputError, match="format 9; expected format 1"):
        JobSpec.read(tmp_path / "spec.json")


def test_arrays_fill_in_the_number_and_logs_have_head_and_tail(tmp_path):
    run_array(python("print('job', 'JOB')"), f"{tmp_path}/log/JOB.log", range(1, 4))
    for number in (1, 2, 3):
        lines = (tmp_path / f"log/{number}.log").read_text().splitlines()
        assert lines[0].startswith("# ")
        assert f"job {number}" in lines
        assert "Ended (code 0)" in lines[-1]


def test_argv_never_passes_a_shell(tmp_path):
    run_array(python("import sys; print(sys.argv[1])") + ["$(touch x); `y` * ;"], f"{tmp_path}/log")
    assert "$(touch x); `y` * ;" in (tmp_path / "log").read_text().splitlines()


def test_success_needs_every_output_and_records_size_and_hash(tmp_path):
    path = f"{tmp_path}/out.ATTEMPT"
    good = run_one(tmp_path, python(f"open({path!r}, 'w').write('abc')"), [path])
    assert good.failure == "ok"
    assert good.outputs[f"{tmp_path}/out.0"][0] == 3
    missing = run_one(tmp_path, python("pass"), [f"{tmp_path}/none.ATTEMPT"])
    assert (missing.failure, missing.attempt) == ("no output", 2)


def test_bad_input_is_never_tried_again(tmp_path):
    result = run_one(tmp_path, [*program("copy-feats"), f"ark:{tmp_path}/none.ark", "ark:-"])
    assert (result.failure, result.attempt, result.status) == ("bad input", 0, 1)
    assert "none.ark" in result.message


def test_killed_jobs_are_tried_again_and_may_succeed(tmp_path):
    mark = tmp_path / "mark"
    code = f"""
import os, signal, pathlib
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    result = run_one(tmp_path, python(code))
    assert (result.failure, result.attempt) == ("ok", 1)
    result = run_one(tmp_path, python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert (result.failure, result.attempt) == ("killed", 2)


def test_a_wrapper_that_vanishes_is_a_lost_node_and_tried_again(tmp_path):
    mark = tmp_path / "mark"
    code = f"""
import os, signal, pathlib
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    os.kill(os.getppid(), signal.SIGKILL)
"""
    result = run_one(tmp_path, python(code))
    assert (result.failure, result.attempt) == ("ok", 1)


@pytest.mark.alone
def test_no_more_jobs_than_slots_run_at_a_time(tmp_path):
    spec = JobSpec("sleep", [Job(python("import time; time.sleep(0.3)"), f"{tmp_path}/{n}.log", []) for n in range(4)])
    began = time.monotonic()
    run_spec(spec, tmp_path / "one", LocalLauncher(1))
    one = time.monotonic() - began
    assert one > 1.2


def test_a_failure_shows_the_end_of_the_log(tmp_path):
    with pytest.raises(JobFailedError, match="the very last word"):
        run_array(python("print('the very last word'); raise SystemExit(3)"), f"{tmp_path}/log")


def said(log: Path) -> list[str]:
    """What a job printed, without the lines of its wrapper."""
    return [line for line in log.read_text().splitlines() if not line.startswith("# ")]


def visible(folder: Path) -> list[str]:
    """Names of the files below a folder, hidden ones aside."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if "/." not in f"/{name}")


@pytest.mark.parametrize(
    ("span", "log", "numbers"),
    [
        ("JOB=1:2", "x.JOB.log", [1, 2]),
        ("JOB=1", "x.JOB.log", [1]),
        ("JOB=4", "x.JOB.log", [4]),
        ("JOB=2:3", "x.JOB.log", [2, 3]),
        ("LMWT=7:9", "x.LMWT.log", [7, 8, 9]),
        ("_n2=10:10", "x._n2.log", [10]),
    ],
)
def test_run_takes_kaldis_ranges(span, log, numbers, tmp_path):
    name = span.partition("=")[0]
    assert run.main([span, f"{tmp_path}/{log}", "echo", f"a{name}b", f"{name}.{name}"]) == 0
    assert visible(tmp_path) == sorted(f"x.{number}.log" for number in numbers)
    assert [said(tmp_path / f"x.{number}.log") for number in numbers] == [[f"a{n}b {n}.{n}"] for n in numbers]


@pytest.mark.parametrize(
    "span", ["JOB=0:0", "JOB=3:1", "JOB=0", "JOB=0:1", "JOB=1:", "JOB=", "JOB=1:n", "JOB=-1:2", "JOB=1:2:3", "LMWT=9:7"]
)
def test_run_refuses_other_ranges_by_name_and_writes_nothing(span, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run.main([span, "x.JOB.log", "echo", "JOB"]) == 2
    message = capsys.readouterr().err
    assert f"'{span}' is no range of jobs; expected NAME=NUMBER or NAME=FIRST:LAST" in message
    assert list(tmp_path.iterdir()) == []


def test_a_failed_job_is_named_by_its_number_in_the_range(tmp_path, capsys):
    assert run.main(["JOB=5:7", f"{tmp_path}/JOB.log", *python("raise SystemExit(JOB == 6)")]) == 1
    message = capsys.readouterr().err
    assert "1 of 3 jobs failed; job 6: failed" in message
    assert f"last lines of {tmp_path}/6.log" in message


KALDIS = [
    "--mem 4G", "--num-threads 2", "--gpu 0", "--max-jobs-run 3", "-tc 3", "-l mem_free=2G,ram_free=2G", "-V", "-pe smp 5",
    "-q all.q", "-sync y", "--config conf/queue.conf", "--mem 500M --gpu 1 -V -l arch=*64*", "--max-jobs-run=2 --mem 1000000",
]  # fmt: skip


@pytest.mark.parametrize("options", KALDIS)
def test_run_takes_kaldis_options_before_and_behind_the_range(options, tmp_path, capsys):
    for words in ([*options.split(), "JOB=2"], ["JOB=2", *options.split()]):
        assert run.main([*words, f"{tmp_path}/JOB.log", "echo", "--mem", "JOB", "--config=x", "-V"]) == 0
        assert said(tmp_path / "2.log") == ["--mem 2 --config=x -V"]
    assert capsys.readouterr().err == ""


def test_run_has_the_options_of_every_program_and_its_command_keeps_its_own(tmp_path, capsys):
    log = f"{tmp_path}/log"
    assert run.main(["--print-args", "--verbose", "2", log, "echo", "--print-args", "--verbose=1", "--help"]) == 0
    assert said(tmp_path / "log") == ["--print-args --verbose=1 --help"]
    assert f"run --print-args --verbose 2 {log} echo" in capsys.readouterr().err


def test_run_says_which_options_nobody_knows(tmp_path, capsys):
    assert run.main(["--max-job-run", "3", f"{tmp_path}/log", "true"]) == 0
    assert "--max-job-run 3: no option of run" in capsys.readouterr().err
    for words in (["--max-job-run=3"], ["--mem", "4Q"], ["--max-jobs-run", "0"], ["--num-threads", "two"]):
        assert run.main([*words, f"{tmp_path}/log", "true"]) == 2
    assert run.main(["--max-jobs-run", "4", "-tc", "0", f"{tmp_path}/log", "true"]) == 2


def test_the_least_max_jobs_run_counts_as_in_kaldi(tmp_path):
    words = ["--max-jobs-run", "1", "JOB=1:2", "--max-jobs-run", "8", f"{tmp_path}/JOB.log"]
    assert run.main([*words, *python("import time; print(time.time()); time.sleep(0.3); print(time.time())")]) == 0
    first, second = ([float(line) for line in said(tmp_path / f"{n}.log")] for n in (1, 2))
    assert first[1] <= second[0]


def test_words_of_the_shell_make_a_pipeline_and_all_others_stay_words(tmp_path):
    assert run.main([f"{tmp_path}/log", "printf", r"%s\n", "a b", "$HOME", "x | y", "*", "|", "wc", "-l"]) == 0
    assert [line.strip() for line in said(tmp_path / "log")] == ["4"]
    assert run.main([f"{tmp_path}/log", "printf", r"%s\n", "a b", "it's", "$HOME", "x | y", "*", ""]) == 0
    assert said(tmp_path / "log") == ["a b", "it's", "$HOME", "x | y", "*", ""]
    assert run.main([f"{tmp_path}/log", "false", "|", "cat"]) == 1


def test_run_as_a_program(run_program, tmp_path):
    done = run_program("run", "JOB=1:2", f"{tmp_path}/JOB.log", sys.executable, "-c", "print('number JOB')")
    assert done.status == 0, done.stderr
    assert "number 2" in (tmp_path / "2.log").read_text()
    assert run_program("run", f"{tmp_path}/f.log", "false").status == 1
    assert run_program("run", "JOB=1:2", f"{tmp_path}/same.log", "true").status == 2
    assert run_program("run", "JOB=1:2", f"{tmp_path}/JOB.log").status == 2
