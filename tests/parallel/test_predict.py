"""Predictions of a round: closed forms, and the clock that asynchronous rounds run by."""

import math

import numpy as np
import pytest

from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine, Workload
from houseblend.parallel.predict import predict, table
from houseblend.parallel.strategies import METHODS
from houseblend.parallel.strategies.asgd import Asgd
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategies.hpsgd import Hpsgd
from houseblend.parallel.strategies.streaming import Streaming

ROUND = Workload(parameters=1_000_000, round_steps=960, sum_seconds=0.0)


def test_without_link_and_spread_speed_up_is_the_number_of_workers():
    for strategy in (Average(10), Hpsgd(10), Asgd(10), Average(40, groups=2, group_period=10)):
        for workers in (1, 4, 16):
            found = predict(strategy, Machine("0.5"), ROUND, workers)
            assert found.seconds == pytest.approx(0.5 * 960 / workers, rel=1e-12)
            assert found.waiting == pytest.approx(0.0, abs=1e-9)


def test_a_blend_moves_its_slices_twice():
    """Each of 4 ranks sends 3/4 of 4 MB twice at 1 MB/s, with 2 times log2(4) latencies, 24 times in 240 minibatches."""
    found = predict(Average(10), Machine("0.5", link_latency=0.01, link_bandwidth=1e6), ROUND, 4)
    assert found.seconds == pytest.approx(0.5 * 240 + 24 * 2 * (2 * 0.01 + 3.0))
    assert found.sent == 24 * 4e6


def test_a_lag_hides_what_fits_into_the_stretch():
    machine = Machine("0.5", link_bandwidth=2e6)  # 3 s a blend, 5 s a stretch
    assert predict(Hpsgd(10), machine, ROUND, 4).seconds == pytest.approx(120 + 3)
    slow = Machine("0.5", link_bandwidth=1e6)  # 6 s a blend: the link is what takes time
    assert predict(Hpsgd(10), slow, ROUND, 4).seconds == pytest.approx(5 + 24 * 6)
    assert predict(Average(10), slow, ROUND, 4).seconds == pytest.approx(120 + 24 * 6)


def test_a_fragment_is_a_part_of_the_bytes():
    machine = Machine("0.5", link_bandwidth=1e6)
    streaming = Streaming(10, fragments=8, fragment_lag=0)
    assert predict(streaming, machine, ROUND, 4).seconds == pytest.approx(120 + 24 * 6 / 8)


def test_groups_talk_among_themselves():
    """Of 8 workers, 4 groups of 2: 9 means of a group (half of 4 MB twice) for each of all (7/8 twice)."""
    machine = Machine("0.5", link_bandwidth=1e6)
    found = predict(Average(60, groups=4, group_period=6), machine, ROUND, 8)
    assert found.seconds == pytest.approx(60 + 18 * 4 + 2 * 7)


def test_stragglers_are_the_largest_of_so_many():
    """The mean of the largest of N normal numbers, against drawing them apart from the code."""
    spread, workers, every = 0.3, 16, 10
    found = predict(Average(every), Machine("1", spread), Workload(round_steps=16 * 4000), workers)
    chance = np.random.default_rng(7)
    drawn = np.exp(spread * chance.standard_normal((4000, workers, every)) - spread**2 / 2).sum(2).max(1).mean()
    assert found.seconds / 400 == pytest.approx(drawn, rel=0.01)
    assert drawn > every + 1.5 * spread * math.sqrt(every)


def test_asynchronous_rounds_take_what_their_clock_says():
    machine = Machine("1,1,2", 0.2, 0.1, 1e7)
    found = predict(Asgd(5), machine, ROUND, 3, seed=4)
    clock = Clock(machine, [320] * 3, 5, 4_000_000, 4)
    assert len(list(clock.order())) == 192
    assert found.seconds == clock.now
    assert found.sent == 64 * 4e6


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_prediction(name):
    machine = Machine("0.1", 0.1, 1e-4, 1e9)
    lines = table([predict(METHODS[name](), machine, ROUND, workers) for workers in (1, 4)]).splitlines()
    assert len(lines) == 3
    assert 2.0 < float(lines[2].split()[2]) < 4.1
