"""Normal random numbers as a program of Kaldi draws them from its start on, so that split Gaussians are Kaldi's."""

import math
from collections.abc import Iterator

from houseblend.base.c_library import c_random


def normals() -> Iterator[float]:
    """Standard normal numbers (Kaldi's RandGauss over the C library's rand, Box-Muller)."""
    uniform = ((number + 1.0) / (2**31 + 1.0) for number in c_random(1))
    for first, second in zip(uniform, uniform, strict=False):
        yield math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)
