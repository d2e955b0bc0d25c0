"""Numbers that are read straight from a file are those that follow, and reading goes on behind them."""

import io

import numpy as np
import pytest

from houseblend.io.streams import InputStream


@pytest.mark.parametrize("count", [1, 3000, 60_000, 90_000])
@pytest.mark.parametrize("size_is_known", [True, False])
def test_numbers_between_other_bytes(count, size_is_known):
    numbers = np.random.default_rng().standard_normal(count).astype("<f4")
    data = b"ahead" + numbers.tobytes() + b"behind"
    stream = InputStream(io.BytesIO(data), "numbers", len(data) if size_is_known else None)
    assert stream.read(5) == b"ahead"
    np.testing.assert_array_equal(stream.read_array("<f4", count), numbers)
    assert stream.tell() == len(data) - 6
    stream.seek(stream.tell() - 2)
    assert stream.read(8) == numbers.tobytes()[-2:] + b"behind"
    assert stream.at_end()


def test_fewer_numbers_at_the_end_than_the_file_had():
    stream = InputStream(io.BytesIO(bytes(300_001)), "numbers", 400_000)
    assert len(stream.read_array("<f4", 90_000)) == 75_000
    assert stream.ended
