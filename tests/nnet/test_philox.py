"""Random numbers by their place: the generator's published answers, and what depends on what."""

import numpy as np
import pytest
import torch

from houseblend.nnet import philox
from houseblend.nnet.randomness import Randomness

ONES = 0xFFFFFFFF
ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Counter, key and words of philox4x32-10, from the known answers of Random123."""


def uniform(key, position, rows, columns):
    out = np.empty((rows, columns), np.float32)
    philox.uniform(key, position, out)
    return out


@pytest.mark.parametrize(("counter", "key", "words"), ANSWERS)
def test_published_answers(counter, key, words):
    found = philox.philox(tuple(map(np.uint32, counter)), tuple(map(np.uint32, key)))
    assert tuple(found) == words


def test_a_number_is_the_middle_of_its_part():
    out = uniform(0, 0, 1, 4)[0]
    assert out.tolist() == [((word >> 9) + 0.5) / 2**23 for word in ANSWERS[0][2]]


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 18, 1024])
def test_a_row_depends_on_its_position_alone(columns):
    position = (1 << 32) - 3  # beyond a word's end
    whole = uniform(99, position, 8, columns)
    assert np.array_equal(uniform(99, position + 5, 2, columns), whole[5:7])
    assert len(np.unique(whole)) > 0.99 * whole.size
    assert not (uniform(98, position, 8, columns) == whole).any()


def test_mean_and_variance():
    out = uniform(int(np.random.default_rng().integers(1 << 62)), 0, 500, 400).astype(np.float64)
    assert abs(out.mean() - 0.5) < 6 / np.sqrt(12 * out.size)  # 6 standard errors, here and below
    assert abs(out.var() - 1 / 12) < 6 / np.sqrt(180 * out.size)
    assert 0.0 < out.min() < out.max() < 1.0


def test_samples_are_numbers_below_the_chances():
    chances = torch.rand(40, 7)
    chances[0], chances[1] = 0.0, 1.0
    randomness = Randomness(5, 30, 40)
    sample = randomness.sample("h", chances, torch.empty_like(chances))
    assert not sample[0].any()
    assert sample[1].all()
    assert set(sample.unique().tolist()) == {0.0, 1.0}
    later = Randomness(5, 50, 20).sample("h", chances[20:], torch.empty(20, 7))
    assert torch.equal(later, sample[20:])
    assert not torch.equal(randomness.sample("g", chances, torch.empty_like(chances)), sample)
