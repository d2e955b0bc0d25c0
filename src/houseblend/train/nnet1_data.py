"""Minibatches of frames for nnet1: utterances with their targets, shuffled within a buffer (nnet/nnet-randomizer.cc).

Shapes: T frames of an utterance, D numbers a frame, N frames of a minibatch, K (target, weight) pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.train.nnet1_options import ShuffleOptions


@dataclass
class Frames:
    """Frames with targets and weights.

    Args:
        x_ND: inputs of the network, float32.
        rows: frame of every target, ascending, int64 [K]; a frame may have none or several.
        pdfs: every target, int64 [K].
        shares: the weight of every target in its frame, 1 where there is one, float32 [K].
        weights: of every frame, float32 [N].
    """

    x_ND: np.ndarray
    rows: np.ndarray
    pdfs: np.ndarray
    shares: np.ndarray
    weights: np.ndarray

    @classmethod
    def without_targets(cls, x_ND: np.ndarray) -> Frames:
        """Frames of weight 1."""
        none = np.zeros(0, np.int64)
        return cls(x_ND, none, none, np.zeros(0, np.float32), np.ones(len(x_ND), np.float32))

    def __len__(self) -> int:
        return len(self.x_ND)

    def chosen(self, order: np.ndarray) -> Frames:
        """The frames of `order` [n], in its order."""
        starts = np.searchsorted(self.rows, np.arange(len(self) + 1))
        counts = np.diff(starts)[order]
        rows = np.repeat(np.arange(len(order)), counts)
        behind = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        pairs = np.repeat(starts[order], counts) + behind
        return Frames(self.x_ND[order], rows, self.pdfs[pairs], self.shares[pairs], self.weights[order])

    def between(self, begin: int, end: int) -> Frames:
        """A stretch of them."""
        first, last = np.searchsorted(self.rows, (begin, end))
        rows = self.rows[first:last] - begin
        part = slice(first, last)
        return Frames(self.x_ND[begin:end], rows, self.pdfs[part], self.shares[part], self.weights[begin:end])

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """x, rows, pdfs, shares, weights, without a copy."""
        x_ND, rows, pdfs = map(torch.from_numpy, (self.x_ND, self.rows, self.pdfs))
        return x_ND, rows, pdfs, torch.from_numpy(self.shares), torch.from_numpy(self.weights)


def inputs_of(feats_TD: np.ndarray, transform: Nnet1 | None, dim: int) -> np.ndarray:
    """What a network reads of an utterance, float32 [T, dim].

    Args:
        feats_TD: features.
        transform: the network in front, if there is one.
        dim: numbers a frame that are read.

    Raises:
        InputError: features of another dim, or not finite.
        NotFiniteError: not finite, or not behind the transform.
    """
    if transform is not None:
        return transform.compute(feats_TD)
    if feats_TD.shape[1] != dim:
        raise InputError(f"{feats_TD.shape[1]} numbers a frame", expected=f"{dim}")
    if not np.isfinite(feats_TD).all():
        raise InputError("NaN or infinity in the features", expected="finite numbers")
    return np.asarray(feats_TD, dtype=np.float32)


def joined(parts: Sequence[Frames]) -> Frames:
    """One after the other."""
    starts = np.cumsum([0, *map(len, parts)])
    return Frames(
        np.concatenate([part.x_ND for part in parts]),
        np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.pdfs for part in parts]),
        np.concatenate([part.shares for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def minibatches(utterances: Iterable[Frames], options: ShuffleOptions, passes: int = 1) -> Iterator[Frames]:
    """Minibatches of one size. What a buffer leaves over is the beginning of the next; the last rest is dropped.

    A buffer takes whole utterances until it holds more than --randomizer-size frames, or a pass ends.

    Args:
        utterances: the data.
        options: how it is shuffled.
        passes: over the data.
    """
    size, number, held = options.minibatch_size, 0, []
    for _ in range(passes):
        source, full = iter(utterances), True
        while full:
            full = False
            while not full and (utterance := next(source, None)) is not None:
                held.append(utterance)
                full = sum(map(len, held)) > options.randomizer_size
            if not held:
                break
            buffer = joined(held)
            if options.randomize:
                random = np.random.Generator(np.random.Philox(key=seed_of(options.randomizer_seed, "frames", number)))
                buffer = buffer.chosen(random.permutation(len(buffer)))
            end = len(buffer) - len(buffer) % size
            for begin in range(0, end, size):
                yield buffer.between(begin, begin + size)
            held, number = [buffer.between(end, len(buffer))], number + 1
