"""Options of changes to nnet2's networks; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name


@dataclass(frozen=True)
class MixupOptions:
    """How the outputs of a network are split into parts."""

    num_mixtures: int = declared(-1, "Outputs wanted in all; at least as many as there are pdfs")
    power: float = declared(0.25, "Exponent by which counts share out the parts")
    min_count: float = declared(1000.0, "Count that every part of a pdf must have")
    perturb_stddev: float = declared(0.01, "How far parts move apart, as standard deviation of their weights")
    srand: int = declared(0, "Seed of these moves")


@dataclass(frozen=True)
class FixOptions:
    """Which units' weights are made smaller or larger, by their mean derivatives."""

    min_average_deriv: float = declared(
        0.1, "Mean derivative, relative to the largest, below which weights become smaller"
    )
    max_average_deriv: float = declared(0.75, "Mean derivative above which they become larger")
    parameter_factor: float = declared(2.0, "By what factor at most")

    def __post_init__(self) -> None:
        """UsageError: bounds or a factor that make no sense."""
        if not 0 < self.min_average_deriv < self.max_average_deriv or self.parameter_factor < 1:
            given = [f"{option_name(name)}={getattr(self, name):g}" for name in vars(self)]
            raise UsageError(" ".join(given), expected="0 < least < largest, and a factor of at least 1")
