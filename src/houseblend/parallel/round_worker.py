"""The workers of a round: how they are begun from its files, and what is left of them.

Parameters are flat, [n] float32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.log import log, speaking_as
from houseblend.io.arrays import below, read_arrays
from houseblend.parallel.model import Model
from houseblend.parallel.models import read_model
from houseblend.parallel.records import WorkerReport
from houseblend.parallel.strategy import Own, Shared, WorkerSide
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told, Worker

AGAIN = "begin a new directory"


@dataclass
class Start:
    """What a round begins with, besides its workers' own arrays.

    Args:
        model: that before the round.
        shared: the strategy's arrays.
        params: what all workers begin with, if it is not the model, flat [n].
        memory: the optimizer's memory that all begin with, if they do.
    """

    model: Model
    shared: Shared
    params: torch.Tensor | None
    memory: dict[str, np.ndarray]


@dataclass
class Finished:
    """What is left of a worker when its data is used up, before the blend that ends the round.

    Args:
        report: what became of it.
        model: its own.
        own: its arrays in the strategy.
        memory: the optimizer's.
    """

    report: WorkerReport
    model: Model
    own: Own = field(default_factory=dict)
    memory: dict[str, np.ndarray] = field(default_factory=dict)


def read_start(task: RoundTask, strategy: WorkerSide) -> Start:
    """Read the model before the round, and what lasts from the round before; begin where nothing does."""
    model = read_model(task)
    arrays = {} if task.state is None else read_arrays(task.state, AGAIN)
    shared = tensors_of(below(arrays, "shared"), model.params) or strategy.begin(model.params)
    params = tensors_of({"start": arrays["start"]}, model.params)["start"] if "start" in arrays else None
    return Start(model, shared, params, below(arrays, "memory"))


class RoundWorker(Worker):
    """A worker with a model of its own.

    Args:
        task: the round.
        number: which worker, from 1.
        strategy: as it is in this round.
        start: what all workers begin with.
        told: see `Told`.

    Raises:
        InputError: model, data or state are missing or do not fit.
    """

    def __init__(self, task: RoundTask, number: int, strategy: WorkerSide, start: Start, told: Told) -> None:
        began = time.monotonic()
        self.task = task
        self.model = read_model(task)
        self.trainer, batches = self.model.training(task, number)
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

    def finish(self, evaluate: bool = True) -> Finished:
        """What is left of the worker, with how good it is on held-out data, if that is asked for.

        Raises:
            InputError: its interval held no examples.
        """
        if self.trainer.num_minibatches == 0 and not self.failure:
            raise InputError(
                "no examples in the interval", file=self.task.examples("train"), key=self.number,
                expected=f"frames from {self.task.plan.intervals[self.number - 1][0]} on",
            )  # fmt: skip
        with speaking_as(f"worker {self.number}"):
            report = self._report(evaluate)
        lasts = self.task.memory.optimizer_memory_at_round_end != "reset"
        return Finished(report, self.model, self.own, self.trainer.memory.arrays() if lasts else {})

    def _report(self, evaluate: bool) -> WorkerReport:
        began, trainer, heldout = time.monotonic(), self.trainer, None
        if not self.failure and (what := self.model.failure()):
            self.failure = f"not finite: {what}"
        if evaluate and not self.failure:
            heldout = self.model.measure(self.task.examples("heldout"))
        seconds = {
            "start": self.starting, "training": self.training, "reading": self.reading, "evaluating": time.monotonic() - began,
        }  # fmt: skip
        report = WorkerReport(
            self.number, trainer.frames, trainer.num_minibatches, _finite(trainer.mean_objective),
            heldout and _finite(heldout.objective), heldout and _finite(heldout.accuracy),
            {name: round(value, 3) for name, value in seconds.items()}, trainer.limits, self.failure,
        )  # fmt: skip
        log(
            f"objective {trainer.mean_objective:.4f} over {trainer.frames:.0f} frames"
            + (f", held out {heldout.objective:.4f}" if heldout else "")
        )
        return report


def tensors_of(arrays: Mapping[str, np.ndarray], like: torch.Tensor) -> dict[str, torch.Tensor]:
    """Arrays of a file as tensors of the type, and on the device, of another."""
    return {name: torch.from_numpy(array).to(like) for name, array in arrays.items()}


def numpy_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Tensors as the arrays of a file."""
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
