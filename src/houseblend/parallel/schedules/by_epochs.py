"""Schedules that decide at the end of an epoch, by the held-out loss."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedule import Schedule


@dataclass(frozen=True)
class ByEpochs(Schedule):
    """Rounds that end where epochs end, and the losses there. The network has all its layers from the start."""

    halving_factor: float = declared(0.5, "Newbob and halving: factor on the learning rate when it falls")
    start_halving_impr: float = declared(
        0.01, "Newbob and halving: relative improvement of an epoch below which the rate falls"
    )

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        super().__post_init__()
        if self.num_epochs != int(self.num_epochs):
            raise UsageError(f"--num-epochs={self.num_epochs}", expected="a whole number: it decides after each")
        if self.add_layers_period:
            given = f"--add-layers-period={self.add_layers_period}"
            raise UsageError(given, expected="0: a loss is compared with that of the same network")
        if not 0 < self.halving_factor < 1:
            raise UsageError(f"--halving-factor={self.halving_factor}", expected="between 0 and 1")

    @property
    def rounds_per_epoch(self) -> int:
        """So that a worker's interval is about frames_per_round."""
        return max(1, math.ceil(self.frames_per_epoch / (self.mean_workers * self.frames_per_round)))

    @property
    def num_rounds(self) -> int:
        """Of all epochs."""
        return int(self.num_epochs) * self.rounds_per_epoch

    def changes_topology(self, number: int) -> bool:
        """Never: an epoch's minibatches are as large as the others'."""
        return False

    @functools.cached_property
    def bounds(self) -> list[int]:
        """Positions where rounds begin, and the end: equal parts of each epoch."""
        parts = self.rounds_per_epoch
        return [self.frames_per_epoch * number // parts for number in range(self.num_rounds + 1)]

    def ends(self, past: Sequence[RoundRecord]) -> list[tuple[RoundRecord, float]]:
        """The last round of each epoch that is done, with the loss after it."""
        last = past[self.rounds_per_epoch - 1 :: self.rounds_per_epoch]
        return [(record, -record.measured.heldout_objective) for record in last]


def loss_before(past: Sequence[RoundRecord]) -> float:
    """Held-out loss before the first round; infinity where there was none."""
    first = past[0].previous_loss if past else None
    return math.inf if first is None else first
