"""A rate that falls with the inverse of the data seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedule import Schedule


@dataclass(frozen=True)
class Inverse(Schedule):
    """The classical 1/t: the sum of the rates has no bound, that of their squares has one."""

    source: ClassVar[str] = "Robbins & Monro 1951"
    mathematics: ClassVar[str] = "rate = initial / (1 + t / half), t and half in epochs"

    half_rate_epochs: float = declared(1.0, "Epochs after which the rate is half of the initial one")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        super().__post_init__()
        if not self.half_rate_epochs > 0:
            raise UsageError(f"--half-rate-epochs={self.half_rate_epochs}", expected="a positive number")

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """i / (1 + t / h) at the beginning of the round."""
        epochs = self.bounds[len(past)] / self.frames_per_epoch
        return self.initial_effective_lrate / (1 + epochs / self.half_rate_epochs)
