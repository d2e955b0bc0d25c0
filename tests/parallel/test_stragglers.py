"""Rounds that go on without workers that are late: what the ledger tells, when their data is learnt, and with which bits."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from houseblend.base.errors import UsageError
from houseblend.base.fingerprint import hash_file
from houseblend.jobs.launcher import Batch, End, Handle
from houseblend.jobs.spec import JobResult
from houseblend.parallel.exchanges.files import FilesExchange, train_worker
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.gate import Gate
from houseblend.parallel.options import DnnOptions, enter_exchange
from houseblend.parallel.rounds import run_rounds
from houseblend.parallel.strategies.average import Average
from houseblend.report.late import count_late, list_late, rounds_in

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_rounds import SCHEDULE, small


class Here:
    """Trains in this process. Workers that are late write all that they would have written when they are cancelled.

    Args:
        late: round and worker of each.
    """

    name, poll_seconds, patience_seconds = "here", 0.001, 0.0

    def __init__(self, late=()) -> None:
        self._late, self._batches = set(late), []

    def submit(self, batch: Batch) -> Handle:
        self._batches.append(batch)
        for number in self._on_time(batch):
            train(batch, number)
        return str(len(self._batches) - 1)

    def ended(self, handle: Handle) -> dict[int, End]:
        return {number: End("COMPLETED", "ok") for number in self._on_time(self._batches[int(handle)])}

    def cancel(self, handle: Handle) -> None:
        batch = self._batches[int(handle)]
        for number in set(batch.numbers) - set(self._on_time(batch)):
            train(batch, number)

    def _on_time(self, batch: Batch) -> list[int]:
        number = int(batch.path.parents[1].name.partition(".")[0])
        return [worker for worker in batch.numbers if (number, worker) not in self._late]


def train(batch: Batch, number: int) -> None:
    """A worker's job with its result."""
    job = batch.job(number)
    path, worker, *outputs = job.argv[-5:]
    train_worker(Path(path), int(worker), *map(Path, outputs))
    sums = {out: [Path(out).stat().st_size, hash_file(out)] for out in outputs}
    JobResult(number, batch.attempt, "ok", "", 0, sums, 0.1, job.log).write(batch.result(number))


@pytest.fixture
def experiment_in(tmp_path):
    """Makes an experiment that goes on with two workers after 6 milliseconds."""

    def make(name):
        (tmp_path / name).mkdir()
        return replace(small(tmp_path / name, Average()), gate=Gate(min_workers=2, round_minutes=0.0001))

    return make


def run(experiment, exchange, told=lambda record: None):
    return run_rounds(experiment, SCHEDULE, exchange, told, lambda worker, frames: None)


def hashes(records):
    return [record.model_hash for record in records]


def test_when_nobody_is_late_the_bits_are_those_of_the_local_run(experiment_in):
    found = run(experiment_in("jobs"), FilesExchange(Here()))
    assert hashes(found) == hashes(run(experiment_in("local"), LocalExchange(1)))
    assert [record.unseen for record in found] == [[], [], []]
    assert count_late(found) == ""


def test_a_round_goes_on_without_a_late_worker_and_the_next_one_has_its_data(experiment_in):
    experiment = experiment_in("late")
    records = run(experiment, FilesExchange(Here({(1, 2)})))
    on_time = run(experiment_in("all"), FilesExchange(Here()))
    assert hashes(records)[0] == hashes(on_time)[0]
    assert not set(hashes(records)[1:]) & set(hashes(on_time))
    one, two = records[1:]
    assert one.weights == {1: 1.0, 3: 1.0}
    assert one.dropped[2].startswith("late: it had not ended after ")
    assert one.workers[2].is_late
    assert one.unseen == [one.plan.intervals[1]]
    assert two.plan.intervals == [*on_time[2].plan.intervals, *one.unseen]
    assert two.plan.learning_rate == pytest.approx(on_time[2].plan.learning_rate * 4 / 3)
    assert two.plan.position == on_time[2].plan.position == SCHEDULE.total_frames
    seen = [part for record in records for part in record.plan.intervals if part not in record.unseen]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(sorted(seen)))
    assert sum(end - begin for begin, end in seen) == SCHEDULE.total_frames
    begin, end = one.unseen[0]
    (told,) = list_late(rounds_in(experiment.folder), is_over=True)
    assert told.startswith("round 1: worker 2 was late: it had not ended after ")
    assert told.endswith(f" seconds: {end - begin} frames from {begin} on are planned again in round 2")
    assert count_late(records) == f"; late workers: 1, {end - begin} frames not seen in their round"


def test_killed_after_such_a_round_the_same_ledger_leads_to_the_same_bits(experiment_in):
    def stop(record):
        if record.round == 1:
            raise KeyboardInterrupt

    whole, killed = experiment_in("whole"), experiment_in("killed")
    expected = run(whole, FilesExchange(Here({(1, 2)})))
    with pytest.raises(KeyboardInterrupt):
        run(killed, FilesExchange(Here({(1, 2)})), stop)
    assert hashes(run(killed, LocalExchange(1))) == hashes(expected)


def test_who_is_late_again_is_planned_again_and_in_the_last_round_not_seen(experiment_in):
    records = run(experiment_in("late"), FilesExchange(Here({(0, 3), (1, 4), (2, 4)})))
    (missed,) = records[0].unseen
    assert [record.plan.intervals[-1] for record in records[1:]] == [missed, missed]
    assert records[-1].frames_unseen == missed[1] - missed[0]
    assert "not seen: it was the last round" in list_late(records, is_over=True)[-1]
    assert "planned again in round 3" in list_late(records, is_over=False)[-1]


def test_options_that_do_not_go_together_are_refused():
    for wrong in ({"min_workers": 2}, {"round_minutes": 5.0}, {"min_workers": -1, "round_minutes": 1.0}):
        with pytest.raises(UsageError, match="--min-workers=.*--round-minutes"):
            DnnOptions.of(wrong)
    values = {"min_workers": 2, "round_minutes": 1.0, "exchange": "local"}
    with pytest.raises(UsageError, match="--min-workers with --exchange=local"):
        enter_exchange(values, DnnOptions.of(values).strategy, 4)
    enter_exchange({**values, "exchange": "files"}, DnnOptions.of(values).strategy, 4)
