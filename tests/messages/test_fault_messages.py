"""What a fault makes the toolkit say: the file, what happened, and what to do; a line for each refusal."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from houseblend.base.errors import HouseBlendError, InputError, class_and_message
from houseblend.base.lock import directory_lock
from houseblend.base.workers import in_processes
from houseblend.cli.step import Step, argument
from houseblend.jobs.array import check, program, run_spec
from houseblend.jobs.spec import Job, JobSpec
from houseblend.parallel.ledger import Ledger

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_refusal, some_round


def step(work: Callable[[Path, Path], object] = lambda source, out: None) -> Step:
    """A step that does `work` with its input and output."""

    @argument("source", type=Path, help="directory")
    @argument("out", type=Path, help="directory to write")
    def copy(source, out):
        """Copy."""
        work(source, out)

    return Step("copy", copy, "copy in out", 1, ("source",), "out", None, False)


def given(folder: Path) -> list[str]:
    """Arguments of the step: a directory with a file, and one to write."""
    (folder / "in").mkdir()
    (folder / "in/a.txt").write_text("text")
    return [str(folder / "in"), str(folder / "out")]


def busy(folder: Path) -> None:
    holder = "from pathlib import Path; import sys, time; from houseblend.base.lock import directory_lock\n"
    holder += "with directory_lock(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with directory_lock(folder):
                pass
        finally:
            process.kill()


def no_input(folder: Path) -> None:
    step().run([str(folder / "none"), str(folder / "out")])


def unfinished_input(folder: Path) -> None:
    words = given(folder)
    (folder / "in/.begun.json").write_text("{}")
    step().run(words)


def output_of_nobody(folder: Path) -> None:
    words = given(folder)
    (folder / "out").mkdir()
    (folder / "out/mine.txt").write_text("mine")
    step().run(words)


def changed_input(folder: Path) -> None:
    step(lambda source, out: (source / "a.txt").write_text("other")).run(given(folder))


def vanished_input(folder: Path) -> None:
    step(lambda source, out: shutil.rmtree(source)).run(given(folder))


def recipe_ended(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    os.environ["HOUSEBLEND_RECIPE"] = str(ended.pid)
    try:
        step().run(given(folder))
    finally:
        del os.environ["HOUSEBLEND_RECIPE"]


def killed_worker(folder: Path) -> None:
    list(in_processes(lambda item: os.kill(os.getpid(), signal.SIGKILL), [1, 2, 3, 4], 2))


def full_disk(folder: Path) -> None:
    with open("/dev/full", "w") as file:
        file.write("x")


def run_one(folder: Path, argv: list[str], outputs: list[str]) -> None:
    """One job, and what its launcher says of it."""
    check(run_spec(JobSpec("test", [Job(argv, f"{folder}/job.log", outputs)]), folder / "jobs"))


def full_disk_in_a_job(folder: Path) -> None:
    (folder / "in.ark").write_text("a 1 2 3\n")
    run_one(folder, [*program("copy-int-vector"), f"ark,t:{folder}/in.ark", "ark,t:/dev/full"], [])


def no_result(folder: Path) -> None:
    run_one(folder, ["rm", "-r", f"{folder}/jobs"], [])


def no_output(folder: Path) -> None:
    run_one(folder, ["true"], [f"{folder}/model.ATTEMPT"])


def dead_job(folder: Path) -> None:
    run_one(folder, [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], [])


def broken_ledger(folder: Path) -> None:
    Ledger(folder / "ledger.jsonl").append(some_refusal(0))
    with open(folder / "ledger.jsonl", "a") as file:
        file.write('{"form\n')
    Ledger(folder / "ledger.jsonl")


def another_ledger(folder: Path) -> None:
    (folder / "ledger.jsonl").write_text('{"format": 1}\n')
    Ledger(folder / "ledger.jsonl")


def lost_model(folder: Path) -> None:
    from houseblend.parallel.rounds import _check_model

    experiment: Any = SimpleNamespace(model=lambda number: folder / f"{number}.raw")
    _check_model(experiment, 4, some_round(3))


REFUSALS: list[tuple[Callable[[Path], None], str, str, str]] = [
    # what makes it, class, where and what, what to do
    (busy, "failed", '{folder}: in use by {{"host": ', "wait for it or stop it"),
    (no_input, "bad input", "{folder}/none: [source] no such file or directory", "check the name, or run the step that makes it first"),
    (unfinished_input, "bad input", "{folder}/in: [source] the directory is unfinished", "run the step that makes it again"),
    (output_of_nobody, "bad input", "{folder}/out: the output directory holds files that no step", "name another or remove it"),
    (changed_input, "bad input", "{folder}/out: an input changed while the step ran: source: a.txt has", "run copy again"),
    (vanished_input, "bad input", "{folder}/out: an input changed while the step ran: source: ", "run copy again"),
    (recipe_ended, "failed", "the recipe that started this step has ended", "run the recipe again"),
    (killed_worker, "killed", "a worker process was killed", "try again, with fewer at a time"),
    (full_disk, "disk full", "No space left on device", "free space, then run the same command again"),
    (full_disk_in_a_job, "disk full", "job 1: disk full (/dev/full: No space left on device; free space", "run the same"),
    (no_result, "file system", "job 1: file system (the job's wrapper left no result in {folder}/jobs)", "check disk space"),
    (no_output, "no output", "job 1: no output (no output {folder}/model.2)", "check disk space and quota"),
    (dead_job, "killed", "job 1: killed (ended by SIGKILL)", "run fewer jobs at a time"),
    (broken_ledger, "bad input", "{folder}/ledger.jsonl:2: no JSON", "restore the file, or begin a new directory"),
    (another_ledger, "bad input", "{folder}/ledger.jsonl:1: format 1; expected format 2", "begin a new directory"),
    (lost_model, "bad input", "{folder}/4.raw: the model is not the one of the ledger's round 3", "begin a new directory"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row[0].__name__)
def test_a_refusal_is_named_and_says_what_to_do(row, tmp_path):
    make, kind, what, do = row
    with pytest.raises((HouseBlendError, OSError)) as caught:
        make(tmp_path)
    found, message = class_and_message(caught.value)
    assert found == kind
    assert what.format(folder=tmp_path) in message
    assert do in message
    assert isinstance(caught.value, OSError) or caught.value.do


def test_a_vanished_file_is_an_input_error_for_its_reader(run_program, tmp_path):
    done = run_program("copy-feats", f"ark:{tmp_path}/none.ark", "ark:-")
    assert done.status == 1
    assert f"{tmp_path}/none.ark: no such file" in done.stderr
    assert InputError.failure_class == "bad input"
