"""A network on a frame store, as the round machine trains it. Parameters are flat, [n] float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch

from houseblend.base.seeds import seed_of
from houseblend.nnet.average import merge_statistics, statistics_of
from houseblend.nnet.components.nonlinear import NonlinearComponent
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.network import Network
from houseblend.parallel.model import Measures
from houseblend.train.combine import recompute_statistics
from houseblend.train.examples import Minibatch, read_minibatches
from houseblend.train.file_to_file import EVALUATION_MINIBATCH
from houseblend.train.objective import evaluate_as_for_test
from houseblend.train.trainer import Trainer

if TYPE_CHECKING:
    from houseblend.parallel.task import RoundTask


class Gathered(NamedTuple):
    """A network's statistics, flat, and which of them exist, by component."""

    flat: np.ndarray
    stored: dict[str, set[str]]


class NetworkModel:
    """See `Model`.

    Args:
        network: the network.
    """

    suffix: ClassVar[str] = "raw"

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def read(cls, path: str | Path, device: str = "cpu") -> NetworkModel:
        """See `Model.read`."""
        return cls(read_network(path, device))

    def write(self, path: Path) -> None:
        """See `Model.write`."""
        write_network(path, self.network)

    @property
    def params(self) -> torch.Tensor:
        """See `Model.params`."""
        return self.network.parameters.trained

    @property
    def spans(self) -> Mapping[str, slice]:
        """See `Model.spans`."""
        return self.network.parameters.layout.spans

    def hash(self) -> str:
        """See `Model.hash`."""
        return self.network.parameters.hash()

    def failure(self) -> str:
        """See `Model.failure`."""
        return self.network.parameters.not_finite() or ""

    def training(self, task: RoundTask, number: int) -> tuple[Trainer, Iterator[Minibatch]]:
        """See `Model.training`."""
        plan = task.plan
        self.network.set_learning_rate(plan.learning_rate)
        rule = replace(task.rule, max_param_change=plan.max_param_change, l2_regularize_factor=1.0 / plan.workers)
        trainer = Trainer(self.network, rule, seed_of(task.seed, "dropout", plan.round, number, task.attempt))
        interval = plan.intervals[number - 1]
        return trainer, read_minibatches(
            task.examples("train"), self._context, plan.minibatch_size, *interval, task.seed
        )

    def measure(self, examples: str) -> Measures:
        """Objective and accuracy, batch norm as for test."""
        found = evaluate_as_for_test(self.network, read_minibatches(examples, self._context, EVALUATION_MINIBATCH))
        return Measures(found.per_frame, found.accuracy)

    def statistics(self) -> Gathered:
        """See `Model.statistics`."""
        stored = {one.name: one.stored for one in self._nonlinear()}
        return Gathered(statistics_of(self.network.parameters).cpu().numpy(), stored)

    def statistics_of(self, examples: str) -> Gathered:
        """See `Model.statistics_of`: batch norm's must fit, and with them all are taken."""
        if self.network.batch_norms():
            recompute_statistics(self.network, examples)
        return self.statistics()

    def become(
        self, params: torch.Tensor, statistics: Sequence[Gathered], weights: Sequence[float], rate: float
    ) -> None:
        """See `Model.become`."""
        self.network.set_learning_rate(rate)
        self.params.copy_(params)
        flat = [torch.from_numpy(one.flat).to(self.network.device) for one in statistics]
        merge_statistics(self.network.parameters, flat, weights)
        for component in self._nonlinear():
            component.stored = set().union(*(one.stored[component.name] for one in statistics))

    @property
    def _context(self) -> tuple[int, int]:
        return self.network.left_context, self.network.right_context

    def _nonlinear(self) -> Iterator[NonlinearComponent]:
        return (one for one in self.network.components if isinstance(one, NonlinearComponent))
