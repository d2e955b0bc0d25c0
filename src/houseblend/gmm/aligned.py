"""Utterances with a path each, gone through in fixed blocks: statistics do not depend on the number of processes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress
from houseblend.base.workers import in_processes
from houseblend.feat.pipeline import Features
from houseblend.gmm import gaussian_passes as gaussian_passes  # here already, so that forked processes find it loaded
from houseblend.io.spool import Spool

MOST_BLOCKS, LEAST_UTTERANCES = 64, 32
"""Statistics of so many blocks travel between processes, whatever the hours; a block has at least so many utterances."""

Result = TypeVar("Result")
Kind = TypeVar("Kind", bound="Summed")


class Summed(Protocol):
    """Statistics that can be added up."""

    def merge(self: Kind, other: Kind) -> None:
        """Add other statistics."""
        ...


class Paths:
    """Transition-ids of utterances in a spool.

    Args:
        spool: int32, little-endian; an utterance without a path has an empty string.
        keys: the utterances, in the order of the spool.
    """

    def __init__(self, spool: Spool, keys: Sequence[str]) -> None:
        self._spool, self._numbers = spool, {key: number for number, key in enumerate(keys)}
        self.found = [key for key, size in zip(keys, spool.sizes.tolist(), strict=True) if size]

    def __contains__(self, key: str) -> bool:
        number = self._numbers.get(key)
        return number is not None and bool(self._spool.sizes[number])

    def __getitem__(self, key: str) -> np.ndarray:
        """Of every frame, [T]; none, [0], where there is no path."""
        return np.frombuffer(self._spool[self._numbers[key]], "<i4")


def path_bytes(ids_T: np.ndarray | None) -> bytes:
    """A path [T], or none, as it lies in a spool."""
    return b"" if ids_T is None else ids_T.astype("<i4").tobytes()


@dataclass(frozen=True)
class Aligned:
    """Features as the model of the day sees them, and their paths.

    Args:
        features: by utterance, each read when it is asked for.
        paths: of some or all of them.
        jobs: processes that share the work.
    """

    features: Features
    paths: Paths
    jobs: int

    def frames(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Features [T, D] and transition-ids [T] of an utterance that has a path; InputError if they differ in length."""
        feats_TD, ids_T = self.features[key], self.paths[key]
        if len(feats_TD) != len(ids_T):
            found = f"{len(ids_T)} aligned frames, {len(feats_TD)} frames of features"
            raise InputError(found, key=key, do="align this data directory again")
        return feats_TD, ids_T

    def sum(self, zeros: Callable[[], Kind], add: Callable[[Kind, str, np.ndarray, np.ndarray], None]) -> Kind:
        """Statistics of all utterances that have a path.

        Args:
            zeros: makes statistics of nothing.
            add: adds an utterance to statistics: key, features [T, D], transition-ids [T].
        """
        keys = self.paths.found
        size = max(LEAST_UTTERANCES, -(-len(keys) // MOST_BLOCKS))

        def of_block(start: int) -> Kind:
            stats = zeros()
            for key in keys[start : start + size]:
                add(stats, key, *self.frames(key))
            return stats

        total = zeros()
        for stats in shared_out(of_block, range(0, len(keys), size), self.jobs, "blocks"):
            total.merge(stats)
        return total


def shared_out(work: Callable[[Any], Result], items: Sequence[Any], jobs: int, what: str) -> Iterator[Result]:
    """`work` on every item in forked processes, results in order, with progress; see `in_processes`."""
    with Progress(len(items), what) as progress:
        for result in in_processes(work, items, jobs):
            yield result
            progress.add()
