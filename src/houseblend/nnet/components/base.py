"""What every component of a network has, and what the trained ones have besides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

import torch

from houseblend.nnet.parameters import Counter, TensorSpec
from houseblend.nnet.randomness import Randomness


class TensorsByName(Protocol):
    """Tensors found by name: a dictionary, or the network's `Parameters`."""

    def __getitem__(self, name: str, /) -> torch.Tensor:
        """The tensor of this name, in its own shape."""
        ...


class Component:
    """One function from rows to rows, with its derivative.

    Rows are frames: x is [rows, input_dim], y is [rows, output_dim], derivatives have the shape of what they are by.
    A component owns no numbers: its tensors are views into the network's buffer, given by `bind`.
    `forward` and `backward` write into tensors that the network provides, so that nothing is allocated
    while training.

    Attributes:
        kind: nnet3's name of the class.
        in_place: the output may be written over the input, and the input's derivative over the output's.
        uses_input, uses_output: what `backward` reads besides the derivative.
        time_offsets: x holds the input at these times relative to the output's, side by side.
        randomness: of the minibatch, for what `forward` draws while training; None means not training.
    """

    kind: ClassVar[str]
    in_place: ClassVar[bool] = False
    uses_input: ClassVar[bool] = False
    uses_output: ClassVar[bool] = False
    time_offsets: tuple[int, ...] = (0,)
    randomness: Randomness | None = None

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        self.name, self.input_dim, self.output_dim = name, input_dim, output_dim

    def specs(self) -> list[TensorSpec]:
        """The tensors that this component keeps in the network's buffer."""
        return []

    def bind(self, tensors: TensorsByName) -> None:
        """Take the views of the buffer, by the names and in the shapes of `specs`."""

    def counters(self) -> Iterable[Counter]:
        """What it counts with, bound to the buffer."""
        return ()

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> None:
        """Write y = f(x) into `out`.

        Args:
            x: [rows, input_dim].
            out: [rows, output_dim]; the same memory as x only if `in_place`.
        """
        raise NotImplementedError

    def backward(self, x: torch.Tensor, y: torch.Tensor, dy: torch.Tensor, out: torch.Tensor) -> None:
        """Write the derivative by the input, given the derivative by the output.

        Args:
            x, y: what `forward` read and wrote; only those are valid that `uses_input`, `uses_output` ask for.
            dy: [rows, output_dim].
            out: [rows, input_dim]; the same memory as dy only if `in_place`.
        """
        raise NotImplementedError

    def update_statistics(self, y: torch.Tensor, randomness: Randomness) -> None:
        """Take what `forward` has just written, [rows, output_dim], into the statistics, or not, as is drawn."""

    def update_derivative_statistics(self, dy: torch.Tensor, randomness: Randomness) -> None:
        """The same for the derivative by the output, [rows, output_dim], before `backward`."""


class UpdatableComponent(Component):
    """A component with trained parameters.

    Attributes:
        learning_rate: the rate that is applied, `learning_rate_factor` included.
        learning_rate_factor: by which a rate set for the whole network is multiplied.
        max_change: largest L2 norm of this component's change in one minibatch; 0 is no limit.
        l2_regularize: strength of the L2 term, nnet3's l2-regularize.
        is_gradient: the file says that the component holds a gradient instead of parameters.
    """

    def __init__(self, name: str, input_dim: int, output_dim: int) -> None:
        super().__init__(name, input_dim, output_dim)
        self.learning_rate = 0.001
        self.learning_rate_factor = 1.0
        self.max_change = 0.0
        self.l2_regularize = 0.0
        self.is_gradient = False

    def set_learning_rate(self, rate: float) -> None:
        """Set the network's rate; this component applies it times its factor."""
        self.learning_rate = rate * self.learning_rate_factor

    def accumulate(
        self, x: torch.Tensor, dy: torch.Tensor, delta: TensorsByName, rate: float, ones: torch.Tensor | None = None
    ) -> None:
        """Add a rate times the gradient, summed over the rows, to `delta`.

        Args:
            x: input, [rows, input_dim].
            dy: derivative of the objective by the output, [rows, output_dim].
            delta: tensors by the names of `specs`.
            rate: factor.
            ones: what each row's constant input 1, which a bias is multiplied by, has become, [rows]; 1 if not given.
        """
        raise NotImplementedError
