"""docs/strategies.md says what the code says: equations, costs, options, and the arithmetic of cutting a network."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from houseblend.base.options import declared_fields, option_name
from houseblend.parallel.asynchronous.machine import Machine, Workload
from houseblend.parallel.options import ExchangeOptions, NetworkOptions, RunOptions
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules import SCHEDULES
from houseblend.parallel.strategies import METHODS
from houseblend.parallel.task import MemoryPolicy
from houseblend.train.update.rule import UpdateRule

sys.path.insert(0, str(Path(__file__).resolve().parent))
import list_strategies

TEXT = list_strategies.PAGE.read_text()


def test_what_the_page_takes_from_the_code_is_as_the_code_has_it():
    assert list_strategies.written(TEXT) == TEXT, "run python tests/contract/list_strategies.py"


@pytest.mark.parametrize("name", METHODS)
def test_every_strategy_has_a_section_that_says_when_to_take_it(name):
    section = re.search(rf"^##+ {name}\n(.*?)^##", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert section is not None
    assert "Take it" in section[1].partition(f"<!-- /{name} -->")[2]


def test_options_of_the_page_are_options_of_train_dnn():
    kinds = [
        *METHODS.values(),
        Machine,
        Workload,
        *SCHEDULES.values(),
        Schedule,
        NetworkOptions,
        RunOptions,
        ExchangeOptions,
        MemoryPolicy,
        UpdateRule,
    ]
    there = {option_name(one.name) for kind in kinds for one in declared_fields(kind)}
    assert set(re.findall(r"--[a-z-]+[a-z]", TEXT)) <= there


def test_names_of_strategies_in_tables_are_strategies():
    systems = TEXT[TEXT.index("## The systems") :]
    named = {words.split()[0] for words in re.findall(r"`([^`]*)`", systems)}
    assert {name for name in named if not name.startswith("--")} <= {*METHODS, "xu"}


def test_the_arithmetic_of_cutting_a_network():
    """Affine layers of 440-6x1024-3000: n = sum of (inputs + 1) outputs; averages send 4 n / (K N), a boundary of a pipeline 8 d."""
    width, batch = 1024, Schedule.minibatch_size
    sizes = [(inputs + 1) * outputs for inputs, outputs in pairwise([440, *[width] * 6, 3000])]
    n = sum(sizes)
    assert n == list_strategies.NUMBERS
    frames = n / (2 * width)
    share = max(sizes) / n
    numbers = [n, 4 * n / batch, 4 * n / (10 * batch), 4 * n / (50 * batch), 8 * width, 6 * 4 * width, frames]
    for number in numbers:
        assert f"{number:,.0f}" in TEXT, number
    bubbles = {pieces: 3 / (pieces + 3) for pieces in (4, 16)}
    said = [
        f"{frames / batch:.0f} minibatches", f"4 micro-batches of 64 frames: {bubbles[4]:.0%}".replace("%", " %"),
        f"16 of 16 frames: {bubbles[16]:.0%}".replace("%", " %"), f"{share:.0%}".replace("%", " %"),
        f"{1 / share:.1f} times one device", f"that leaves {(1 - bubbles[4]) / share:.1f}",
    ]  # fmt: skip
    for words in said:
        assert words in TEXT, words
