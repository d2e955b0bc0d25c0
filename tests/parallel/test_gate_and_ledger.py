"""The gate's conditions; the ledger's torn and broken lines."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.parallel.gate import Gate
from houseblend.parallel.ledger import FORMAT, Ledger
from houseblend.parallel.records import LeftOut, WorkerReport, to_json

sys.path.insert(0, str(Path(__file__).resolve().parent))
from some_records import some_refusal, some_round


def report(worker: int, heldout: float | None) -> WorkerReport:
    """A worker with this held-out objective, or one that failed."""
    return WorkerReport(
        worker, 1.0, heldout_objective=heldout, failure="" if heldout is not None else "killed by SIGKILL"
    )


def admitted(values, previous=2.0):
    """Workers that pass, and the reasons of the others."""
    passed, dropped = Gate(1.0).admit([report(n, v) for n, v in enumerate(values, start=1)], previous)
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


def test_a_round_is_refused_when_too_many_gives_were_left_out():
    gate = Gate(max_left_out=0.1)
    assert gate.refuses_round(0, 0) == ""
    assert gate.refuses_round(4, 40) == ""
    assert gate.refuses_round(5, 40) == "5 of 40 gives inside the round were not finite"


def test_records_come_back_as_they_were(tmp_path):
    path = tmp_path / "ledger.jsonl"
    left_out = [LeftOut(3, 2, "not finite: the objective is nan")]
    entries = [
        some_round(0, 3, left_out=left_out, dropped={2: "loss"}, weights={1: 1.0, 3: 1.0}),
        some_refusal(1),
        some_round(1),
    ]
    ledger = Ledger(path)
    for entry in entries:
        ledger.append(entry)
    assert Ledger(path).entries == entries
    assert entries[0].frames_discarded == 100.0
    assert Ledger(path).refused(1) == 1


def test_what_is_not_finite_becomes_null_and_a_missing_objective(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(replace(some_refusal(0), workers={1: report(1, math.nan)}))
    (entry,) = Ledger(path).entries
    assert entry.workers[1].heldout_objective is None


def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.append(some_round(0))
    ledger.append(some_refusal(1))
    whole = path.read_bytes()
    for cut in range(1, len(whole), 7):
        path.write_bytes(whole[:cut])
        again = Ledger(path)
        assert len(again.entries) == whole[:cut].count(b"\n")
        assert path.read_bytes() == whole[: whole[:cut].rfind(b"\n") + 1]


def line(entry, **changed):
    """A line of a ledger with other fields than it should have."""
    return json.dumps({"format": FORMAT, **to_json(entry), **changed})


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "no json",
        "",
        line(some_round(1), format=1),
        line(some_round(0)),
        line(some_refusal(2)),
        line(some_refusal(1), reason="none"),
        line(some_round(1), kind="other"),
        line(some_round(1), measured={"heldout_objective": "high"}),
        line(some_round(1), plan={"round": 1}),
        line(some_round(1), weights={"one": 1.0}),
        line(some_round(1), seconds=10**400),
    ],
)
def test_a_broken_line_is_refused_with_its_number(tmp_path, text):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(some_round(0))
    path.write_text(path.read_text() + text + "\n")
    with pytest.raises(InputError, match="ledger.jsonl:2"):
        Ledger(path)
