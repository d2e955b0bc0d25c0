"""How a gradient becomes a change of the parameters, as options."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import check_choices, declared, option_name


@dataclass(frozen=True)
class UpdateRule:
    """How the gradient is computed, and what is done with it.

    Raises:
        UsageError: a value that is none of the choices or out of its range, or backstitch with momentum.
    """

    momentum: float = declared(0.0, "Share of the last change that is kept; the new one counts the rest")
    max_param_change: float = declared(2.0, "Largest norm of a minibatch's change; 0: no limit")
    l2_regularize_factor: float = declared(1.0, "Factor on the components' l2-regularize")
    update: str = declared(
        "ng",
        "Direction: ng: natural gradient, where a component has it; simple-ng: natural gradient from each minibatch alone; "
        "sgd: plain gradient",
        choices=("ng", "simple-ng", "sgd"),
    )
    backstitch_training_scale: float = declared(0.0, "Share of a step taken back before it; 0: none")
    backstitch_training_interval: int = declared(1, "Minibatches from one backstitch to the next")
    compute_dtype: str = declared(
        "float32", "Factors of the layers' products; all that is kept is float32", choices=("float32", "bfloat16")
    )

    def __post_init__(self) -> None:
        """Check the values."""
        check_choices(self)
        self._check("momentum", 0.0 <= self.momentum < 1.0, "from 0 to below 1")
        for name in ("max_param_change", "l2_regularize_factor", "backstitch_training_scale"):
            self._check(name, 0.0 <= getattr(self, name) < float("inf"), "0 or more")
        self._check("backstitch_training_interval", self.backstitch_training_interval >= 1, "1 or more")
        if self.backstitch_training_scale and self.momentum:
            given = f"--backstitch-training-scale={self.backstitch_training_scale} and --momentum={self.momentum}"
            raise UsageError(given, expected="one of them to be 0")

    def _check(self, name: str, is_good: bool, expected: str) -> None:
        if not is_good:
            raise UsageError(f"{option_name(name)}={getattr(self, name)}", expected=expected)
