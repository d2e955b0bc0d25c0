"""What an optimizer remembers from minibatch to minibatch, and the mean of what several remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.train.update.natural_gradient import PreconditionedAffine, mean_estimate

Arrays = dict[str, np.ndarray]
"""`momentum` [num_trained], float32; and `ng/<component>/<side>.<field>`, what natural gradient remembers."""


class Memory:
    """Momentum and the Fisher matrices of natural gradient, as arrays.

    Args:
        momentum: the change that is kept, [num_trained]; None for an update without momentum.
        preconditioners: by component.
    """

    def __init__(self, momentum: torch.Tensor | None, preconditioners: Mapping[str, PreconditionedAffine]) -> None:
        self._momentum, self._preconditioners = momentum, preconditioners

    def arrays(self) -> Arrays:
        """A copy of it all; estimates that have not begun are left out."""
        arrays = {} if self._momentum is None else {"momentum": self._momentum.cpu().numpy().copy()}
        for component, preconditioner in self._preconditioners.items():
            arrays |= {f"ng/{component}/{key}": value for key, value in preconditioner.state().items()}
        return arrays

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` gave; what it does not have starts afresh.

        Raises:
            InputError: the arrays are of another network or of another update; the memory is not to be used.
        """
        states: dict[str, Arrays] = {component: {} for component in self._preconditioners}
        momentum = None
        for name, value in arrays.items():
            component, _, key = name.removeprefix("ng/").rpartition("/")
            if self._momentum is not None and name == "momentum" and value.shape == self._momentum.shape:
                momentum = torch.from_numpy(value)
            elif name.startswith("ng/") and component in states:
                states[component][key] = value
            else:
                raise InputError("the optimizer's memory is of another network or another update", key=name)
        for component, preconditioner in self._preconditioners.items():
            try:
                preconditioner.load_state(states[component])
            except InputError as failure:
                raise failure.but(key=f"ng/{component}/{failure.key}") from None
        if self._momentum is not None:
            self._momentum.zero_() if momentum is None else self._momentum.copy_(momentum)

    def reset(self) -> None:
        """Forget."""
        self.load({})


def mean_memory(memories: Sequence[Mapping[str, np.ndarray]]) -> Arrays:
    """The mean of what several optimizers of one network remember, as `Memory.arrays` gives it.

    Momentum [num_trained]: the mean in float64 in the order given, rounded once. Natural gradient: `mean_estimate`, for each
    side of each component over those that have begun an estimate of it.

    Raises:
        NotFiniteError: NaN or infinity.
    """
    for number, memory in enumerate(memories, start=1):
        for key, value in memory.items():
            if not np.isfinite(value).all():
                raise NotFiniteError(f"NaN or infinity in what optimizer {number} remembers", key=key)
    momenta = [memory["momentum"] for memory in memories if "momentum" in memory]
    mean = {"momentum": _mean_momentum(momenta)} if momenta else {}
    sides = dict.fromkeys(key.rpartition(".")[0] for memory in memories for key in memory if key.startswith("ng/"))
    for side in sides:
        states = [_state_of(side, memory) for memory in memories if f"{side}.calls" in memory]
        mean |= {f"{side}.{key}": value for key, value in mean_estimate(states).items()}
    return mean


def _mean_momentum(momenta: Sequence[np.ndarray]) -> np.ndarray:
    total = momenta[0].astype(np.float64)
    for momentum in momenta[1:]:
        total += momentum
    return (total / len(momenta)).astype(np.float32)


def _state_of(side: str, memory: Mapping[str, np.ndarray]) -> Arrays:
    return {key.removeprefix(f"{side}."): value for key, value in memory.items() if key.startswith(f"{side}.")}
