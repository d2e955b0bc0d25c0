"""Newbob, as nnet1's scheduler has it: reject, halve, stop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from houseblend.base.options import declared
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.schedules.by_epochs import ByEpochs, loss_before


@dataclass
class _State:
    """After an epoch: the accepted model's number and loss, the rate, whether it falls, whether training is over."""

    model: int
    loss: float
    rate: float
    falls: bool = False
    is_over: bool = False


@dataclass(frozen=True)
class Newbob(ByEpochs):
    """An epoch that does not improve the held-out loss is rejected: the next one begins where it began.

    From the first epoch that improves too little the rate falls after every epoch; training ends when it improves by
    less than `end_halving_impr` then.
    """

    source: ClassVar[str] = "ICSI's QuickNet; Kaldi, steps/nnet/train_scheduler.sh"
    mathematics: ClassVar[str] = (
        "reject if L' >= L; r = (L - L') / L; r < start: rate *= factor from then on; r < end: stop"
    )

    end_halving_impr: float = declared(
        0.001, "Newbob: relative improvement below which training ends, once the rate falls"
    )
    keep_lr_iters: int = declared(0, "Newbob: first epochs that keep the rate and are accepted whatever their loss")
    min_iters: int = declared(0, "Newbob: first epochs that are accepted whatever their loss, and do not end training")

    def effective_rate(self, past: Sequence[RoundRecord]) -> float:
        """See the class."""
        return self._state(past).rate

    def is_over(self, past: Sequence[RoundRecord]) -> bool:
        """See the class."""
        return super().is_over(past) or self._state(past).is_over

    def stands(self, past: Sequence[RoundRecord]) -> tuple[int, ...]:
        """The accepted model at the end of an epoch; inside of one, it may still be returned to."""
        accepted = self._state(past).model
        return (len(past), accepted) if len(past) % self.rounds_per_epoch else (accepted,)

    def _state(self, past: Sequence[RoundRecord]) -> _State:
        state = _State(0, loss_before(past), self.initial_effective_lrate)
        for epoch, (record, loss) in enumerate(self.ends(past), start=1):
            improvement = 0.0
            if loss < state.loss or epoch <= max(self.keep_lr_iters, self.min_iters):
                improvement = (state.loss - loss) / abs(state.loss) if state.loss < math.inf else math.inf
                state.model, state.loss = record.round + 1, loss
            if epoch <= self.keep_lr_iters:
                continue
            if state.falls and improvement < self.end_halving_impr:
                state.is_over = epoch > self.min_iters
                continue
            state.falls = state.falls or improvement < self.start_halving_impr
            if state.falls:
                state.rate *= self.halving_factor
        return state
