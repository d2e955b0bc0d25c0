"""The rate is halved after every epoch that improves too little."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedules.by_epochs import ByEpochs, loss_before


@dataclass(frozen=True)
class Halving(ByEpochs):
    """As Newbob in what it looks at, but no epoch is rejected, and the rate stays where an epoch improves enough."""

    source: ClassVar[str] = "performance-based halving, as in ICSI's QuickNet"
    mathematics: ClassVar[str] = "rate *= factor after an epoch with (L - L') / L < start"

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """The initial rate, halved once for every such epoch."""
        rate, loss = self.initial_effective_lrate, loss_before(past)
        for _, new in self.ends(past):
            if (loss - new) / abs(loss) < self.start_halving_impr:
                rate *= self.halving_factor
            loss = new
        return rate
