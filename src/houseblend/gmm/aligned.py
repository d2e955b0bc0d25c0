"""Utterances with a path each, gone through in fixed blocks: statistics do not depend on the number of processes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.workers import Workers
from houseblend.feat.pipeline import Features
from houseblend.gmm import gaussian_passes as gaussian_passes  # here already, so that forked processes find it loaded
from houseblend.io.spool import Spool

MOST_BLOCKS, LEAST_UTTERANCES = 64, 32
"""Statistics of so many blocks travel between processes, whatever the hours; a block has at least so many utterances."""

Kind = TypeVar("Kind", bound="Summed")


class Summed(Protocol):
    """Statistics that can be added up."""

    def merge(self: Kind, other: Kind) -> None:
        """Add other statistics."""
        ...


Summing = tuple[Callable[[], Kind], Callable[[Kind, str, np.ndarray, np.ndarray], None]]
"""What makes statistics of nothing, and what adds an utterance to statistics: key, features [T, D], transition-ids [T]."""


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
        workers: who shares the work.
    """

    features: Features
    paths: Paths
    workers: Workers

    def frames(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Features [T, D] and transition-ids [T] of an utterance that has a path; InputError if they differ in length."""
        feats_TD, ids_T = self.features[key], self.paths[key]
        if len(feats_TD) != len(ids_T):
            found = f"{len(ids_T)} aligned frames, {len(feats_TD)} frames of features"
            raise InputError(found, key=key, do="align this data directory again")
        return feats_TD, ids_T

    def sum(self, begin: Callable[[], Summing[Kind]]) -> Kind:
        """Statistics of all utterances that have a path.

        Args:
            begin: what a worker begins with (`workers.Begin`).
        """
        size = max(LEAST_UTTERANCES, -(-len(self.paths.found) // MOST_BLOCKS))
        total = begin()[0]()
        starts = range(0, len(self.paths.found), size)
        for stats in self.workers.share_out(partial(_summed, self, begin, size), starts, "blocks"):
            total.merge(stats)
        return total


def _summed(aligned: Aligned, begin: Callable[[], Summing[Kind]], size: int) -> Callable[[int], Kind]:
    """A function that sums the block of so many utterances that begins with a number."""
    zeros, add = begin()
    keys = aligned.paths.found

    def of_block(start: int) -> Kind:
        stats = zeros()
        for key in keys[start : start + size]:
            add(stats, key, *aligned.frames(key))
        return stats

    return of_block
