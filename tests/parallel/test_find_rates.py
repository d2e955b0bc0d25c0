"""find_asgd_rates: the search on a known curve, and a whole run on a tiny store."""

import math
import re

import pytest
from tiny import write_tiny_frames

from houseblend.base.errors import HouseBlendError
from houseblend.parallel.find_rates import climb, find_rates


@pytest.mark.parametrize("best", [0.001, 0.004, 0.25, 0.00003])
def test_the_best_power_of_two_is_found(best):
    found = climb(lambda rate: -abs(math.log2(rate / best)), 0.001)
    assert abs(math.log2(found / best)) <= 0.5


def test_from_rates_that_give_no_model_it_goes_down():
    assert climb(lambda rate: -math.inf if rate > 0.002 else rate, 0.008) == 0.002
    with pytest.raises(HouseBlendError, match="no rate gave a model"):
        climb(lambda rate: -math.inf, 1.0)


def test_rates_conf_and_a_second_run_that_trains_nothing(tmp_path):
    frames = write_tiny_frames(tmp_path / "frames", utterances=30)
    values = {
        "initial_effective_lrate": 0.0015, "initial_workers": 2, "final_workers": 2, "minibatch_size": 64, "hidden_layers": 1,
        "hidden_dim": 8, "context": 1, "strategy": "averaged-asgd", "exchange": "virtual", "trial_frames": 1000,
    }  # fmt: skip
    out = tmp_path / "rates"
    find_rates(frames, out, values)
    conf = (out / "rates.conf").read_text()
    assert re.fullmatch(r"--schedule=xu\n--initial-effective-lrate=[\d.e-]+\n--rate-decay=[\d.e-]+\n", conf)
    ledgers = {path: path.stat().st_mtime_ns for path in out.glob("trials/*/ledger.jsonl")}
    assert len(ledgers) >= 6
    (out / "rates.conf").unlink()
    find_rates(frames, out, values)
    assert (out / "rates.conf").read_text() == conf
    assert ledgers == {path: path.stat().st_mtime_ns for path in out.glob("trials/*/ledger.jsonl")}
