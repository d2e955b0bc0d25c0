"""Rows and columns of features: chosen, repeated, put side by side, multiplied (Kaldi's featbin)."""

from collections.abc import Sequence

import numpy as np

from houseblend.base.errors import InputError


def parse_columns(text: str) -> list[int]:
    """Columns of a list such as `0,24-22,3-12`: single ones and ranges, which may run backwards.

    Raises:
        InputError: a part is neither.
    """
    columns: list[int] = []
    for part in text.split(","):
        try:
            first, _, last = part.partition("-")
            start, end = int(first), int(last or first)
        except ValueError:
            raise InputError(f"columns {text!r}", expected="numbers and ranges, such as 0,24-22,3-12") from None
        columns += range(start, end + 1) if start <= end else range(start, end - 1, -1)
    return columns


def select_columns(feats_TD: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """The columns given, in their order, shape [T, len(columns)].

    Raises:
        InputError: there is no such column.
    """
    dim = feats_TD.shape[1]
    if max(columns) >= dim:
        raise InputError(f"column {max(columns)} of features of dimension {dim}", expected=f"0 to {dim - 1}")
    return np.ascontiguousarray(feats_TD[:, list(columns)])


def subsample(feats_TD: np.ndarray, n: int, offset: int) -> np.ndarray:
    """Every n-th frame from `offset` on, or, with n below 0, every frame -n times.

    Raises:
        InputError: nothing is left.
    """
    if n < 0:
        return np.repeat(feats_TD, -n, axis=0)
    if offset >= len(feats_TD):
        raise InputError(f"{len(feats_TD)} frames", expected=f"more than the offset {offset}")
    return feats_TD[offset::n]


def paste(parts: Sequence[np.ndarray], tolerance: int = 0) -> np.ndarray:
    """Features side by side, each of shape [T, its D], cut to the shortest; shape [T, sum of D].

    Raises:
        InputError: the lengths differ by more than the tolerance, or one has no frames.
    """
    lengths = [len(part) for part in parts]
    if max(lengths) - min(lengths) > tolerance or not min(lengths):
        raise InputError(f"lengths {', '.join(map(str, lengths))}", expected=f"a difference of at most {tolerance}")
    return np.concatenate([part[: min(lengths)] for part in parts], axis=1)


def transform_frames(feats_TD: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A linear or affine transform of every frame.

    Args:
        feats_TD: features, shape [T, D].
        matrix: shape [E, D], or [E, D + 1] with the offset in the last column.

    Returns:
        float32, shape [T, E].

    Raises:
        InputError: the matrix has another number of columns.
    """
    dim, columns = feats_TD.shape[1], matrix.shape[1]
    if columns not in (dim, dim + 1):
        raise InputError(f"a transform with {columns} columns", expected=f"{dim} or {dim + 1}")
    matrix = matrix.astype(np.float32)
    linear = feats_TD.astype(np.float32) @ matrix[:, :dim].T
    return linear + matrix[:, dim] if columns > dim else linear
