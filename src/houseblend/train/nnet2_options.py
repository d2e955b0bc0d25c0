"""Options of nnet2's programs; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, option_name


@dataclass(frozen=True)
class MinibatchOptions:
    """How examples become minibatches."""

    minibatch_size: int = declared(500, "Examples in a minibatch")
    minibatches_per_phase: int = declared(50, "Minibatches from one line of the log to the next")

    def __post_init__(self) -> None:
        """UsageError: none."""
        for name in ("minibatch_size", "minibatches_per_phase"):
            if getattr(self, name) < 1:
                raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected="at least 1")


@dataclass(frozen=True)
class CombineOptions:
    """How networks are combined."""

    initial_model: int = declared(
        -1, "Network to begin with, from 0; beyond the last: their mean; below 0: the best of these"
    )
    num_lbfgs_iters: int = declared(10, "How often the objective is computed")
    regularizer: float = declared(0.0, "Half of this, times the square of all parameters, is taken off the objective")
