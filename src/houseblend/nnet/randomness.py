"""Random numbers of training that depend on what they are for and on the place in the order of data, on nothing else."""

from __future__ import annotations

import math

import numpy as np
import torch

from houseblend.base.seeds import seed_of

_WORDS_PER_COUNT = 8
"""Words of 32 bits that Philox 4x64 gives for each value of its counter."""


class Randomness:
    """The random numbers of one minibatch; an example's own are the same in whatever minibatch it is gathered.

    Args:
        seed: of the worker's part of the run.
        position: of the first example in the order of data; the others follow.
        num_examples: in the minibatch.
    """

    def __init__(self, seed: int, position: int, num_examples: int) -> None:
        self.seed, self.position, self.num_examples = seed, position, num_examples

    def dropped(self, use: str, proportion: float, rows: int, columns: int) -> np.ndarray:
        """Which elements fall to a chance of `proportion`, to 32 bits.

        Args:
            use: what for, for example the component's name.
            proportion: from 0 to 1.
            rows: a multiple of the number of examples; those of one example are neighbours.
            columns: numbers of each row.

        Returns:
            [rows, columns], bool.
        """
        size = rows // self.num_examples * columns
        counts = -(-size // _WORDS_PER_COUNT)
        source = np.random.Philox(key=seed_of(self.seed, use), counter=self.position * counts)
        words = source.random_raw(self.num_examples * counts * _WORDS_PER_COUNT // 2).view(np.uint32)
        own = words.reshape(self.num_examples, -1)[:, :size].reshape(rows, columns)
        return own < round(proportion * 2**32)

    def sample(self, use: str, chances: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Fill `out` with 1 or 0, 1 at the chances given, to 23 bits.

        Args:
            use: what for.
            chances: [num_examples, columns], float32, on this machine's processors.
            out: of the same shape and type, and not the same tensor.
        """
        from houseblend.nnet import philox  # compiled code takes time to load, and most training does without

        philox.sample(seed_of(self.seed, use), self.position, chances.numpy(), out.numpy())
        return out

    def normal(self, use: str, columns: int) -> torch.Tensor:
        """Numbers of mean 0 and variance 1, [num_examples, columns], float32."""
        from houseblend.nnet import philox

        numbers = np.empty((self.num_examples, columns), np.float32)
        philox.uniform(seed_of(self.seed, use), self.position, numbers)
        return torch.from_numpy(2.0 * numbers - 1.0).erfinv_().mul_(math.sqrt(2.0))

    def draw(self, use: str, choices: int) -> int:
        """A number from 0 to choices - 1 for the minibatch as a whole."""
        return seed_of(self.seed, use, self.position) % choices
