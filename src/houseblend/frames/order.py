"""The order of data: every epoch is one seeded permutation, of windows first, then of the frames inside each.

A window is at most `WINDOW_FRAMES` neighbouring frames of one shard, so that it fits in memory. Position p of the whole
training belongs to epoch p // num_frames; any interval can be read without what comes before.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from houseblend.base.seeds import seed_of

WINDOW_FRAMES = 2_000_000


class Order:
    """The order of one subset.

    Args:
        shard_sizes: frames in each shard.
        seed: of the run.
    """

    def __init__(self, shard_sizes: Sequence[int], seed: int, window_frames: int = WINDOW_FRAMES) -> None:
        self.seed = seed
        self.num_frames = sum(shard_sizes)
        windows, first = [], 0
        for size in shard_sizes:
            parts = -(-size // window_frames)
            bounds = [first + size * part // max(parts, 1) for part in range(parts + 1)]
            windows += list(zip(bounds[:-1], bounds[1:], strict=True))
            first += size
        self._windows = np.array(windows, dtype=np.int64).reshape(-1, 2)

    def interval(self, begin: int, end: int) -> Iterator[np.ndarray]:
        """Frame numbers at positions [begin, end), in arrays [n] of one window each."""
        while begin < end:
            epoch, inside = divmod(begin, self.num_frames)
            windows = self._windows[self._permutation(len(self._windows), "windows", epoch)]
            ends = np.cumsum(windows[:, 1] - windows[:, 0])
            number = int(np.searchsorted(ends, inside, side="right"))
            first, last = windows[number]
            start = inside - (int(ends[number]) - int(last - first))
            count = min(int(last - first) - start, end - begin)
            frames = first + self._permutation(int(last - first), "frames", epoch, int(first))
            yield frames[start : start + count]
            begin += count

    def minibatches(self, begin: int, end: int, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """Position and frame numbers [at most size] of consecutive minibatches of [begin, end); the last may be smaller."""
        position, left = begin, np.zeros(0, dtype=np.int64)
        for part in self.interval(begin, end):
            left = np.concatenate([left, part])
            while len(left) >= size:
                yield position, left[:size]
                position, left = position + size, left[size:]
        if len(left):
            yield position, left

    def _permutation(self, count: int, *purpose: int | str) -> np.ndarray:
        key = seed_of(self.seed, "order", *purpose)
        return np.random.Generator(np.random.Philox(key=key)).permutation(count)
