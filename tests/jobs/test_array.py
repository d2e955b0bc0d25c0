"""What an array makes of what any launcher tells it: success, patience, and the policy of each class of failure."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from houseblend.base.errors import HouseBlendError
from houseblend.jobs.array import JobFailedError, Patience, check, run_spec
from houseblend.jobs.failures import POLICY
from houseblend.jobs.launcher import Batch, End, Handle
from houseblend.jobs.spec import Job, JobResult, JobSpec

CANNOT_BE_MENDED = {"disk full", "late", "not finite", "bad input", "cancelled", "refused", "failed", "bug"}


@dataclass
class Scripted:
    """A launcher whose jobs end as a test says.

    Args:
        ends: how the tries end, one after another; "ok" also writes output and result.
        host: where they ran.
        late: seconds until output and result of a good one can be seen.
    """

    ends: list[str]
    host: str = "n1"
    late: float = 0.0
    name: str = "scripted"
    poll_seconds: float = 0.01
    patience_seconds: float = 0.0
    batches: list[Batch] = field(default_factory=list)
    cancelled: list[Handle] = field(default_factory=list)

    def submit(self, batch: Batch) -> Handle:
        self.batches.append(batch)
        return str(len(self.batches) - 1)

    def ended(self, handle: Handle) -> dict[int, End]:
        batch, kind = self.batches[int(handle)], self.ends[int(handle)]
        if kind == "ok" and not list(batch.path.parent.glob("written.*")):
            (batch.path.parent / "written.1").touch()
            threading.Timer(self.late, finish, [batch]).start() if self.late else finish(batch)
        return {number: End(kind.upper(), kind, 0, f"it was {kind}", self.host) for number in batch.numbers}

    def cancel(self, handle: Handle) -> None:
        self.cancelled.append(handle)


def finish(batch: Batch) -> None:
    """What a job and its wrapper leave."""
    for number in batch.numbers:
        job = batch.job(number)
        for path in job.outputs:
            Path(path).write_text("abc")
        sums = {path: [3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"] for path in job.outputs}
        JobResult(number, batch.attempt, "ok", "", 0, sums, 0.1, job.log).write(batch.result(number))


def spec_of(folder: Path, jobs: int = 1) -> JobSpec:
    return JobSpec("x", [Job(["true"], f"{folder}/{n}.log", [f"{folder}/out.{n}.ATTEMPT"]) for n in range(1, jobs + 1)])


@pytest.mark.parametrize("failure", sorted(set(POLICY) - {"ok"}))
def test_each_class_of_failure_has_its_policy(failure, tmp_path):
    policy, tries = POLICY[failure], 1 + 2 * (failure not in CANNOT_BE_MENDED)
    launcher = Scripted([failure if failure != "failed" else "bug"] * 3)
    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", launcher)
    assert (len(launcher.batches), result.attempt) == (tries, tries - 1)
    assert [batch.attempt for batch in launcher.batches] == list(range(tries))
    grows = {"out of memory": ([1, 2, 4], [1, 1, 1]), "time limit": ([1, 1, 1], [1, 2, 4])}
    memory, time = grows.get(failure, ([1, 1, 1], [1, 1, 1]))
    assert [batch.memory for batch in launcher.batches] == memory[:tries]
    assert [batch.time for batch in launcher.batches] == time[:tries]
    avoided = ["", "n1", "n1"] if failure in ("node lost", "file system") else ["", "", ""]
    assert [batch.avoid for batch in launcher.batches] == avoided[:tries]
    with pytest.raises(JobFailedError, match="it was ") as caught:
        check([result])
    assert caught.value.do == (policy.advice or "read the log")


def test_only_the_jobs_that_failed_are_tried_again_those_alike_together(tmp_path):
    class Some(Scripted):
        def ended(self, handle):
            batch = self.batches[int(handle)]
            finish(batch)
            bad = {1: "preempted", 3: "out of memory", 4: "preempted"} if handle == "0" else {}
            return {number: End("X", bad.get(number, "ok")) for number in batch.numbers}

    launcher = Some([])
    results = run_spec(spec_of(tmp_path, 4), tmp_path / "jobs", launcher)
    assert [(batch.numbers, batch.attempt, batch.memory) for batch in launcher.batches] == [
        ((1, 2, 3, 4), 0, 1), ((1, 4), 1, 1), ((3,), 1, 2),
    ]  # fmt: skip
    assert [(result.job, result.attempt, result.failure) for result in results] == [
        (1, 1, "ok"), (2, 0, "ok"), (3, 1, "ok"), (4, 1, "ok"),
    ]  # fmt: skip
    assert list(results[0].outputs) == [f"{tmp_path}/out.1.1"]


def test_a_good_end_counts_only_when_the_files_are_here(tmp_path):
    launcher = Scripted(["ok"], late=0.2, patience_seconds=20.0)
    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", launcher)
    assert result.failure == "ok"
    launcher = Scripted(["ok"] * 3)
    launcher.ended = lambda handle: {1: End("COMPLETED", "ok")}
    (result,) = run_spec(spec_of(tmp_path / "b"), tmp_path / "b/jobs", launcher)
    assert result.failure == "file system"
    assert "left no result in" in result.message


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_outputs_must_be_as_the_job_has_recorded_them(damage, tmp_path):
    class Damaged(Scripted):
        def ended(self, handle):
            batch = self.batches[int(handle)]
            finish(batch)
            path = Path(batch.job(1).outputs[0])
            if handle != "2":
                path.unlink() if damage == "gone" else path.write_text("ab" if damage == "cut" else "abd")
            return {1: End("COMPLETED", "ok")}

    launcher = Damaged([])
    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", launcher)
    assert (result.failure, result.attempt, len(launcher.batches)) == ("ok", 2, 3)


def test_a_job_whose_launcher_says_it_failed_has_failed_whatever_it_wrote(tmp_path):
    class Late(Scripted):
        def ended(self, handle):
            finish(self.batches[int(handle)])
            return {1: End("FAILED", "failed", 1, "exit status 1")}

    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", Late([]))
    assert (result.failure, result.attempt) == ("killed", 2)
    assert result.message == "the job had done its work, but then: exit status 1"


def test_a_late_result_of_an_earlier_try_is_not_taken_for_that_of_a_later_one(tmp_path):
    """The node was lost, yet the job on it goes on and ends well while the second try is under way, and fails for its input."""

    class Twice(Scripted):
        def ended(self, handle):
            if handle == "0":
                return {1: End("NODE_FAIL", "node lost")}
            finish(self.batches[0])
            job = self.batches[1].job(1)
            JobResult(1, 1, "bad input", "no such file", 1, {}, 0.1, job.log).write(self.batches[1].result(1))
            return {1: End("FAILED", "failed", 1)}

    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", Twice([]))
    assert (result.failure, result.attempt) == ("bad input", 1)
    assert json.loads((tmp_path / "jobs/result.1.0.json").read_text())["failure"] == "ok"


def test_a_job_whose_next_try_nobody_takes_stays_as_it_failed(tmp_path, capsys):
    class Full(Scripted):
        def submit(self, batch):
            if batch.attempt:
                raise HouseBlendError("no node has 2000 MB")
            return super().submit(batch)

    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", Full(["out of memory"]))
    assert (result.failure, result.attempt) == ("out of memory", 0)
    assert "x: not run again: no node has 2000 MB" in capsys.readouterr().err


def test_what_is_under_way_is_cancelled_when_the_array_is_interrupted(tmp_path):
    class Interrupted(Scripted):
        def ended(self, handle):
            raise KeyboardInterrupt

    launcher = Interrupted([])
    with pytest.raises(KeyboardInterrupt):
        run_spec(spec_of(tmp_path), tmp_path / "jobs", launcher)
    assert launcher.cancelled == ["0"]


def test_results_of_an_earlier_run_are_no_results(tmp_path):
    run_spec(spec_of(tmp_path), tmp_path / "jobs", Scripted(["ok"]))
    launcher = Scripted(["ok"] * 3)
    launcher.ended = lambda handle: {1: End("COMPLETED", "ok")}
    (result,) = run_spec(spec_of(tmp_path), tmp_path / "jobs", launcher)
    assert result.failure == "file system"


def test_after_a_while_only_enough_good_jobs_are_waited_for(tmp_path):
    class Slow(Scripted):
        """The first job fails for good, the second ends well, the third after a while, the fourth never."""

        looks = 0

        def ended(self, handle):
            self.looks += 1
            batch = self.batches[int(handle)]
            finish(batch)
            ends = {1: End("X", "bug"), 2: End("X", "ok")}
            return {**ends, 3: End("X", "ok")} if self.looks > 20 else ends

    launcher = Slow([])
    results = run_spec(spec_of(tmp_path, 4), tmp_path / "jobs", launcher, Patience(2, 0.02))
    assert [result.failure for result in results] == ["bug", "ok", "ok", "late"]
    assert launcher.cancelled == ["0"]
    assert launcher.looks > 20, "one good job is not enough, whatever the time"
    with pytest.raises(JobFailedError, match=r"late .it had not ended after \d+ seconds"):
        check(results[3:])
