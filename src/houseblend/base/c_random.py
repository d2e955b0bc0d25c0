"""The C library's random numbers, which Kaldi's programs draw."""

from collections import deque
from collections.abc import Iterator

_DISCARDED = 310


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
