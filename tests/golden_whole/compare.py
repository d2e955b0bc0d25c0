"""How far one file is from another: archives, single objects and texts of numbers."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from houseblend.io.tables import read_object, read_table

KINDS = [
    (r"io/(lens|nframes)\.", "int"),
    (r"io/dur\.", "float"),
    (r"io/(colsum|weights)\.|\.vec$", "vector"),
    (r"(ali|ali_tri|pdf)\.ark$", "int-vector"),
    (r"pairs\.ark$", "int-pairs"),
    (r"post\.ark$", "posterior"),
    (r"lat\.ark$", "lattice"),
    (r"\.(ark|mat|bin)$", "matrix"),
]
"""Kinds of binary files, by name; the first that fits."""


@dataclass(frozen=True)
class Deviation:
    """The largest difference found: absolute, relative to the largest value of its matrix, and beyond the tolerance."""

    absolute: float = 0.0
    relative: float = 0.0
    beyond: int = 0

    def __or__(self, other: "Deviation") -> "Deviation":
        return Deviation(
            max(self.absolute, other.absolute), max(self.relative, other.relative), self.beyond + other.beyond
        )


class DifferentError(Exception):
    """Two files that cannot be compared number by number: other keys, shapes, words."""


@dataclass(frozen=True)
class Tolerance:
    """What a row allows: relative to the value, absolute, or both; alone, relative means to the largest value."""

    relative: float = 0.0
    absolute: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Tolerance":
        """From the words of a row: `rel 1e-4 or abs 1e-3`, `abs 1e-4`, `1e-3` (both), `exact`."""
        relative, absolute = (re.search(rf"{word} (?:\D{{0,20}})?([0-9.]+e-?[0-9]+)", text) for word in ("rel", "abs"))
        if relative or absolute:
            return cls(*(float(found[1]) if found else 0.0 for found in (relative, absolute)))
        bare = re.search(r"[0-9.]+e-?[0-9]+", text)
        return cls(float(bare[0]), float(bare[0])) if bare else cls()

    def deviation(self, ours: np.ndarray, kaldis: np.ndarray) -> Deviation:
        """Of one array from another.

        Raises:
            DifferentError: they have other shapes.
        """
        if ours.shape != kaldis.shape:
            raise DifferentError(f"shape {ours.shape}, not {kaldis.shape}")
        ours, kaldis = ours.astype(np.float64), kaldis.astype(np.float64)
        if not kaldis.size or np.array_equal(ours, kaldis):
            return Deviation()
        difference = np.abs(ours - kaldis)
        largest = np.abs(kaldis).max()
        size = np.abs(kaldis) if self.absolute else largest
        beyond = ~(difference <= np.maximum(self.absolute, self.relative * size))
        return Deviation(float(difference.max()), float(difference.max() / max(largest, 1e-30)), int(beyond.sum()))


def compare(ours: Path, kaldis: Path, name: str, tolerance: Tolerance) -> Deviation:
    """Of our file from Kaldi's.

    Raises:
        DifferentError: keys, shapes or words differ.
    """
    if not ours.exists():
        raise DifferentError(f"{name} was not written")
    mine, its = _bytes(ours), _bytes(kaldis)
    if mine == its:
        return Deviation()
    if b"\0" in its[:4096]:
        kind = next((kind for pattern, kind in KINDS if re.search(pattern, name)), None)
        if kind is None:
            raise DifferentError(f"{name}: other bytes")
        return _compare_objects(_objects(ours, kind), _objects(kaldis, kind), name, tolerance)
    return _compare_texts(mine.decode(), its.decode(), name, tolerance)


def _compare_objects(ours: dict, kaldis: dict, name: str, tolerance: Tolerance) -> Deviation:
    if list(ours) != list(kaldis):
        raise DifferentError(f"{name}: other keys")
    total = Deviation()
    for key, value in kaldis.items():
        if isinstance(value, np.ndarray) and value.dtype != ours[key].dtype:
            raise DifferentError(f"{name}: {ours[key].dtype}, not {value.dtype}")
        if not isinstance(value, np.ndarray | float):
            if value != ours[key]:
                raise DifferentError(f"{name}: [{key}] differs")
            continue
        total |= tolerance.deviation(np.asarray(ours[key]), np.asarray(value))
    return total


def _compare_texts(ours: str, kaldis: str, name: str, tolerance: Tolerance) -> Deviation:
    """Line by line: the words that are no numbers must be equal, the numbers of a line are compared as one vector."""
    mine, its = ours.split("\n"), kaldis.split("\n")
    if len(mine) != len(its):
        raise DifferentError(f"{name}: {len(mine)} lines, not {len(its)}")
    total = Deviation()
    for number, (left, right) in enumerate(zip(mine, its, strict=True), start=1):
        if left == right:
            continue
        (words, values), (kaldi_words, kaldi_values) = _split(left), _split(right)
        if words != kaldi_words:
            raise DifferentError(f"{name}:{number}: {left[:60]!r}, not {right[:60]!r}")
        total |= tolerance.deviation(values, kaldi_values)
    return total


def _split(line: str) -> tuple[list[str], np.ndarray]:
    parts = re.split(r"((?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)(?![\w.]))", line)
    return parts[::2], np.array([float(part) for part in parts[1::2]])


def _bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _objects(path: Path, kind: str) -> dict:
    if path.suffix == ".ark":
        return dict(read_table(f"ark:{path}", kind))
    return {"": read_object(str(path), kind)}
