"""The plan of all rounds: every frame once, workers, rates, half minibatches."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houseblend.base.errors import UsageError
from houseblend.parallel.options import DnnOptions, enter_exchange
from houseblend.parallel.schedule import Schedule


@settings(max_examples=60, deadline=None)
@given(
    st.integers(50, 100_000), st.floats(0.3, 6), st.integers(1, 5), st.integers(0, 6), st.integers(100, 50_000),
    st.integers(1, 4), st.integers(0, 3),
)  # fmt: skip
def test_intervals_cover_the_training_once(frames, epochs, initial, more, per_round, layers, period):
    schedule = Schedule(
        frames,
        epochs,
        initial,
        initial + more,
        frames_per_round=per_round,
        hidden_layers=layers,
        add_layers_period=period,
    )
    position = 0
    for number in range(schedule.num_rounds):
        plan = schedule.next([None] * number)
        assert plan is not None
        assert len(plan.intervals) == schedule.workers(number)
        for begin, end in plan.intervals:
            assert begin == position
            position = end
        sizes = [end - begin for begin, end in plan.intervals]
        assert max(sizes) - min(sizes) <= 1
    assert position == schedule.total_frames
    assert schedule.next([None] * schedule.num_rounds) is None
    assert schedule.layers(schedule.num_rounds - 1) == layers


def test_workers_grow_and_rates_fall_exponentially_times_the_workers():
    schedule = Schedule(100_000, 10, 1, 4, 0.01, 0.001, frames_per_round=20_000, hidden_layers=1)
    workers = [schedule.workers(number) for number in range(schedule.num_rounds)]
    assert workers[0] == 1
    assert workers[-1] == 4
    assert workers == sorted(workers)
    effective = [schedule.learning_rate(n) / workers[n] for n in range(schedule.num_rounds)]
    assert effective[0] == pytest.approx(0.01)
    assert effective[-1] == pytest.approx(0.001)
    seen = [
        0,
        *(schedule.next([None] * n).intervals[-1][1] / schedule.total_frames for n in range(schedule.num_rounds - 2)),
    ]
    for share, rate in zip(seen, effective[:-1], strict=True):
        assert rate == pytest.approx(0.01 * math.exp(share * math.log(0.1)))


def test_new_topologies_run_at_half_the_minibatch_and_take_the_best():
    schedule = Schedule(
        100_000, 5, 2, 2, frames_per_round=20_000, minibatch_size=256, hidden_layers=3, add_layers_period=2
    )
    plans = [schedule.next([None] * number) for number in range(schedule.num_rounds)]
    fresh = [plan.round for plan in plans if plan.is_fresh]
    assert fresh == [0, 2, 4]
    assert [plan.num_layers for plan in plans[:6]] == [1, 1, 2, 2, 3, 3]
    assert all(plan.minibatch_size == (128 if plan.round in fresh else 256) for plan in plans)
    assert plans[0].max_param_change == pytest.approx(2.0 / math.sqrt(2))


@pytest.mark.parametrize(
    "wrong", [{"num_epochs": 0}, {"initial_workers": 0}, {"final_workers": 0}, {"minibatch_size": 1}]
)
def test_schedules_without_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        Schedule(1000, **wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_param_change", math.nan), ("max_param_change", -1.0), ("minibatch_size", 1), ("num_epochs", 0.0), ("context", -1),
        ("max_loss_increase", math.nan), ("max_left_out", 1.5), ("combine_models", 0), ("optimizer_memory", "forget"),
        ("input_transform", "pca"), ("update", "adam"), ("momentum", 1.0), ("block_momentum", 0.5),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=name.replace("_", "-")):
        DnnOptions.of({name: value})


def test_blends_inside_a_round_need_another_exchange_than_files():
    for values in ({"average_period": 5}, {"strategy": "post-local"}):
        with pytest.raises(UsageError, match="--exchange=files with blends inside a round"):
            enter_exchange({"exchange": "files", "final_workers": 4, **values})
    enter_exchange({"exchange": "files", "final_workers": 4})
