"""A handful of the faults; `run_faults.py` does hundreds. Whatever happens: the same model, or a named refusal before it."""

import pytest
from events import EVENTS, ImpossibleError, disturb
from small_setup import SmallSetup

LONG = {"job writes its output and dies", "job reports success without output", "limit on file size", "wrong clock"}
"""Left to the long run; tests/jobs has their parts."""


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    """The small recipe, run once without a fault."""
    return SmallSetup(tmp_path_factory.mktemp("faults"))


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EVENTS.keys() - LONG))
def test_the_model_is_the_same_after(name, setup):
    try:
        disturb(setup, name, seed=1)
    except ImpossibleError as reason:
        pytest.skip(f"{name}: {reason}")
