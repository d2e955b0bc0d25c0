"""What is trained in rounds, as the round machine sees it: flat parameters, a file, a learner, and how good it is.

Parameters are flat, [n] float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import torch

from houseblend.parallel.worker import Learner

if TYPE_CHECKING:
    from typing_extensions import Self

    from houseblend.parallel.task import RoundTask


class Measures(NamedTuple):
    """How good a model is on some frames, per frame.

    Attributes:
        objective: the higher the better; its negative is the loss.
        accuracy: share of frames that are classified rightly, if any are classified.
        free_energy: of an RBM's visible units.
    """

    objective: float
    accuracy: float | None = None
    free_energy: float | None = None


class Reporting(Learner, Protocol):
    """A learner that can tell of what it has learnt.

    Attributes:
        num_minibatches: that it was given.
        frames: the same in frames.
        mean_objective: per frame, each before it was learnt.
        limits: how often limits acted, by name.
    """

    num_minibatches: int

    @property
    def frames(self) -> float:
        """See above."""
        ...

    @property
    def mean_objective(self) -> float:
        """See above."""
        ...

    @property
    def limits(self) -> dict[str, Any]:
        """See above."""
        ...


class Model(Protocol):
    """A model in training.

    Attributes:
        suffix: of its files.
    """

    suffix: ClassVar[str]

    @classmethod
    def read(cls, path: str | Path, device: str = "cpu") -> Self:
        """Read it from a file.

        Raises:
            InputError: it is missing or no such model.
        """
        ...

    def write(self, path: Path) -> None:
        """Write it; the file appears whole or not at all."""
        ...

    @property
    def params(self) -> torch.Tensor:
        """The trained parameters, a view."""
        ...

    @property
    def spans(self) -> Mapping[str, slice]:
        """Where each part lies among them."""
        ...

    def hash(self) -> str:
        """SHA-256 of all its numbers."""
        ...

    def failure(self) -> str:
        """What of it is not finite; empty if it can be used."""
        ...

    def training(self, task: RoundTask, number: int) -> tuple[Reporting, Iterator[Any]]:
        """What trains it in place as a worker of a round, and that worker's minibatches.

        Raises:
            InputError: the data is missing or does not fit.
        """
        ...

    def measure(self, examples: str) -> Measures:
        """How good it is on `frames:DIR:SUBSET`."""
        ...

    def statistics(self) -> Any:
        """What it has gathered beside its parameters, as it can be sent to another rank."""
        ...

    def statistics_of(self, examples: str) -> Any:
        """The same, with what must fit its parameters taken anew from `frames:DIR:SUBSET`."""
        ...

    def become(self, params: torch.Tensor, statistics: Sequence[Any], weights: Sequence[float], rate: float) -> None:
        """Make it the model of a round: parameters, what its workers have gathered together, and their learning rate."""
        ...
