"""A thousand cases of the fuzz with a fixed seed: every reader refuses what is broken, by name. More: run_fuzz.py."""

import random
from collections.abc import Iterable

from readers import READERS
from run_fuzz import in_process

SEED, CASES = 20, 1000


def share(num_truncations: int) -> Iterable[int]:
    """Case numbers of one reader: some beginnings, and twice as many seeded cases."""
    count = -(-CASES // (3 * len(READERS)))
    yield from random.Random(SEED).sample(range(num_truncations), min(count, num_truncations))
    yield from range(-1, -1 - 2 * count, -1)


def test_a_seeded_thousand_is_refused_by_name_or_read_right():
    rows = in_process(READERS, share, SEED)
    failed = [
        f"--reader {name!r} --case {number} --seed {SEED}: {words}"
        for name, number, result, words in rows
        if result == "failed"
    ]
    assert not failed, "\n".join(failed)
    assert len(rows) >= CASES
    assert {name for name, *_ in rows} == {reader.name for reader in READERS}
