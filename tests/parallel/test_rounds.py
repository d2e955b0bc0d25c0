"""The round machine with workers that fail on purpose: who is dropped, what is refused, what is tried again."""

import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError, UsageError
from houseblend.base.fingerprint import hash_file
from houseblend.io.objects import open_output
from houseblend.jobs.array import JobFailedError
from houseblend.jobs.spec import JobResult
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.parameters import count_of
from houseblend.parallel import blending
from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.gate import Gate
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.models import network
from houseblend.parallel.models.network import NetworkModel
from houseblend.parallel.network_config import NetworkConfig
from houseblend.parallel.round_worker import RoundWorker
from houseblend.parallel.rounds import Experiment, RoundRefusedError, _task, combined_models, run_rounds
from houseblend.parallel.schedules import SCHEDULES
from houseblend.parallel.schedules.exponential import Exponential
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategies.bmuf import Bmuf
from houseblend.parallel.strategies.easgd import Easgd
from houseblend.parallel.strategies.parle import Parle
from houseblend.parallel.strategies.tail import Tail
from houseblend.parallel.task import MemoryPolicy, RoundTask
from houseblend.train.examples import read_minibatches
from houseblend.train.trainer import Trainer
from houseblend.train.update.rule import UpdateRule

sys.path.insert(0, str(Path(__file__).resolve().parent))
from some_records import some_plan
from tiny import write_tiny_frames


class FaultyWorker(RoundWorker):
    """Trains for real, then reports what `faults[round, attempt, worker]` says."""

    faults: ClassVar[dict] = {}
    rates: ClassVar[dict] = {}

    def finish(self):
        left, plan = super().finish(), self.task.plan
        self.rates[plan.round, self.task.attempt] = plan.learning_rate
        fault = self.faults.get(
            (plan.round, self.task.attempt, self.number), self.faults.get((plan.round, None, self.number), {})
        )
        return replace(left, report=replace(left.report, **fault))


EXPLODED, FAILED, NAN = (
    {"heldout_objective": -50.0},
    {"failure": "killed: ended by SIGKILL"},
    {"heldout_objective": math.nan},
)


@pytest.fixture
def experiment(tmp_path):
    return small(tmp_path, Average())


def small(folder, strategy, layer="relu-layer"):
    """A small experiment of three workers and rounds."""
    frames = write_tiny_frames(folder / "frames")
    out = folder / "exp"
    out.mkdir()
    with open_output(out / "transform.mat") as target:
        target.write_matrix(np.eye(24, 25, dtype=np.float32))
    config = NetworkConfig(8, 8, 16, layer, 1, out / "transform.mat")

    def model_of(previous, num_layers):
        return NetworkModel(config.initial(num_layers, 1)) if previous is None else previous

    return Experiment(out, frames, UpdateRule(), strategy, MemoryPolicy(), Gate(1.0), 1, 9, "cpu", 1, model_of)


SCHEDULE = Exponential(4800, 1.5, 3, 3, 0.003, 800, 64, hidden_layers=1, final_effective_lrate=0.001)


def run(experiment, monkeypatch=None, faults=None, exchange=None):
    """All rounds, with faults."""
    if faults is not None:
        monkeypatch.setattr(blending, "RoundWorker", FaultyWorker)
        monkeypatch.setattr(FaultyWorker, "faults", faults)
    return run_rounds(
        experiment, SCHEDULE, exchange or LocalExchange(1), lambda record: None, lambda worker, frames: None
    )


def entries(experiment):
    return Ledger(experiment.folder / "ledger.jsonl").entries


def test_faulty_workers_are_dropped_and_the_mean_is_of_the_others(experiment, monkeypatch):
    assert len(run(experiment, monkeypatch, {(1, 0, 2): NAN, (2, 0, 1): FAILED, (2, 0, 3): EXPLODED})) == 3
    ledger = entries(experiment)
    assert list(ledger[1].dropped) == [2]
    assert ledger[1].weights == {1: 1.0, 3: 1.0}
    assert set(ledger[2].dropped) == {1, 3}
    assert "SIGKILL" in ledger[2].dropped[1]
    assert ledger[2].weights == {2: 1.0}
    assert ledger[2].frames_discarded > 0


def test_a_round_with_none_sane_is_tried_again_at_half_the_rate(experiment, monkeypatch):
    assert len(run(experiment, monkeypatch, {(1, 0, worker): NAN for worker in (1, 2, 3)})) == 3
    assert [(one.kind, one.round, one.attempt) for one in entries(experiment)] == [
        ("round", 0, 0), ("refused", 1, 0), ("round", 1, 1), ("round", 2, 0),
    ]  # fmt: skip
    assert FaultyWorker.rates[1, 1] == pytest.approx(0.5 * FaultyWorker.rates[1, 0])


def test_a_round_that_never_succeeds_ends_the_training_and_is_no_model(experiment, monkeypatch):
    with pytest.raises(RoundRefusedError, match="refused 3 times"):
        run(experiment, monkeypatch, {(1, None, worker): EXPLODED for worker in (1, 2, 3)})
    assert [one.kind for one in entries(experiment)] == ["round", "refused", "refused", "refused"]
    assert not experiment.model(2).exists()
    assert read_network(experiment.model(1)).parameters.hash() == entries(experiment)[0].model_hash


def test_a_finished_training_is_not_run_again_and_a_changed_file_is_noticed(tmp_path):
    experiment = small(tmp_path, Bmuf())
    run(experiment)
    count = len(entries(experiment))
    assert len(run(experiment)) == 3
    assert len(entries(experiment)) == count
    state = experiment.state(3, "state.npz")
    assert entries(experiment)[-1].state == {"state.npz": hash_file(state)}
    state.write_bytes(state.read_bytes() + b"x")
    with pytest.raises(InputError, match="the state is not the one"):
        run(experiment)
    last = read_network(experiment.model(3))
    last.set_parameters(last.parameters.flat + torch.tensor(0.1))
    write_network(experiment.model(3), last)
    with pytest.raises(InputError, match="the model is not the one"):
        run(experiment)


def test_a_give_that_is_not_finite_is_left_out_and_its_worker_goes_on_from_the_mean(tmp_path, monkeypatch):
    experiment = small(tmp_path, Average(average_period=2))
    begins = [begin for begin, _ in SCHEDULE.next([]).intervals]
    poisoned = begins[1]

    class Poisoned(Trainer):
        def step(self, batch, pull=None):
            value = super().step(batch, pull)
            if batch.position == poisoned:
                self.params[3] = math.nan
            return value

    monkeypatch.setattr(network, "Trainer", Poisoned)
    records = run(experiment)
    assert [(one.blend, one.worker) for one in records[0].left_out] == [(1, 2)]
    assert "not finite: minibatch 1: the objective is nan" in records[0].left_out[0].reason
    assert records[0].dropped == {}
    assert records[0].blends == records[0].plan.inner_blends(2) + 1
    assert all(not record.left_out for record in records[1:])


def test_too_many_gives_that_are_not_finite_refuse_the_round_and_none_that_is_refuses_it_at_once(tmp_path, monkeypatch):
    experiment = small(tmp_path, Average(average_period=2))
    last = {"worker": 3}

    class Poisoned(Trainer):
        def step(self, batch, pull=None):
            value = super().step(batch, pull)
            begins = [begin for begin, _ in SCHEDULE.next([]).intervals]
            if batch.position >= begins[last["worker"] - 1] and batch.position < SCHEDULE.next([]).intervals[-1][1]:
                self.params[3] = math.nan
            return value

    monkeypatch.setattr(network, "Trainer", Poisoned)
    with pytest.raises(RoundRefusedError):
        run(experiment)
    assert "gives inside the round were not finite" in entries(experiment)[0].reason[0]
    last["worker"] = 1
    shutil.rmtree(tmp_path / "exp/rounds")
    (tmp_path / "exp/ledger.jsonl").unlink()
    with pytest.raises(RoundRefusedError):
        run(experiment)
    assert "no worker gave finite numbers" in entries(experiment)[0].reason[0]


def test_a_model_that_grows_is_held_to_the_loss_that_it_grew_to(tmp_path, monkeypatch):
    experiment = small(tmp_path, Average())
    config = NetworkConfig(8, 8, 16, "relu-layer", 1, experiment.folder / "transform.mat")

    def model_of(previous, num_layers):
        if previous is None:
            return NetworkModel(config.initial(num_layers, 1))
        has = sum(one.name.endswith(".affine") for one in previous.network.components) - 1
        return previous if has == num_layers else NetworkModel(config.grown(previous.network, num_layers, 1))

    monkeypatch.setattr(blending, "RoundWorker", FaultyWorker)
    monkeypatch.setattr(FaultyWorker, "faults", {(2, None, worker): EXPLODED for worker in (1, 2, 3)})
    growing = replace(SCHEDULE, hidden_layers=2, add_layers_period=2)
    with pytest.raises(RoundRefusedError):
        run_rounds(replace(experiment, model_of=model_of), growing, LocalExchange(1), lambda r: None, lambda w, f: None)
    assert "above the previous model's" in entries(experiment)[-1].reason[1]


@pytest.mark.parametrize(
    ("strategy", "anew"),
    [(Parle(5), True), (Easgd(5), True), (Tail(5, tail_start=0.0), True), (Average(5), False), (Bmuf(5), False)],
)
def test_batch_norm_of_a_model_that_no_worker_goes_on_from_is_taken_anew_from_data(strategy, anew, tmp_path):
    """Mean and variance in float64 of the layer's input over the subset `combine`, with the parameters of the model."""
    experiment = small(tmp_path, strategy, "relu-batchnorm-layer")
    run(experiment)
    found = read_network(experiment.model(3)).parameters
    x = torch.cat([batch.x_NWD for batch in read_minibatches(f"frames:{experiment.frames}:combine", (1, 1), 64)])
    y = torch.relu(x.flatten(1).double() @ found["hidden1.affine.linear"].double().t() + found["hidden1.affine.bias"])
    variance, mean = torch.var_mean(y, dim=0, correction=0)
    name = "hidden1.batchnorm"
    assert (count_of(found[f"{name}.count"]) == len(x)) == anew
    assert torch.allclose(found[f"{name}.mean"].double(), mean, atol=1e-5) == anew
    assert torch.allclose(found[f"{name}.variance"].double(), variance, atol=1e-5) == anew


@dataclass(frozen=True)
class Returning(Exponential):
    """Three rounds, the third from the model after the first."""

    def stands(self, past):
        return (1,) if len(past) == 2 else (len(past), min(len(past), 1))


def test_a_round_may_begin_with_an_earlier_model_and_its_state(tmp_path):
    experiment = replace(small(tmp_path, Bmuf(block_momentum=0.5)), keep=1)
    schedule = Returning(**{one.name: getattr(SCHEDULE, one.name) for one in fields(SCHEDULE)})

    def train(schedule, rounds):
        run_rounds(experiment, schedule, LocalExchange(1), lambda r: rounds.append(r), lambda w, f: None)
        return rounds

    first, second, third = train(schedule, [])
    assert (second.plan.model, third.plan.model) == (1, 1)
    assert third.previous_loss == second.previous_loss == -first.measured.heldout_objective
    assert experiment.state(3, "state.npz").exists()
    assert combined_models(experiment, [first, second, third], 3) == [experiment.model(3)]
    (tmp_path / "alone").mkdir()
    alone = replace(experiment, folder=tmp_path / "alone")
    for name in ("1.raw", "1.state.npz", "transform.mat"):
        shutil.copyfile(tmp_path / "exp" / name, tmp_path / "alone" / name)
    task = _task(alone, [first], replace(third.plan, start=1))
    folder = tmp_path / "alone/rounds"
    folder.mkdir()
    again = LocalExchange(1).run(replace(task, folder=str(folder)), lambda w, f: None)
    assert again.model_hash == third.model_hash


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("strategy", [Average(average_period=5), Bmuf(block_momentum=0.5)])
def test_every_schedule_goes_with_a_strategy_and_is_replayed_from_the_ledger(name, strategy, tmp_path):
    schedule = SCHEDULES[name](3200, 4, 2, 2, 0.004, 800, 64, hidden_layers=1)
    experiment = small(tmp_path, strategy)
    run_rounds(experiment, schedule, LocalExchange(1), lambda record: None, lambda worker, frames: None)
    done = entries(experiment)
    assert [schedule.next(done[:number]) for number in range(len(done))] == [record.plan for record in done]
    assert schedule.next(done) is None
    assert done[-1].measured.heldout_objective > -done[0].previous_loss


@pytest.mark.parametrize(
    ("failures", "raises"),
    [
        (["ok", "file system"], True),
        (["ok", "disk full"], True),
        (["ok", "cancelled"], True),
        (["ok", "bad input"], True),
        (["no output", "killed"], True),
        (["killed", "not finite"], False),
        (["ok", "killed"], False),
    ],
)
def test_only_what_speaks_of_a_worker_lets_a_round_go_on_without_it(failures, raises, tmp_path, monkeypatch):
    plan = some_plan(workers=2)
    task = RoundTask(str(tmp_path), "in.raw", "frames", plan, UpdateRule(), Average())
    results = [
        JobResult(worker, 0, failure, "because", 0, {}, 1.0, f"{tmp_path}/log")
        for worker, failure in enumerate(failures, start=1)
    ]
    monkeypatch.setattr("houseblend.parallel.exchanges.files.run_spec", lambda *words: results)
    if raises:
        with pytest.raises(JobFailedError, match="because"):
            FilesExchange()._run_jobs(task)
    else:
        assert [result.failure for result, _ in FilesExchange()._run_jobs(task)] == failures


def test_a_task_comes_back_from_its_file(tmp_path):
    rule, strategy = UpdateRule(momentum=0.5, update="sgd"), Bmuf(0, block_momentum=0.3, block_nesterov=True)
    task = RoundTask(
        "folder", "1.raw", "frames", some_plan(1), rule, strategy, MemoryPolicy("average", "keep"), Gate(0.5), "1.state.npz",
        {2: "1.state.2.npz"}, 1.5, 7, 1, "cpu", 2,
    )  # fmt: skip
    task.write(tmp_path / "task.json")
    assert RoundTask.read(tmp_path / "task.json") == task
    (tmp_path / "task.json").write_text('{"strategy": {"name": "none"}, "rule": {}}')
    with pytest.raises(InputError, match="no task of a round"):
        RoundTask.read(tmp_path / "task.json")


@pytest.mark.parametrize("strategy", [Average(average_period=2), Average(groups=2, group_period=2)])
def test_files_refuse_blends_inside_a_round(strategy, tmp_path):
    experiment = small(tmp_path, strategy)
    with pytest.raises(UsageError, match="a blend every 2 minibatches"):
        run(experiment, exchange=FilesExchange())


def test_workers_whose_process_was_killed_are_trained_again(experiment, tmp_path, monkeypatch):
    ticket = tmp_path / "ticket"

    class Killed(RoundWorker):
        def finish(self):
            if self.number == 2 and not ticket.exists():
                ticket.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().finish()

    monkeypatch.setattr(blending, "RoundWorker", Killed)
    assert len(run(experiment, exchange=LocalExchange(2))) == 3
    assert ticket.exists()


def test_shared_rows_have_no_file(tmp_path):
    code = "import resource\nfrom houseblend.parallel.group import Rows\nresource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
    code += "rows = Rows(3, 1000)\nassert rows.given.shape == (3, 1000) and float(rows.frames.sum()) == 0"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("failure", [InputError("a wrong file"), ZeroDivisionError("oh")])
def test_what_a_process_raises_is_raised_here(experiment, monkeypatch, failure):
    class Failing(RoundWorker):
        def finish(self):
            if self.number == 3:
                raise failure
            return super().finish()

    monkeypatch.setattr(blending, "RoundWorker", Failing)
    with pytest.raises(type(failure), match=str(failure)):
        run(experiment, exchange=LocalExchange(2))
