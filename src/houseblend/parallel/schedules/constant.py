"""A constant learning rate."""

from dataclasses import dataclass
from typing import ClassVar

from houseblend.parallel.schedule import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """The initial rate throughout; with a strategy that averages, or to compare."""

    source: ClassVar[str] = "Robbins & Monro 1951, without the decay"
    mathematics: ClassVar[str] = "rate = initial"
