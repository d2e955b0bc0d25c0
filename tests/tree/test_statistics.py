"""Statistics of phones in context: frame by frame, in halves, in files."""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from random_stats import random_frames, statistics

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hmm"))
from golden_hmm import load

from houseblend.base.errors import InputError
from houseblend.io.objects import open_output
from houseblend.tree.accumulate import Accumulator, Context
from houseblend.tree.statistics import ABSENT, TreeStatistics

MODEL = load("mono")[1]


def random_alignment(noise, phones):
    """Transition-ids of phones in a row: from state to state, self-loops behind the way out; phone and state of each frame."""
    ids, frames = [], []
    for place, phone in enumerate(phones):
        states, state = MODEL.topology.states_of(phone), 0
        while state < len(states) - 1:
            number = next(n for n, s in enumerate(MODEL.states, start=1) if s[:2] == (phone, state))
            ways = [index for index, (target, _) in enumerate(states[state].transitions) if target > state]
            index = int(noise.choice(ways))
            loops = int(noise.integers(4))
            ids += [MODEL.first_id[number] + index] + loops * [MODEL.self_loop_of[number]]
            frames += (1 + loops) * [(place, states[state].pdf_class)]
            state = states[state].transitions[index][0]
    return np.array(ids, dtype=np.int32), frames


@pytest.mark.parametrize(("width", "central"), [(1, 0), (2, 1), (2, 0), (3, 1), (5, 2), (4, 3)])
def test_every_frame_counts_for_its_phone_in_context(width, central):
    noise = np.random.default_rng([width, central])
    phone_map = {phone: 1 + phone % 7 for phone in range(1, 21)}
    accumulator = Accumulator(MODEL, Context(width, central, {2}, phone_map), 0.02)
    expected = defaultdict(list)
    for key in "abc":
        phones = noise.integers(1, 21, 6).tolist()
        ids, frames = random_alignment(noise, phones)
        feats = noise.normal(size=(len(ids), 4)).astype(np.float32)
        accumulator.add(feats, ids, key)
        mapped = [phone_map[phone] for phone in phones]
        for x, (place, pdf_class) in zip(feats, frames, strict=True):
            event = [(-1, pdf_class)]
            for position in range(width):
                there = place + position - central
                if position == central or mapped[place] != 2:
                    event.append((position, mapped[there] if 0 <= there < len(phones) else 0))
            expected[tuple(event)].append(np.concatenate([np.ones(1), x, x * x]))
    stats = accumulator.statistics()
    assert stats.events == sorted(expected)
    assert (len(stats), stats.dim, stats.var_floor) == (len(expected), 4, 0.02)
    for event, row in zip(stats.events, stats.moments, strict=True):
        assert row == pytest.approx(sum(expected[event]), rel=1e-12, abs=1e-12)
    absent = [key for key in (-1, central) if (stats.column(key) == ABSENT).any()]
    assert absent == []


def test_statistics_of_halves_sum_to_those_of_the_whole(tmp_path):
    noise = np.random.default_rng(5)
    frames = random_frames(noise, contexts=50)
    cut = {event: int(noise.integers(len(x) + 1)) for event, x in frames.items()}
    halves = [
        statistics({e: x[: cut[e]] for e, x in frames.items() if cut[e]}),
        statistics({e: x[cut[e] :] for e, x in frames.items() if cut[e] < len(x)}),
    ]
    for number, half in enumerate(halves):
        with open_output(tmp_path / f"{number}", binary=number == 0) as target:
            half.write(target)
    whole, both = statistics(frames), TreeStatistics.sum(TreeStatistics.load(tmp_path / name) for name in "01")
    assert both.events == whole.events
    assert both.moments == pytest.approx(whole.moments, rel=1e-5, abs=1e-4)
    assert TreeStatistics.sum(halves).moments == pytest.approx(whole.moments, rel=1e-12)


def test_binary_files_keep_every_bit(tmp_path):
    stats = statistics(random_frames(np.random.default_rng(6)), 0.03)
    with open_output(tmp_path / "acc") as target:
        stats.write(target)
    again = TreeStatistics.load(tmp_path / "acc")
    assert (again.events, again.var_floor) == (stats.events, 0.03)
    assert (again.moments == stats.moments).all()


def test_statistics_that_do_not_belong_together_are_refused():
    noise = np.random.default_rng(7)
    one, other = statistics(random_frames(noise)), statistics(random_frames(noise), 0.1)
    with pytest.raises(InputError, match="one for all"):
        TreeStatistics.sum([one, other])
    accumulator = Accumulator(MODEL, Context())
    ids, frames = random_alignment(noise, [3])
    accumulator.add(np.zeros((len(frames), 2)), ids, "a")
    with pytest.raises(InputError, match=r"\[b\] features of dimension 3; expected 2"):
        accumulator.add(np.zeros((len(frames), 3)), ids, "b")
    with pytest.raises(InputError, match="lacks phone 3"):
        Accumulator(MODEL, Context(phone_map={1: 1})).add(np.zeros((len(frames), 2)), ids, "a")
    broken = Accumulator(MODEL, Context())
    broken.add(np.full((len(frames), 2), np.nan), ids, "a")
    with pytest.raises(InputError, match="not finite"):
        broken.statistics()
