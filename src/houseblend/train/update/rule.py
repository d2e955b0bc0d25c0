"""How a gradient becomes a change of the parameters, as options."""

from dataclasses import dataclass, field, fields
from typing import Any

from houseblend.base.errors import UsageError


def _option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": text, "choices": choices} if choices else {"help": text})


@dataclass(frozen=True)
class UpdateRule:
    """How the gradient is computed, and what is done with it.

    Raises:
        UsageError: a value that is none of the choices or out of its range, or backstitch with momentum.
    """

    momentum: float = _option(0.0, "Share of the last change that is kept; the new one counts the rest")
    max_param_change: float = _option(2.0, "Largest norm of a minibatch's change; 0: no limit")
    l2_regularize_factor: float = _option(1.0, "Factor on the components' l2-regularize")
    update: str = _option(
        "ng",
        "Direction: ng: natural gradient, where a component has it; simple-ng: natural gradient from each minibatch alone; "
        "sgd: plain gradient",
        choices=("ng", "simple-ng", "sgd"),
    )
    backstitch_training_scale: float = _option(0.0, "Share of a step taken back before it; 0: none")
    backstitch_training_interval: int = _option(1, "Minibatches from one backstitch to the next")
    compute_dtype: str = _option(
        "float32", "Factors of the layers' products; all that is kept is float32", choices=("float32", "bfloat16")
    )

    def __post_init__(self) -> None:
        """Check the values."""
        for option in fields(self):
            choices = option.metadata.get("choices")
            self._check(option.name, not choices or getattr(self, option.name) in choices, " or ".join(choices or ()))
        self._check("momentum", 0.0 <= self.momentum < 1.0, "from 0 to below 1")
        for name in ("max_param_change", "l2_regularize_factor", "backstitch_training_scale"):
            self._check(name, 0.0 <= getattr(self, name) < float("inf"), "0 or more")
        self._check("backstitch_training_interval", self.backstitch_training_interval >= 1, "1 or more")
        if self.backstitch_training_scale and self.momentum:
            given = f"--backstitch-training-scale={self.backstitch_training_scale} and --momentum={self.momentum}"
            raise UsageError(given, expected="one of them to be 0")

    def _check(self, name: str, is_good: bool, expected: str) -> None:
        if not is_good:
            raise UsageError(f"--{name.replace('_', '-')}={getattr(self, name)}", expected=expected)
