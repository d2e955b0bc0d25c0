"""The round machine with workers that fail on purpose: who is dropped, what is refused, what is tried again."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.jobs.local import JobFailedError
from houseblend.jobs.spec import JobResult
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.parallel.exchanges import local
from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.gate import Gate, Outcome
from houseblend.parallel.network_config import NetworkConfig
from houseblend.parallel.rounds import Experiment, RoundRefusedError, run_rounds
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategies.average import Average
from houseblend.train.update.rule import UpdateRule
from houseblend.train.worker import WorkerTask

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny import write_tiny_frames

from houseblend.io.objects import open_output


class FaultyExchange(LocalExchange):
    """Trains for real, then spoils what `faults[round, attempt, worker]` says."""

    def __init__(self, faults):
        super().__init__()
        self.faults = faults
        self.rates = {}

    def finish(self, handle):
        outcomes = []
        for outcome, task in zip(super().finish(handle), handle, strict=True):
            self.rates[task.round, task.attempt] = task.learning_rate
            fault = self.faults.get((task.round, task.attempt, task.worker)) or self.faults.get(
                (task.round, None, task.worker)
            )
            if fault == "missing":
                outcome = Outcome(task.worker, None, None, "killed: ended by SIGKILL")
            elif fault == "nan":
                outcome = Outcome(task.worker, {**outcome.report, "heldout_objective": float("nan")}, outcome.model)
            elif fault == "exploded":
                outcome = Outcome(task.worker, {**outcome.report, "heldout_objective": -50.0}, outcome.model)
            outcomes.append(outcome)
        return outcomes


@pytest.fixture
def experiment(tmp_path):
    frames = write_tiny_frames(tmp_path / "frames")
    out = tmp_path / "exp"
    out.mkdir()
    with open_output(out / "transform.mat") as target:
        target.write_matrix(np.eye(24, 25, dtype=np.float32))
    config = NetworkConfig(8, 8, 16, "relu-layer", 1, out / "transform.mat")

    def network_of(previous, num_layers):
        return config.initial(num_layers, 1) if previous is None else previous

    return Experiment(out, frames, UpdateRule(), 1, 9, "cpu", 1, Gate(1.0), network_of)


def schedule():
    return Average(Schedule(4800, 1.5, 3, 3, 0.003, 0.001, 800, 64, num_layers=1))


def lines(experiment):
    return [json.loads(line) for line in (experiment.folder / "ledger.jsonl").read_text().splitlines()]


def test_faulty_workers_are_dropped_and_the_mean_is_of_the_others(experiment):
    exchange = FaultyExchange({(1, 0, 2): "nan", (2, 0, 1): "missing", (2, 0, 3): "exploded"})
    assert len(run_rounds(experiment, schedule(), exchange)) == 3
    ledger = lines(experiment)
    assert list(ledger[1]["dropped"]) == ["2"]
    assert ledger[1]["weights"] == {"1": 1.0, "3": 1.0}
    assert set(ledger[2]["dropped"]) == {"1", "3"}
    assert "SIGKILL" in ledger[2]["dropped"]["1"]
    assert ledger[2]["weights"] == {"2": 1.0}
    assert ledger[2]["frames_discarded"] > 0


def test_a_round_with_none_sane_is_tried_again_at_half_the_rate(experiment):
    exchange = FaultyExchange({(1, 0, worker): "nan" for worker in (1, 2, 3)})
    assert len(run_rounds(experiment, schedule(), exchange)) == 3
    ledger = lines(experiment)
    assert [(line["kind"], line["round"], line["attempt"]) for line in ledger] == [
        ("round", 0, 0), ("refused", 1, 0), ("round", 1, 1), ("round", 2, 0),
    ]  # fmt: skip
    assert exchange.rates[1, 1] == pytest.approx(0.5 * exchange.rates[1, 0])


def test_a_round_that_never_succeeds_ends_the_training_and_is_no_model(experiment):
    exchange = FaultyExchange({(1, None, worker): "exploded" for worker in (1, 2, 3)})
    with pytest.raises(RoundRefusedError, match="refused 3 times"):
        run_rounds(experiment, schedule(), exchange)
    assert [line["kind"] for line in lines(experiment)] == ["round", "refused", "refused", "refused"]
    assert not experiment.model(2).exists()
    before = read_network(experiment.model(1)).parameters.hash()
    assert before == lines(experiment)[0]["model_hash"]


def test_a_finished_training_is_not_run_again_and_a_changed_model_is_noticed(experiment):
    run_rounds(experiment, schedule(), LocalExchange())
    count = len(lines(experiment))
    assert len(run_rounds(experiment, schedule(), LocalExchange())) == 3
    assert len(lines(experiment)) == count
    network = read_network(experiment.model(3))
    network.set_parameters(network.parameters.flat + torch.tensor(0.1))
    write_network(experiment.model(3), network)
    with pytest.raises(Exception, match="not the one of the ledger"):
        run_rounds(experiment, schedule(), LocalExchange())


@pytest.mark.parametrize(
    ("failures", "raises"),
    [
        (["ok", "file system"], True),
        (["ok", "bad input"], True),
        (["no output", "killed"], True),
        (["killed", "not finite"], False),
        (["ok", "killed"], False),
    ],
)
def test_only_what_speaks_of_a_worker_lets_a_round_go_on_without_it(failures, raises, tmp_path, monkeypatch):
    tasks = [
        WorkerTask("in.raw", "frames:x", f"{tmp_path}/{worker}.raw", report=f"{tmp_path}/{worker}.json", worker=worker)
        for worker in (1, 2)
    ]
    results = []
    for worker, failure in enumerate(failures, start=1):
        (tmp_path / f"{worker}.json.0").write_text('{"frames": 1}')
        results.append(JobResult(worker, 0, failure, "because", 0, {}, 1.0, f"{tmp_path}/log"))
    monkeypatch.setattr("houseblend.parallel.exchanges.files.run_spec", lambda *words: results)
    exchange = FilesExchange()
    handle = exchange.begin(tasks, tmp_path)
    if raises:
        with pytest.raises(JobFailedError, match="because"):
            exchange.finish(handle)
    else:
        outcomes = exchange.finish(handle)
        assert [outcome.report is not None for outcome in outcomes] == [failure == "ok" for failure in failures]


def test_workers_whose_process_was_killed_are_trained_again(experiment, tmp_path, monkeypatch):
    train, ticket = local._train, tmp_path / "ticket"

    def killed_once(task):
        if task.worker == 2 and not ticket.exists():
            ticket.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return train(task)

    monkeypatch.setattr(local, "_train", killed_once)
    assert len(run_rounds(experiment, schedule(), LocalExchange(slots=2))) == 3
    assert ticket.exists()


def test_workers_say_who_they_are(experiment, capfd):
    run_rounds(experiment, schedule(), LocalExchange(slots=2))
    lines = [line for line in capfd.readouterr().err.splitlines() if "overall average objective" in line]
    assert lines
    assert {line.partition(", ")[2].partition(")")[0] for line in lines} == {"worker 1", "worker 2", "worker 3"}
