"""Kaldi's schedule: the rate falls exponentially with the data seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedule import Schedule


@dataclass(frozen=True)
class Exponential(Schedule):
    """From the initial to the final rate, which the last round has."""

    source: ClassVar[str] = "Povey et al. 2014, arXiv 1410.7455"
    mathematics: ClassVar[str] = "rate = initial (final / initial)^x, x the share of the data seen"

    final_effective_lrate: float = declared(0.00015, "Learning rate at the end, over the workers' number")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        super().__post_init__()
        if not self.final_effective_lrate > 0:
            raise UsageError(f"--final-effective-lrate={self.final_effective_lrate}", expected="a positive number")

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """i * exp(x * ln(f / i)), x in [0, 1]; f in the last round."""
        number = len(past)
        seen = 1.0 if number == self.num_rounds - 1 else self.bounds[number] / self.total_frames
        return self.initial_effective_lrate * math.exp(
            seen * math.log(self.final_effective_lrate / self.initial_effective_lrate)
        )
