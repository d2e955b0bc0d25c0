"""Workers that train networks on a frame store: how they are begun from a round's files, and what is left of them.

Parameters are flat, [n] float32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.log import log, speaking_as
from houseblend.base.seeds import seed_of
from houseblend.io.arrays import below, read_arrays
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.network import Network
from houseblend.parallel.records import WorkerReport
from houseblend.parallel.strategy import Own, Shared, Strategy
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told, Worker
from houseblend.train.examples import read_minibatches
from houseblend.train.file_to_file import EVALUATION_MINIBATCH
from houseblend.train.objective import evaluate_as_for_test
from houseblend.train.trainer import Trainer

AGAIN = "begin a new directory"


@dataclass
class Start:
    """What a round begins with, besides its workers' own arrays.

    Args:
        network: the model before the round.
        shared: the strategy's arrays.
        params: what all workers begin with, if it is not the model, flat [n].
        memory: the optimizer's memory that all begin with, if they do.
    """

    network: Network
    shared: Shared
    params: torch.Tensor | None
    memory: dict[str, np.ndarray]


@dataclass
class Finished:
    """What is left of a worker when its data is used up, before the blend that ends the round.

    Args:
        report: what became of it.
        network: its network.
        own: its arrays in the strategy.
        memory: the optimizer's.
    """

    report: WorkerReport
    network: Network
    own: Own = field(default_factory=dict)
    memory: dict[str, np.ndarray] = field(default_factory=dict)


def read_start(task: RoundTask, strategy: Strategy) -> Start:
    """Read the model before the round, and what lasts from the round before; begin where nothing does."""
    network = read_network(task.model, task.device)
    trained = network.parameters.trained
    arrays = {} if task.state is None else read_arrays(task.state, AGAIN)
    shared = tensors_of(below(arrays, "shared"), trained) or strategy.begin(trained)
    params = tensors_of({"start": arrays["start"]}, trained)["start"] if "start" in arrays else None
    return Start(network, shared, params, below(arrays, "memory"))


class NetworkWorker(Worker):
    """A worker with a network of its own.

    Args:
        task: the round.
        number: which worker, from 1.
        strategy: as it is in this round.
        start: what all workers begin with.
        told: see `Told`.

    Raises:
        InputError: model, data or state are missing or do not fit.
    """

    def __init__(self, task: RoundTask, number: int, strategy: Strategy, start: Start, told: Told) -> None:
        began = time.monotonic()
        self.task = task
        self.network = read_network(task.model, task.device)
        self.network.set_learning_rate(task.plan.learning_rate)
        seed = seed_of(task.seed, "dropout", task.plan.round, number, task.attempt)
        self.trainer = Trainer(self.network, task.rule, seed)
        context = (self.network.left_context, self.network.right_context)
        begin, end = task.plan.intervals[number - 1]
        batches = read_minibatches(task.examples("train"), context, task.plan.minibatch_size, begin, end, task.seed)
        own = self._begin(number, start) or strategy.join(start.shared)
        super().__init__(number, self.trainer, batches, strategy, own, task.memory.optimizer_memory, told)
        self.starting = time.monotonic() - began

    def _begin(self, number: int, start: Start) -> Own:
        """Go on from what all begin with, and from what is this worker's own; returns its arrays in the strategy."""
        if start.params is not None:
            self.trainer.params.copy_(start.params)
        path = self.task.own_states.get(number)
        arrays = {} if path is None else read_arrays(path, AGAIN)
        if "params" in arrays:
            self.trainer.params.copy_(torch.from_numpy(arrays["params"]))
        if memory := below(arrays, "memory") or start.memory:
            self.trainer.memory.load(memory)
        return tensors_of(below(arrays, "own"), self.trainer.params)

    def finish(self) -> Finished:
        """Evaluate on held-out data; what is left of the worker.

        Raises:
            InputError: its interval held no examples.
        """
        if self.trainer.num_minibatches == 0 and not self.failure:
            raise InputError(
                "no examples in the interval", file=self.task.examples("train"), key=self.number,
                expected=f"frames from {self.task.plan.intervals[self.number - 1][0]} on",
            )  # fmt: skip
        with speaking_as(f"worker {self.number}"):
            report = self._report()
        lasts = self.task.memory.optimizer_memory_at_round_end != "reset"
        return Finished(report, self.network, self.own, self.trainer.memory.arrays() if lasts else {})

    def _report(self) -> WorkerReport:
        began, objective, heldout = time.monotonic(), self.trainer.objective, None
        if not self.failure and self.network.parameters.not_finite() is not None:
            self.failure = f"not finite: {self.network.parameters.not_finite()}"
        if not self.failure:
            heldout = evaluate_network(self.network, self.task.examples("heldout"))
        seconds = {
            "start": self.starting, "training": self.training, "reading": self.reading, "evaluating": time.monotonic() - began,
        }  # fmt: skip
        report = WorkerReport(
            self.number, objective.weight, self.trainer.num_minibatches, _finite(objective.per_frame),
            heldout and _finite(heldout[0]), heldout and _finite(heldout[1]), {name: round(value, 3) for name, value in seconds.items()},
            asdict(self.trainer.counts), self.failure,
        )  # fmt: skip
        log(
            f"objective {objective.per_frame:.4f} over {objective.weight:.0f} frames"
            + (f", held out {heldout[0]:.4f}" if heldout else "")
        )
        return report


def tensors_of(arrays: Mapping[str, np.ndarray], like: torch.Tensor) -> dict[str, torch.Tensor]:
    """Arrays of a file as tensors of the type, and on the device, of another."""
    return {name: torch.from_numpy(array).to(like) for name, array in arrays.items()}


def numpy_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Tensors as the arrays of a file."""
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def evaluate_network(network: Network, examples: str) -> tuple[float, float]:
    """Objective and accuracy per frame, batch norm as for test."""
    context = (network.left_context, network.right_context)
    found = evaluate_as_for_test(network, read_minibatches(examples, context, EVALUATION_MINIBATCH))
    return found.per_frame, found.accuracy


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
