"""An RBM on top of what lies below it, on a frame store, as the round machine trains it.

Parameters are flat, [n] float32; frames are [N, dim].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.components import Splice, tensors, unfolded
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm
from houseblend.parallel.model import Measures
from houseblend.train.examples import read_minibatches
from houseblend.train.file_to_file import EVALUATION_MINIBATCH
from houseblend.train.rbm import RbmBatch, RbmTrainer

if TYPE_CHECKING:
    from houseblend.parallel.task import RoundTask


class RbmLearner(RbmTrainer):
    """The trainer of an RBM as a worker of a round reports of it; its objective is that of `RbmModel.measure`."""

    @property
    def frames(self) -> float:
        """Of all minibatches."""
        return float(self.reconstruction.frames)

    @property
    def mean_objective(self) -> float:
        """Per frame, with sampled hidden units."""
        return -2 * self.reconstruction.per_frame / len(self.rbm.visible_bias)

    @property
    def limits(self) -> dict[str, Any]:
        """Nothing is counted."""
        return {}


class RbmModel:
    """See `Model`. The file is a network of nnet1: a splice, the layers below, and the RBM.

    Args:
        chain: such a network.
        file: where it comes from, for errors.

    Raises:
        InputError: it is another one.
    """

    suffix: ClassVar[str] = "nnet"

    def __init__(self, chain: Nnet1, file: object = None) -> None:
        splice, below, rbm = chain.components[0], chain.components[1:-1], chain.components[-1]
        if not isinstance(splice, Splice) or not _is_window(splice.offsets) or not isinstance(rbm, Rbm):
            expected = "<Splice> of neighbouring frames first, and <Rbm> last"
            raise InputError("no RBM on spliced frames", file=file, expected=expected, do="run pretrain_dbn")
        self._splice, self._below = splice, [layer for component in below for layer in unfolded(component)]
        self._adopt(rbm, rbm.flat())

    def _adopt(self, rbm: Rbm, flat: torch.Tensor) -> None:
        self.params, self.rbm = flat, rbm.over(flat)

    @classmethod
    def read(cls, path: str | Path, device: str = "cpu") -> RbmModel:
        """See `Model.read`; RBMs are trained on the processor."""
        return cls(read_nnet1(path), path)

    def write(self, path: Path) -> None:
        """See `Model.write`."""
        write_nnet1(path, Nnet1([self._splice, *self._below, self.rbm]))

    @property
    def spans(self) -> Mapping[str, slice]:
        """See `Model.spans`."""
        sizes = {name: tensor.numel() for name, tensor in tensors(self.rbm).items()}
        ends = accumulate(sizes.values(), initial=0)
        return {name: slice(*ends) for name, ends in zip(sizes, pairwise(ends), strict=True)}

    def hash(self) -> str:
        """See `Model.hash`; the layers below are hashed with it."""
        digest = hashlib.sha256()
        for component in (*self._below, self.rbm):
            for tensor in tensors(component).values():
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def failure(self) -> str:
        """See `Model.failure`."""
        return "" if torch.isfinite(self.params).all() else "NaN or infinity among the parameters"

    def training(self, task: RoundTask, number: int) -> tuple[RbmLearner, Iterator[RbmBatch]]:
        """See `Model.training`. What is sampled depends on the frame's position, whoever trains it."""
        plan = task.plan
        rule = replace(task.rule, learn_rate=plan.learning_rate)
        learner = RbmLearner(self.rbm, rule, seed_of(task.seed, "rbm"))
        self._adopt(learner.rbm, learner.params)
        return learner, self._batches(
            task.examples("train"), plan.minibatch_size, *plan.intervals[number - 1], task.seed
        )

    def measure(self, examples: str) -> Measures:
        """Minus the squared error of the mean reconstruction, by visible unit; and the mean free energy."""
        error = energy = 0.0
        frames = 0
        for batch in self._batches(examples, EVALUATION_MINIBATCH):
            v0 = batch.x
            v1 = self.rbm.visible(self.rbm.hidden(v0))
            error += float((v0 - v1).double().square().sum())
            energy += float(self.rbm.free_energy(v0).double().sum())
            frames += len(batch)
        return Measures(-error / frames / len(self.rbm.visible_bias), None, energy / frames)

    def statistics(self) -> None:
        """See `Model.statistics`: none."""

    def statistics_of(self, examples: str) -> None:
        """See `Model.statistics_of`: none."""

    def become(self, params: torch.Tensor, statistics: Sequence[None], weights: Sequence[float], rate: float) -> None:
        """See `Model.become`."""
        self.params.copy_(params)

    def mean_hidden(self, examples: str) -> torch.Tensor:
        """Mean of the hidden units over frames, [hidden] float64."""
        total, frames = torch.zeros(len(self.rbm.hidden_bias), dtype=torch.float64), 0
        for batch in self._batches(examples, EVALUATION_MINIBATCH):
            total += self.rbm.hidden(batch.x).double().sum(dim=0)
            frames += len(batch)
        return total / frames

    def _batches(self, examples: str, minibatch_size: int, *order: int) -> Iterator[RbmBatch]:
        """Minibatches of the visible units; `order` as in `read_minibatches`: begin, end, seed."""
        offsets = self._splice.offsets
        for batch in read_minibatches(examples, (-offsets[0], offsets[-1]), minibatch_size, *order):
            x = batch.x_NWD.flatten(1)
            for component in self._below:
                x = component.forward(x)
            yield RbmBatch(x, batch.position)


def _is_window(offsets: tuple[int, ...]) -> bool:
    """Whether they are neighbouring frames, the present one among them."""
    return offsets == tuple(range(offsets[0], offsets[-1] + 1)) and offsets[0] <= 0 <= offsets[-1]
