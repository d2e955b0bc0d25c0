"""The gate's conditions; the ledger's torn and broken lines."""

import json
import math

import pytest

from houseblend.base.errors import InputError
from houseblend.parallel.gate import Gate, Outcome
from houseblend.parallel.ledger import Ledger


def outcome(worker: int, heldout: float | None) -> Outcome:
    """A worker with this held-out objective, or none."""
    if heldout is None:
        return Outcome(worker, None, None, "killed: ended by SIGKILL")
    return Outcome(worker, {"heldout_objective": heldout, "frames": 1.0}, "model")


def admitted(values, previous=2.0):
    """Workers that pass, and the reasons of the others."""
    passed, dropped = Gate(1.0).admit([outcome(n, v) for n, v in enumerate(values, start=1)], previous)
    return [one.worker for one in passed], dropped


def test_sane_workers_pass():
    assert admitted([-2.0, -2.01, -1.99, -2.02]) == ([1, 2, 3, 4], {})


@pytest.mark.parametrize("bad", [math.nan, -math.inf, None])
def test_not_finite_and_missing_workers_are_dropped_with_a_reason(bad):
    passed, dropped = admitted([-2.0, bad, -2.0])
    assert passed == [1, 3]
    assert dropped[2]


def test_a_loss_far_above_the_previous_model_is_dropped():
    assert admitted([-2.9, -3.1])[0] == [1]
    assert "above the previous" in admitted([-2.9, -3.1])[1][2]
    assert admitted([-9.0, -9.0], previous=None)[0] == [1, 2]


@pytest.mark.parametrize("outlier", [-2.8, -1.2])
def test_outliers_are_dropped_on_both_sides_with_three_or_more(outlier):
    values = [-2.0, -2.01, -2.02, outlier]
    assert admitted(values)[0] == [1, 2, 3]
    assert admitted([-2.0, outlier])[0] == [1, 2]


def test_equal_losses_are_not_outliers_of_one_another():
    assert admitted([-2.0, -2.0, -2.0, -2.001])[0] == [1, 2, 3, 4]


ROUND = {
    "kind": "round", "round": 0, "attempt": 0, "plan": {}, "state": {}, "model_hash": "x", "heldout_objective": -1.5,
    "dropped": {}, "loss": float("nan"),
}  # fmt: skip
REFUSED = {"kind": "refused", "round": 1, "attempt": 0, "reason": {}}


def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.append(ROUND)
    ledger.append(REFUSED)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        again = Ledger(path)
        assert len(again.lines) == whole[:cut].count(b"\n")
        assert path.read_bytes() == whole[: whole[:cut].rfind(b"\n") + 1]
    path.write_bytes(whole)
    assert Ledger(path).refused(1) == 1
    assert Ledger(path).rounds()[0]["loss"] is None


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "no json",
        "",
        json.dumps({"format": 99, **ROUND, "round": 1, "loss": None}),
        json.dumps({"format": 1, **ROUND, "loss": None}),
        json.dumps({"format": 1, **REFUSED, "round": 2}),
        json.dumps({"format": 1, **REFUSED, "reason": "none"}),
    ],
)
def test_a_broken_line_is_refused_with_its_number(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(ROUND)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match="ledger.jsonl:2"):
        Ledger(path)
