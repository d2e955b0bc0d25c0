"""Averaging, every so many minibatches or once a round: c = m, and every worker goes on from c."""

from dataclasses import dataclass

from houseblend.parallel.strategy import Shared, Strategy


@dataclass(frozen=True)
class Average(Strategy):
    """Povey et al. 2014, section 2 (once a round); Su and Chen 2015 (every few minibatches): c = m. The protocol's own defaults."""

    paper = "Povey, Zhang, Khudanpur 2014; Su, Chen 2015"
    mathematics = "c = m"

    def lasting(self, shared: Shared) -> Shared:
        """Nothing: c is the model itself."""
        return {}
