"""Options of contrastive divergence (`rbm-train-cd1-frmshuff`); nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name


@dataclass(frozen=True)
class RbmRule:
    """Rate, momentum and L2 of an RBM's update; names and values are those of Kaldi's rbm-train-cd1-frmshuff.

    Raises:
        UsageError: a value out of its range.
    """

    learn_rate: float = declared(0.4, "Learning rate; 1 - momentum of it is applied, so that its effect stays")
    momentum: float = declared(0.5, "Share of the last change that is kept at first")
    momentum_max: float = declared(0.9, "The same at last")
    momentum_steps: int = declared(40, "Equal steps from the first momentum to the last")
    momentum_step_period: int = declared(500_000, "Frames from one of these steps to the next")
    l2_penalty: float = declared(0.0002, "Share of the weights that is taken off, times the rate")
    with_bug: bool = declared(False, "Keep momentum-max from the start, while the rate falls as if momentum rose")

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("learn_rate", "l2_penalty"):
            self._check(name, 0.0 <= getattr(self, name) < float("inf"), "0 or more")
        for name in ("momentum", "momentum_max"):
            self._check(name, 0.0 <= getattr(self, name) < 1.0, "from 0 to below 1")
        for name in ("momentum_steps", "momentum_step_period"):
            self._check(name, getattr(self, name) >= 1, "1 or more")

    def _check(self, name: str, is_good: bool, expected: str) -> None:
        if not is_good:
            raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected=expected)

    def rate_and_momentum(self, position: int) -> tuple[float, float]:
        """What holds for a minibatch.

        Args:
            position: frames before it in the order of data, whoever learns them.
        """
        share = min(position // self.momentum_step_period, self.momentum_steps) / self.momentum_steps
        ramp = self.momentum + share * (self.momentum_max - self.momentum)
        return self.learn_rate * (1.0 - ramp), self.momentum_max if self.with_bug else ramp


@dataclass(frozen=True)
class RbmPassOptions:
    """The data of `rbm-train-cd1-frmshuff`, and what is said of it."""

    num_iters: int = declared(1, "Passes over the data; momentum goes on from one to the next")
    minibatch_size: int = declared(100, "Frames of a minibatch")
    feature_transform: str = declared("", "Network in front, which is not trained")
    max_frames: int = declared(6000, "Longer utterances are left out")
    loss_report_frames: int = declared(5 * 3600 * 100, "Frames between reports of the reconstruction error; 0: none")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        if self.num_iters < 1 or self.max_frames < 1 or self.loss_report_frames < 0:
            given = f"--num-iters={self.num_iters}, --max-frames={self.max_frames}"
            given += f", --loss-report-frames={self.loss_report_frames}"
            raise UsageError(given, expected="at least 1, 1 and 0")
