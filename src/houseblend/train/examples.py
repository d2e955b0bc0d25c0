"""Where training data comes from: `frames:DIR[:SUBSET]`, or an archive of nnet3 examples."""

import copy
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from houseblend.base.errors import UsageError
from houseblend.frames.egs import Example, read_egs
from houseblend.frames.order import Order
from houseblend.frames.store import SUBSETS, FrameStore, Subset
from houseblend.nnet.device import sent

AHEAD = 8


@dataclass
class Minibatch:
    """Windows [N, W, D], and the targets: output row, pdf and weight of each, all [number of targets].

    Made of tensors of the host, which knows its `weight` (the sum) and `num_pdfs` (the largest pdf and 1) ever after.
    `position` is the place of the first example in the order of data.
    """

    x_NWD: torch.Tensor
    rows: torch.Tensor
    pdfs: torch.Tensor
    weights: torch.Tensor
    position: int
    num_sequences: int
    weight: float = field(init=False)
    num_pdfs: int = field(init=False)

    def __post_init__(self) -> None:
        """Read what the host is to know."""
        self.weight = float(self.weights.sum(dtype=torch.float64))
        self.num_pdfs = int(self.pdfs.max()) + 1 if len(self.pdfs) else 0

    def __len__(self) -> int:
        """Its frames, by their targets."""
        return len(self.pdfs)

    def to(self, device: torch.device) -> "Minibatch":
        """The same on another device."""
        moved = copy.copy(self)
        for name in ("x_NWD", "rows", "pdfs", "weights"):
            setattr(moved, name, sent(getattr(self, name), device))
        return moved


def split_name(specifier: str) -> tuple[Path, str] | None:
    """Directory and subset of `frames:DIR[:SUBSET]` (train if not named); None for an rspecifier.

    Raises:
        UsageError: an unknown subset.
    """
    if not specifier.startswith("frames:"):
        return None
    folder, colon, subset = specifier[len("frames:") :].rpartition(":")
    if not colon:
        folder, subset = subset, "train"
    if subset not in SUBSETS:
        raise UsageError(
            f"subset {subset!r} in {specifier}", expected=f"frames:DIR or frames:DIR:SUBSET, of {', '.join(SUBSETS)}"
        )
    return Path(folder), subset


class FrameExamples:
    """Minibatches of an interval of the order of data.

    Args:
        subset: of a frame store.
        context: frames of input that the network needs before and after.
        minibatch_size: frames.
        begin, end: positions; `end` None is the end of the first epoch.
        seed: of the order; None takes the frames as they lie in the store.
    """

    def __init__(
        self, subset: Subset, context: tuple[int, int], minibatch_size: int, begin: int = 0, end: int | None = None,
        seed: int | None = None,
    ) -> None:  # fmt: skip
        self.subset, self.context, self.minibatch_size = subset, context, minibatch_size
        self.begin, self.end = begin, subset.num_frames if end is None else end
        self.order = None if seed is None else Order(subset.shard_sizes, seed)

    def __iter__(self) -> Iterator[Minibatch]:
        """The minibatches in order, made in a thread beside the caller's work."""
        return run_ahead(self._minibatches())

    def _minibatches(self) -> Iterator[Minibatch]:
        for position, frames in self._frames():
            x, pdfs = self.subset.gather(frames, *self.context)
            count = len(frames)
            yield Minibatch(
                torch.from_numpy(x), torch.arange(count), torch.from_numpy(pdfs), torch.ones(count), position, count
            )

    def _frames(self) -> Iterator[tuple[int, np.ndarray]]:
        if self.order is not None:
            yield from self.order.minibatches(self.begin, self.end, self.minibatch_size)
            return
        for start in range(self.begin, self.end, self.minibatch_size):
            yield start, np.arange(start, min(start + self.minibatch_size, self.end))


def read_minibatches(
    specifier: str, context: tuple[int, int], minibatch_size: int, begin: int = 0, end: int | None = None,
    seed: int | None = None,
) -> Iterator[Minibatch]:  # fmt: skip
    """Minibatches of a frame store or of an archive; archives come as they are, merged by whoever wrote them.

    Args:
        specifier: `frames:DIR[:SUBSET]` or a rspecifier.
        context: frames of input before and after.
        minibatch_size: frames of a minibatch.
        begin, end: positions in the order of data.
        seed: of the order; None takes the frames as they lie.

    Raises:
        InputError, UsageError: the data is missing, broken, or of another kind.
    """
    place = split_name(specifier)
    if place is None:
        position = 0
        for example in read_egs(specifier):
            yield _from_example(example, position, context)
            position += len(example.x_NWD)
        return
    folder, subset = place
    yield from FrameExamples(FrameStore(folder).subset(subset), context, minibatch_size, begin, end, seed)


def run_ahead(items: Iterator[Minibatch]) -> Iterator[Minibatch]:
    """The same items in the same order, made in a thread up to `AHEAD` items ahead; its errors are raised here."""
    ready: queue.Queue[Minibatch | BaseException | None] = queue.Queue(maxsize=AHEAD)
    stop = threading.Event()

    def put(item: Minibatch | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as failure:
            put(failure)

    thread = threading.Thread(target=work, name="gather", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _from_example(example: Example, position: int, context: tuple[int, int]) -> Minibatch:
    """An archive's minibatch; context beyond the network's is cut off."""
    frames = example.num_outputs // len(example.x_NWD)
    spare = example.x_NWD.shape[1] - frames - sum(context)
    left = spare // 2
    x = example.x_NWD[:, left : example.x_NWD.shape[1] - (spare - left)] if spare > 0 else example.x_NWD
    return Minibatch(
        torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(example.rows.astype(np.int64)),
        torch.from_numpy(example.pdfs.astype(np.int64)), torch.from_numpy(example.weights), position, len(x),
    )  # fmt: skip
