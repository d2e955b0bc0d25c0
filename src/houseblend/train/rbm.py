"""Contrastive divergence with one step of Gibbs sampling (Hinton 2002): the learner that is an RBM.

N frames; parameters are flat, [n].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.base.log import warn
from houseblend.nnet.randomness import Randomness
from houseblend.nnet.rbm import Rbm
from houseblend.train.rbm_options import RbmRule
from houseblend.train.rbm_passes import compare, take_step
from houseblend.train.update.optimizer import Pull

LARGEST_SPREAD = 2.0
"""Of the reconstruction, as a multiple of the data's: an RBM of Gaussian visible units beyond it is about to explode."""
LOWERED = 0.9
"""The rate after that, as a share of that before, until the ramp of momentum takes its next step."""


@dataclass
class RbmBatch:
    """Frames x, [N, visible], and the place of the first in the order of data."""

    x: torch.Tensor
    position: int

    def __len__(self) -> int:
        """Its frames."""
        return len(self.x)


@dataclass
class ReconstructionError:
    """Sums over frames: half the squared distance of a frame from its reconstruction, and the frames."""

    error: float = 0.0
    frames: int = 0

    @property
    def per_frame(self) -> float:
        """As Kaldi reports it (Mse)."""
        return self.error / self.frames if self.frames else float("nan")


class RbmMemory:
    """What is remembered from minibatch to minibatch.

    Attributes:
        momentum: the last change, [n].
        lowered: at which step of the ramp the rate was lowered last, and how often at that step.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self.momentum, self.lowered = torch.zeros_like(like), (0, 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy: `momentum` [n], float32, and `lowered` [2], int64."""
        return {"momentum": self.momentum.cpu().numpy().copy(), "lowered": np.array(self.lowered)}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `arrays` gave; what it does not have starts afresh.

        Raises:
            InputError: the arrays are of something else.
        """
        own = self.arrays()
        for name, value in arrays.items():
            if name not in own or own[name].shape != value.shape:
                raise InputError("the optimizer's memory is of another RBM", key=name)
        self.reset()
        if "momentum" in arrays:
            self.momentum.copy_(torch.from_numpy(arrays["momentum"]))
        if "lowered" in arrays:
            step, times = arrays["lowered"].tolist()
            self.lowered = (step, times)

    def reset(self) -> None:
        """Forget."""
        self.momentum.zero_()
        self.lowered = (0, 0)


@dataclass
class Chain:
    """One step of Gibbs sampling: data v0 and its reconstruction v1, [N, visible]; means of the hidden units h0, h1, [N, hidden]."""

    v0: torch.Tensor
    h0: torch.Tensor
    v1: torch.Tensor
    h1: torch.Tensor


class RbmTrainer:
    """Trains a copy of an RBM, on this machine's processors.

    The random numbers of a frame's hidden units depend on the seed, the frame's position and the unit alone, momentum and
    rate on the position: whoever trains a frame, in whatever process, draws and does the same.

    Args:
        rbm: to begin with.
        rule: the update rule.
        seed: of the samples.

    Attributes:
        params: all numbers, flat [n]; they may be overwritten between steps.
        rbm: the RBM that is trained, views of `params`.
        memory: what is remembered between steps.
        reconstruction: sums over all minibatches, each before it was trained on.
        num_minibatches: steps taken.
    """

    def __init__(self, rbm: Rbm, rule: RbmRule, seed: int = 0) -> None:
        self.rule, self.seed = rule, seed
        self.params = rbm.flat()
        self.rbm = rbm.over(self.params)
        self.memory = RbmMemory(self.params)
        self._change = rbm.over(self.memory.momentum)
        self._visible_gap, self._hidden_gap = torch.empty_like(rbm.visible_bias), torch.empty_like(rbm.hidden_bias)
        self._buffers = self._new_buffers(0)
        self.reconstruction, self.num_minibatches = ReconstructionError(), 0

    def step(self, batch: RbmBatch, pull: Pull | None = None) -> float:
        """Train on one minibatch; returns its objective: minus the reconstruction error (the sum).

        Args:
            batch: frames.
            pull: anchor a, flat [n], and strength s: -s/2 ||params - a||^2 is added to the objective that is followed.

        Raises:
            NotFiniteError: the reconstruction left the finite numbers; the RBM is not to be used.
        """
        chain = self._sample(batch)
        visible, spread0, spread1 = compare(chain.v0.numpy(), chain.v1.numpy(), self._visible_gap.numpy())
        hidden, _, _ = compare(chain.h0.numpy(), chain.h1.numpy(), self._hidden_gap.numpy())
        if not math.isfinite(visible + hidden):
            what = f"minibatch {self.num_minibatches}: data and reconstruction are {visible} apart, their hidden units {hidden}"
            raise NotFiniteError(what, do="lower the learning rate")
        if self.rbm.visible_type == "gauss" and spread1 > LARGEST_SPREAD * spread0:
            self._shrink(batch.position, spread0, spread1)
        else:
            self._update(batch.position, chain, pull)
        error = visible / 2
        self.reconstruction.error += error
        self.reconstruction.frames += len(batch)
        self.num_minibatches += 1
        return -error

    def check(self) -> None:
        """Nothing: `step` says at once what there is to say."""

    def restart(self, params: torch.Tensor) -> None:
        """Begin again from other parameters, flat [n]: memory is forgotten."""
        self.params.copy_(params)
        self.memory.reset()

    def _new_buffers(self, frames: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Memory for h0, v1 and h1."""
        hidden, visible = self.rbm.weights.shape
        h0, v1, h1 = (self.params.new_empty(frames, size) for size in (hidden, visible, hidden))
        return h0, v1, h1

    def _sample(self, batch: RbmBatch) -> Chain:
        """Reconstruct from samples of the hidden units; all else are means."""
        if len(batch) != len(self._buffers[0]):
            self._buffers = self._new_buffers(len(batch))
        h0, v1, h1 = self._buffers
        self.rbm.hidden(batch.x, out=h0)
        randomness = Randomness(self.seed, batch.position, len(batch))
        if self.rbm.hidden_type == "bern":
            sampled = randomness.sample("hidden", h0, out=h1)
        else:
            sampled = h0 + randomness.normal("hidden", h0.shape[1])
        self.rbm.visible(sampled, out=v1)
        self.rbm.hidden(v1, out=h1)
        return Chain(batch.x, h0, v1, h1)

    def _update(self, position: int, chain: Chain, pull: Pull | None) -> None:
        """d = m d + r (mean over frames of h0 v0' - h1 v1' - L2 W), p += d; the biases without L2 (`RbmRule`)."""
        rate, momentum = self.rule.rate_and_momentum(position)
        rate *= LOWERED ** self._times_lowered(position)
        rbm, change, share = self.rbm, self._change, rate / len(chain.v0)
        change.weights.addmm_(chain.h0.t(), chain.v0, beta=momentum, alpha=share)
        change.weights.addmm_(chain.h1.t(), chain.v1, alpha=-share)
        change.visible_bias.mul_(momentum).add_(self._visible_gap, alpha=share)
        change.hidden_bias.mul_(momentum).add_(self._hidden_gap, alpha=share)
        if pull is not None:
            anchor, strength = pull
            self.memory.momentum.add_(anchor - self.params, alpha=rate * strength)
        decay = np.float32(rate * self.rule.l2_penalty)
        take_step(rbm.weights.view(-1).numpy(), change.weights.view(-1).numpy(), decay)
        rbm.visible_bias.add_(change.visible_bias)
        rbm.hidden_bias.add_(change.hidden_bias)

    def _shrink(self, position: int, spread0: float, spread1: float) -> None:
        """Keep Gaussian units from exploding: the RBM is scaled down, the minibatch is not learnt.

        Args:
            position: of the minibatch.
            spread0, spread1: standard deviations of data and reconstruction.
        """
        self.params.mul_(spread0 / spread1)
        self.memory.momentum.zero_()
        self.memory.lowered = (self._ramp_step(position), self._times_lowered(position) + 1)
        warn(
            f"minibatch {self.num_minibatches}: the standard deviation of the reconstruction is {spread1:.3g}, of the data "
            f"{spread0:.3g}; the RBM is scaled down by that, its rate lowered by {1 - LOWERED:.0%}"
        )

    def _ramp_step(self, position: int) -> int:
        return position // self.rule.momentum_step_period

    def _times_lowered(self, position: int) -> int:
        """At this step of the ramp; the next one begins with the rate of the rule."""
        step, times = self.memory.lowered
        return times if step == self._ramp_step(position) else 0


def scale_fault(frames: torch.Tensor) -> str | None:
    """What is wrong with the scale of input for Gaussian units, which want mean 0 and variance 1; None if nothing much.

    The frames of one minibatch may be of one speaker: what is told is far beyond that.

    Args:
        frames: some of them, [N, visible].
    """
    offset, variance = float(frames.mean(dim=0).square().mean().sqrt()), float(frames.var(dim=0).mean())
    if offset <= 1.5 and 0.1 <= variance <= 10.0:
        return None
    return f"frames are {offset:.3g} from mean 0, their variance is {variance:.3g}"
