"""The plan of all rounds: every frame once, workers, rates, half minibatches."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houseblend.base.errors import UsageError
from houseblend.parallel.options import DnnOptions, enter_exchange
from houseblend.parallel.records import Measured
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules.constant import Constant
from houseblend.parallel.schedules.exponential import Exponential
from houseblend.parallel.schedules.halving import Halving
from houseblend.parallel.schedules.inverse import Inverse
from houseblend.parallel.schedules.newbob import Newbob

sys.path.insert(0, str(Path(__file__).resolve().parent))
from some_records import some_round


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
        plan = schedule.next([some_round()] * number)
        assert plan is not None
        assert len(plan.intervals) == schedule.workers(number)
        for begin, end in plan.intervals:
            assert begin == position
            position = end
        sizes = [end - begin for begin, end in plan.intervals]
        assert max(sizes) - min(sizes) <= 1
    assert position == schedule.total_frames
    assert schedule.next([some_round()] * schedule.num_rounds) is None
    assert schedule.layers(schedule.num_rounds - 1) == layers


def test_workers_grow_and_rates_fall_exponentially_times_the_workers():
    schedule = Exponential(
        100_000, 10, 1, 4, 0.01, frames_per_round=20_000, hidden_layers=1, final_effective_lrate=0.001
    )
    workers = [schedule.workers(number) for number in range(schedule.num_rounds)]
    assert workers[0] == 1
    assert workers[-1] == 4
    assert workers == sorted(workers)
    effective = [schedule.next([some_round()] * n).learning_rate / workers[n] for n in range(schedule.num_rounds)]
    assert effective[0] == pytest.approx(0.01)
    assert effective[-1] == pytest.approx(0.001)
    seen = [
        0,
        *(
            schedule.next([some_round()] * n).intervals[-1][1] / schedule.total_frames
            for n in range(schedule.num_rounds - 2)
        ),
    ]
    for share, rate in zip(seen, effective[:-1], strict=True):
        assert rate == pytest.approx(0.01 * math.exp(share * math.log(0.1)))


def test_new_topologies_run_at_half_the_minibatch_and_take_the_best():
    schedule = Schedule(
        100_000, 5, 2, 2, frames_per_round=20_000, minibatch_size=256, hidden_layers=3, add_layers_period=2
    )
    plans = [schedule.next([some_round()] * number) for number in range(schedule.num_rounds)]
    fresh = [plan.round for plan in plans if plan.is_fresh]
    assert fresh == [0, 2, 4]
    assert [plan.num_layers for plan in plans[:6]] == [1, 1, 2, 2, 3, 3]
    assert all(plan.minibatch_size == (128 if plan.round in fresh else 256) for plan in plans)
    assert plans[0].max_param_change == pytest.approx(2.0 / math.sqrt(2))


def past_of(losses, first, rounds_per_epoch=1):
    """Rounds that are done, with these losses at the ends of their epochs; inside of them others."""
    rounds = []
    for loss in losses:
        for part in range(rounds_per_epoch):
            given = loss if part == rounds_per_epoch - 1 else loss + 5.0
            record = some_round(len(rounds))
            rounds.append(replace(record, previous_loss=first, measured=Measured(-given, 0.5, -given, 0.5)))
    return rounds


def newbob(losses, loss, rate, start, end, factor, keep, least):
    """nnet1's scheduler written out: the rate of each epoch, the accepted epoch (0: the first model), and whether it ended."""
    rates, halving, best = [], False, 0
    for epoch, new in enumerate(losses, start=1):
        rates.append(rate)
        before = loss
        if new < loss or epoch <= keep or epoch <= least:
            loss, best = new, epoch
        if epoch <= keep:
            continue
        relative = (before - loss) / before
        if halving and relative < end:
            if epoch <= least:
                continue
            return rates, best, True
        if relative < start:
            halving = True
        if halving:
            rate *= factor
    return rates, best, False


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-0.05, 0.1), min_size=1, max_size=12), st.integers(0, 2), st.integers(0, 4), st.integers(1, 3)
)
def test_newbob_is_nnet1s_scheduler(improvements, keep, least, parts):
    losses, loss = [], 4.0
    for one in improvements:
        loss *= 1 - one
        losses.append(loss)
    schedule = Newbob(
        1000, 20, 1, 1, 0.008, -(-1000 // parts), keep_lr_iters=keep, min_iters=least, end_halving_impr=0.002
    )
    assert schedule.rounds_per_epoch == parts
    rates, best, ended = newbob(losses, 4.0, 0.008, 0.01, 0.002, 0.5, keep, least)
    past = past_of(losses[: len(rates)], 4.0, parts)
    for number in range(len(past)):
        plan = schedule.next(past[:number])
        assert plan.learning_rate == rates[number // parts]
        assert plan.frames in (1000 // parts, -(-1000 // parts))
        if number % parts:
            assert plan.model == number
        else:
            assert plan.model == parts * newbob(losses[: number // parts], 4.0, 0.008, 0.01, 0.002, 0.5, keep, least)[1]
    assert schedule.stands(past) == (parts * best,)
    assert (schedule.next(past) is None) == ended


def test_newbob_may_return_to_the_accepted_model_from_within_an_epoch():
    schedule = Newbob(1000, 20, 1, 1, frames_per_round=500)
    assert schedule.stands(past_of([3.0, 3.5], 4.0, 2)) == (2,)
    assert schedule.stands(past_of([3.0, 3.5, 2.0], 4.0, 2)[:5]) == (5, 2)


def test_halving_halves_after_every_epoch_that_improves_too_little():
    schedule = Halving(1000, 20, 1, 1, 0.008, 1000)
    rates = [schedule.next(past_of([3.0, 2.99, 3.2, 2.0][:n], 4.0)).learning_rate for n in range(5)]
    assert rates == pytest.approx([0.008, 0.008, 0.004, 0.002, 0.002])
    assert [schedule.next(past_of([3.0, 2.99, 3.2][:n], 4.0)).model for n in range(4)] == [0, 1, 2, 3]


def test_inverse_and_constant_rates():
    rates = [
        Inverse(1000, 3, 2, 2, 0.01, 500, half_rate_epochs=2.0).next([some_round()] * n).learning_rate for n in range(3)
    ]
    assert rates == pytest.approx([2 * 0.01, 2 * 0.01 / 1.5, 2 * 0.01 / 2])
    rates = [Constant(1000, 3, 2, 2, 0.01, 500).next([some_round()] * n).learning_rate for n in range(3)]
    assert rates == pytest.approx([0.02] * 3)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("newbob", {"num_epochs": 2.5}, ["--num-epochs=2.5", "whole number"]),
        ("newbob", {"add_layers_period": 1}, ["--add-layers-period=1"]),
        ("halving", {"halving_factor": 1.0}, ["--halving-factor=1"]),
        ("halving", {"end_halving_impr": 0.1}, ["--end-halving-impr", "--schedule=newbob"]),
        ("inverse", {"half_rate_epochs": 0.0}, ["--half-rate-epochs=0"]),
        ("constant", {"final_effective_lrate": 0.1}, ["--final-effective-lrate", "--schedule=exponential"]),
        ("exponential", {"final_effective_lrate": -1.0}, ["--final-effective-lrate=-1"]),
        ("none", {}, ["--schedule=none", "newbob"]),
    ],
)
def test_wrong_options_of_schedules_are_named(name, values, words):
    with pytest.raises(UsageError) as failure:
        DnnOptions.of({"schedule": name, **values})
    assert all(word in str(failure.value) for word in words)


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
            enter_exchange({"exchange": "files"}, DnnOptions.of(values).strategy, 4)
    enter_exchange({"exchange": "files"}, DnnOptions.of({}).strategy, 4)
