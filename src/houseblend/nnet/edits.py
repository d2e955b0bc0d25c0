"""Changes that do not train: learning rates, and scaling of all numbers."""

from __future__ import annotations

from fnmatch import fnmatchcase

from houseblend.base.errors import InputError
from houseblend.nnet.components.base import UpdatableComponent
from houseblend.nnet.descriptor import parse_config
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import count_of, set_count


def apply_edits(network: Network, edits: str) -> None:
    """Apply nnet3's edit lines, separated by semicolons or line breaks.

    Supported: `set-learning-rate [name=pattern] learning-rate=x`, where x is multiplied by the component's factor.

    Raises:
        InputError: another edit, or a pattern that matches no trained component.
    """
    for line in parse_config(edits.replace(";", "\n"), "edits"):
        if line.kind != "set-learning-rate":
            raise line.fail(f"the edit {line.kind!r} is not supported", "set-learning-rate")
        line.check_known(("name", "learning-rate"))
        pattern = line.values.get("name", "*")
        chosen = [c for c in network.updatable() if fnmatchcase(c.name, pattern)]
        if not chosen:
            raise line.fail(f"no trained component is called {pattern!r}")
        try:
            rate = float(line.required("learning-rate"))
        except ValueError:
            raise line.fail(f"learning-rate={line.values['learning-rate']}", "a number") from None
        for component in chosen:
            component.set_learning_rate(rate)


def change_network(network: Network, learning_rate: float | None, scale: float, edits: str) -> None:
    """What nnet3-copy does between reading and writing, in its order.

    Args:
        network: changed in place.
        learning_rate: for all trained components, times their factors; None leaves them.
        scale: on parameters and on the counts of statistics.
        edits: see `apply_edits`.

    Raises:
        InputError: a bad edit, or a network without trained components whose rate should be set.
    """
    if learning_rate is not None:
        if not any(isinstance(c, UpdatableComponent) for c in network.components):
            raise InputError("the network has no trained components whose learning rate could be set")
        network.set_learning_rate(learning_rate)
    if scale != 1.0:
        scale_network(network, scale)
    apply_edits(network, edits)


def scale_network(network: Network, scale: float) -> None:
    """Multiply parameters and counts; averages and frozen tensors stay as they are."""
    for _, tensor in network.parameters.items("parameter"):
        tensor.mul_(scale)
    for _, tensor in network.parameters.items("counter"):
        set_count(tensor, scale * count_of(tensor))
