"""Jobs: logs, results, classes of failure, slots, and the program `run`."""

import sys
import time
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.jobs.local import JobFailedError, program, run_array, run_spec
from houseblend.jobs.spec import Job, JobResult, JobSpec


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


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
    run_array(python("print('job', 'JOB')"), 3, f"{tmp_path}/log/JOB.log")
    for number in (1, 2, 3):
        lines = (tmp_path / f"log/{number}.log").read_text().splitlines()
        assert lines[0].startswith("# ")
        assert f"job {number}" in lines
        assert "Ended (code 0)" in lines[-1]


def test_argv_never_passes_a_shell(tmp_path):
    run_array(python("import sys; print(sys.argv[1])") + ["$(touch x); `y` * ;"], 1, f"{tmp_path}/log")
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


def test_no_more_jobs_than_slots_run_at_a_time(tmp_path):
    spec = JobSpec("sleep", [Job(python("import time; time.sleep(0.3)"), f"{tmp_path}/{n}.log", []) for n in range(4)])
    began = time.monotonic()
    run_spec(spec, tmp_path / "one", slots=1)
    one = time.monotonic() - began
    assert one > 1.2


def test_a_failure_shows_the_end_of_the_log(tmp_path):
    with pytest.raises(JobFailedError, match="the very last word"):
        run_array(python("print('the very last word'); raise SystemExit(3)"), 1, f"{tmp_path}/log")


def test_run_keeps_kaldis_shape(run_program, tmp_path):
    done = run_program("run", "JOB=1:2", f"{tmp_path}/JOB.log", sys.executable, "-c", "print('number JOB')")
    assert done.status == 0, done.stderr
    assert "number 2" in (tmp_path / "2.log").read_text()
    assert run_program("run", f"{tmp_path}/f.log", "false").status == 1
    assert run_program("run", "JOB=1:2", f"{tmp_path}/same.log", "true").status == 2
