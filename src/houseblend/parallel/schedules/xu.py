"""A rate that falls with a power of the data seen, for one pass over it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedule import Schedule


@dataclass(frozen=True)
class Xu(Schedule):
    """Xu 2011: gamma_t = gamma_0 (1 + a gamma_0 t)^-c, with c = 2/3 where the parameters are averaged, and 1 where not.

    t is the number of frames seen when a round begins: rounds are to be short beside 1 / (a gamma_0). a stands for the
    smallest curvature of the loss, summed over frames; steps/find_asgd_rates finds gamma_0 and a by trial.
    """

    source: ClassVar[str] = "Xu 2011, arXiv 1107.2490"
    mathematics: ClassVar[str] = "rate = initial (1 + decay initial t)^-power, t in frames"

    rate_decay: float = declared(0.001, "xu: a, how fast the rate falls")
    rate_power: float = declared(2 / 3, "xu: c; 2/3 for averaged parameters, else 1")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        super().__post_init__()
        for name in ("rate_decay", "rate_power"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected="0 or more")

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """gamma_t at the beginning of the round."""
        seen, initial = self.bounds[len(past)], self.initial_effective_lrate
        return initial * (1 + self.rate_decay * initial * seen) ** -self.rate_power
