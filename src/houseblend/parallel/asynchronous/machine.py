"""The options of the virtual clock, and of predictions; nothing heavy is loaded here."""

import math
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name


@dataclass(frozen=True)
class Machine:
    """Workers and the link to the server, for --exchange=virtual; or the training whose order of pushes is taken."""

    step_seconds: str = declared("1", "virtual: seconds of a minibatch, of each worker in turn; 1,1,1,2: one is slow")
    step_spread: float = declared(0.0, "virtual: standard deviation of their logarithm, from minibatch to minibatch")
    link_latency: float = declared(0.0, "virtual: seconds on the way to the server, and as many back")
    link_bandwidth: float = declared(0.0, "virtual: bytes a second into the server, and as many out; 0: no limit")
    replay: Path | None = declared(None, "virtual: take the order of pushes of this training, of the same options")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        if not all(0.0 < value < math.inf for value in self.speeds):
            raise UsageError(f"--step-seconds={self.step_seconds}", expected="positive numbers, 1,1,1,2")
        for name in ("step_spread", "link_latency", "link_bandwidth"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected="0 or more")

    @property
    def speeds(self) -> list[float]:
        """Seconds of a minibatch, of each worker in turn; not finite where no number stands."""
        return [_number(text) for text in self.step_seconds.split(",")]


@dataclass(frozen=True)
class Workload:
    """A round, for nnet-predict-speedup."""

    parameters: int = declared(8_774_584, "Trained parameters; those of 440-6x1024-3000")
    round_steps: int = declared(1000, "Minibatches of all workers together")
    sum_seconds: float = declared(2e-10, "Seconds to add a number of one worker to a mean")
    round_seconds: float = declared(0.0, "Seconds at the end of a round: evaluation, files")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        for name, least in (("parameters", 1), ("round_steps", 1), ("sum_seconds", 0), ("round_seconds", 0)):
            if not least <= getattr(self, name) < math.inf:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected=f"{least} or more")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
