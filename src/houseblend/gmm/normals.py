"""Normal random numbers as a program of Kaldi draws them from its start on, so that split Gaussians are Kaldi's."""

import math
from collections import deque
from collections.abc import Iterator

_DISCARDED = 310


def normals() -> Iterator[float]:
    """Standard normal numbers (Kaldi's RandGauss over the C library's rand, Box-Muller)."""
    uniform = ((number + 1.0) / (2**31 + 1.0) for number in c_random(1))
    for first, second in zip(uniform, uniform, strict=False):
        yield math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


def c_random(seed: int) -> Iterator[int]:
    """The numbers, 0 to 2^31 - 1, of GNU libc's `rand` after `srand(seed)`: o_i = o_(i-3) + o_(i-31) mod 2^32, halved."""
    start = [seed]
    while len(start) < 31:
        start.append(16807 * start[-1] % 2147483647)
    last = deque(start + start[:3], maxlen=31)
    for _ in range(_DISCARDED):
        last.append((last[-3] + last[0]) & 0xFFFFFFFF)
    while True:
        last.append((last[-3] + last[0]) & 0xFFFFFFFF)
        yield last[-1] >> 1
