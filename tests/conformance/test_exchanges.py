"""Every strategy over every exchange gives the same bits, whatever the slots; strategies are pure."""

import copy
import json
import sys
from pathlib import Path

import pytest
import torch

from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategies import STRATEGIES
from houseblend.parallel.strategy import Report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from tiny import OPTIONS, write_tiny_frames

WAYS = [(exchange, slots) for exchange in ("files", "local") for slots in (1, 2)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_all_exchanges_give_the_same_bits(strategy, dtype, run_step, tmp_path):
    frames = write_tiny_frames(tmp_path / "frames", seed=7)
    models = []
    for exchange, slots in WAYS:
        out = tmp_path / f"{exchange}{slots}"
        options = [f"--strategy={strategy}", f"--compute-dtype={dtype}", f"--exchange={exchange}", f"--jobs={slots}"]
        run_step("train_dnn", *OPTIONS, *options, frames, out, check=True)
        hashes = [json.loads(line)["model_hash"] for line in (out / "ledger.jsonl").read_text().splitlines()]
        models.append((hashes, (out / "final.mdl").read_bytes()))
    assert all(model == models[0] for model in models)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_strategies_are_pure(strategy):
    schedule = Schedule(10_000, num_epochs=3, initial_workers=2, final_workers=4, frames_per_round=3000)
    subject = STRATEGIES[strategy](schedule)
    params = torch.randn(50)
    state = subject.init(params.clone())
    rounds = 0
    while (plan := subject.plan(copy.deepcopy(state))) is not None:
        assert subject.plan(state) == plan
        json.dumps(state)
        reports = [Report(worker, 100.0, -1.0, -1.0 - 0.1 * worker) for worker in range(1, len(plan.intervals) + 1)]
        weights = subject.weigh(state, reports)
        assert weights == subject.weigh(state, reports)
        assert all(weight >= 0 for weight in weights)
        assert sum(weights) > 0
        mean, before = params.clone(), copy.deepcopy(state)
        after, start = subject.update(state, mean, [params] * len(weights))
        assert state == before
        assert torch.equal(start, params), "the mean of equal models is where they were"
        state = after
        rounds += 1
    assert rounds == schedule.num_rounds
