"""hb: what is done, running, stale, failed or unfinished, and why."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.base.lock import directory_lock
from houseblend.cli.hb import main as hb
from houseblend.cli.step import Step, argument, option
from houseblend.jobs.array import check, run_spec
from houseblend.jobs.spec import Job, JobSpec
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.records import Refusal
from houseblend.parallel.strategies import STRATEGIES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_plan, some_round


def make_step(work=None, resumes: bool = False) -> Step:
    """A step that copies a file, after `work` on its output directory."""

    @argument("source", help="directory")
    @argument("out", help="directory to write")
    @option("--upper", type=bool, default=False, help="in capitals")
    def copy(source, out, upper):
        """Copy."""
        if work is not None:
            work(Path(out))
        text = (Path(source) / "a.txt").read_text()
        (Path(out) / "a.txt").write_text(text.upper() if upper else text)

    return Step("copy", copy, "copy in out", 1, ("source",), "out", None, resumes)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A work directory with an input."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("text")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(capsys, *words: str) -> str:
    """What hb prints."""
    capsys.readouterr()
    assert hb.main(list(words)) == 0
    return capsys.readouterr().out


def test_done_stale_failed_and_running_each_in_a_line(work, capsys):
    for name in ("one", "two", "sub/three"):
        assert make_step().main(["in", name]) == 0
    (work / "two/a.txt").write_text("other")
    (work / "in" / "b.txt").write_text("new")
    assert make_step().main(["missing", "sub/four"]) == 1
    with directory_lock(work / "one"):
        lines = asked(capsys, "status", ".").splitlines()
    assert [line.split(":")[0].split() for line in lines] == [
        ["running", "one"], ["stale", "two"], ["stale", "sub/three"], ["failed", "sub/four"],
    ]  # fmt: skip
    assert '"pid": ' in lines[0]
    assert "source: b.txt is new" in lines[2]
    assert "no such file or directory" in lines[3]
    (work / "in" / "b.txt").unlink()
    lines = asked(capsys, "status", ".").splitlines()
    assert lines[0].startswith("done       one: copy, ")
    assert "output: a.txt has changed" in lines[1]
    assert asked(capsys, "status", "sub/three").splitlines() == [lines[2]]


def test_steps_stand_in_the_order_of_the_pipeline(work, capsys):
    """Not in that of their names, nor of the time at which they were made again."""
    chain = [("in", "z/data"), ("z/data", "m"), ("m", "k/deep"), ("k/deep", "b"), ("b", "a")]
    for source, out in chain:
        assert make_step().main([source, out]) == 0
    make_step().main(["in", "other"])
    make_step().main(["none", "failed"])

    def order() -> list[str]:
        return [line.split()[1].rstrip(":") for line in asked(capsys, "status", ".").splitlines()]

    assert order() == ["z/data", "m", "k/deep", "b", "a", "other", "failed"]
    (work / "m/.done.json").unlink()
    assert make_step().main(["z/data", "m"]) == 0
    assert order() == ["z/data", "m", "k/deep", "b", "a", "other", "failed"]
    for name in ("z/data", "m", "k/deep", "b", "a"):
        (work / name / ".begun.json").unlink()
    assert [name for name in order() if name not in ("other", "failed")] == ["z/data", "m", "k/deep", "b", "a"]


def test_records_that_name_each_other_are_still_listed(work, capsys):
    for name, read in (("one", "two"), ("two", "one")):
        assert make_step().main(["in", name]) == 0
        (work / name / ".begun.json").write_text(json.dumps({"places": {"source": f"../{read}"}}))
    assert len(asked(capsys, "status", ".").splitlines()) == 2


def test_a_moved_work_directory_is_still_done(work, capsys, monkeypatch):
    (work / "here").mkdir()
    (work / "in").rename(work / "here/in")
    monkeypatch.chdir(work / "here")
    make_step().main(["in", "out"])
    (work / "here").rename(work / "there")
    monkeypatch.chdir(work)
    assert asked(capsys, "status", "there").startswith("done       there/out")


def test_why_follows_the_inputs_to_the_first_cause(work, capsys):
    make_step().main(["in", "one"])

    def refuse(out: Path) -> None:
        raise InputError("bad line", file="in/a.txt", line=3, do="mend it by hand")

    assert make_step(refuse).main(["in", "one", "--upper"]) == 1
    assert make_step().main(["one", "two"]) == 1
    for place in (".", "two", "one"):
        said = asked(capsys, "why", place)
        assert said.count("cause:") == 1
        assert "one: failed\ncause: in/a.txt:3: bad line; mend it by hand\n" in said
        assert "log, last lines (one/.log):" in said
        assert "next: mend it by hand; then run this again, it begins this step again:" in said
        assert said.rstrip().endswith(f"cd {work} && copy in one --upper")
    make_step().main(["in", "one"])
    make_step().main(["one", "two"])
    assert "nothing has failed" in asked(capsys, "why", ".")


def test_why_shows_the_job_that_failed_and_its_log(work, capsys):
    def jobs(out: Path) -> None:
        codes = ["pass", "print('the very last word'); raise SystemExit(3)"]
        words = [Job([sys.executable, "-c", code], f"{out}/log/x.{n}.log", []) for n, code in enumerate(codes, 1)]
        check(run_spec(JobSpec("x", words), out / "rounds/10.0/x"))

    assert make_step(jobs, resumes=True).main(["in", "out"]) == 1
    said = asked(capsys, "why", "out")
    assert "cause: job 2: failed (exit status 3)" in said
    assert "out/log/x.2.log" in said
    assert "  the very last word" in said
    assert "it continues where it stopped" in said


def test_why_knows_a_step_that_was_killed_and_one_that_has_a_bug(work, capsys):
    make_step(resumes=True).main(["in", "out"])
    (work / "out/.done.json").unlink()
    said = asked(capsys, "why", "out")
    assert "out: unfinished\ncause: the process ended without a word" in said
    assert "run this again, it continues where it stopped:\n  cd " in said

    def bug(out: Path) -> None:
        raise ZeroDivisionError("oh")

    assert make_step(bug).main(["in", "out", "--upper"]) == 70
    said = asked(capsys, "why", "out")
    assert "cause: ZeroDivisionError: oh" in said
    assert "raise ZeroDivisionError" in said


def test_why_tells_the_reasons_of_a_refused_round(work, capsys):
    def refuse(out: Path) -> None:
        ledger = Ledger(out / "ledger.jsonl")
        for attempt in range(3):
            ledger.append(Refusal(0, attempt, some_plan(), {}, {2: "held-out loss nan"}))
        with open(out / "ledger.jsonl", "a") as file:
            file.write('{"torn')
        raise InputError("round 0 was refused 3 times")

    make_step(refuse).main(["in", "out"])
    assert "round 0, attempt 0:\n  worker 2: held-out loss nan" in asked(capsys, "why", "out")
    assert (work / "out/ledger.jsonl").read_text().endswith('{"torn')


def test_nothing_to_say_is_an_error_that_says_what_was_expected(work, capsys):
    for place, what in (("none", "no such directory"), (".", "no step has written here")):
        assert hb.main(["status", place]) == 1
        error = capsys.readouterr().err
        assert what in error
        assert "an experiment or a recipe's work directory" in error
    assert hb.main(["when", "."]) == 2
    assert "'why', 'status'" in capsys.readouterr().err
    assert hb.main(["status"]) == 2
    assert "expected hb status DIRECTORY" in capsys.readouterr().err


def test_a_running_training_tells_its_round_objective_and_time_left(work, capsys):
    assert make_step().main(["in", "out"]) == 0
    ledger = Ledger(work / "out/ledger.jsonl")
    ledger.append(some_round(0, heldout=-2.0, seconds=60.0))
    ledger.append(some_round(1, heldout=-1.75, seconds=60.0))
    with directory_lock(work / "out"):
        said = asked(capsys, "status", "out")
    assert "2 rounds done, held out -1.7500, 20% of the frames, about 8 min left" in said


def test_strategies_are_described_with_mathematics_state_options_and_paper(capsys):
    said = asked(capsys, "strategies")
    for name, kind in STRATEGIES.items():
        paragraph = said[said.index(f"\n{name}: ") :]
        assert kind.paper in paragraph
        assert kind.mathematics in paragraph
        assert "--average-period=" in paragraph
    assert "--block-momentum=0.75" in said


def test_late_workers_are_told_by_status_and_why(work, capsys):
    """Of a training that is done, and of one that failed later."""

    def train(out: Path) -> None:
        late = some_round(0)
        late.workers[2] = replace(late.workers[2], frames=0.0, failure="late: it had not ended; (no log)", is_late=True)
        for entry in (late, some_round(1)):
            Ledger(out / "ledger.jsonl").append(entry)

    assert make_step(train).main(["in", "exp"]) == 0
    status = asked(capsys, "status", "exp")
    assert status.endswith("; late workers: 1, 100 frames not seen in their round\n")
    line = "  round 0: worker 2 was late: it had not ended: 100 frames from 100 on are planned again in round 1"
    assert asked(capsys, "why", "exp").splitlines()[1:] == [status.strip(), line]
    (work / "exp/.done.json").unlink()
    assert line in asked(capsys, "why", "exp").splitlines()
