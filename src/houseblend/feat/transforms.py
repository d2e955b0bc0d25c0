"""Linear and affine transforms of features as objects: products of them, and more dimensions (Kaldi's transform-common).

A transform is a matrix of shape [E, D], or [E, D + 1] with the offset in the last column.
"""

import numpy as np

from houseblend.base.errors import InputError


def compose(a: np.ndarray, b: np.ndarray, b_is_affine: bool = False) -> np.ndarray:
    """The transform that does first b, then a.

    Args:
        a: shape [E, C], or [E, C + 1] with an offset.
        b: shape [C, D].
        b_is_affine: the last column of b is an offset; that matters only if a has one.

    Returns:
        float32, [E, D]; or [E, D + 1] if a has an offset and b has none.

    Raises:
        InputError: their dimensions do not fit.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    between, columns = len(b), a.shape[1]
    if not b.size or columns not in (between, between + 1):
        raise InputError(f"a transform with {columns} columns after one with {between} rows", expected=_either(between))
    if columns == between:
        return (a @ b).astype(np.float32)
    linear, offset = a[:, :between] @ b, a[:, between:]
    if b_is_affine:
        linear[:, -1:] += offset
        return linear.astype(np.float32)
    return np.concatenate([linear, offset], axis=1).astype(np.float32)


def extend(transform: np.ndarray, dim: int) -> np.ndarray:
    """A transform of D to D dimensions as one of `dim` to `dim`, which leaves the dimensions behind D as they are.

    Args:
        transform: shape [D, D], or [D, D + 1] with an offset.
        dim: how many dimensions the result has, at least D.

    Returns:
        float32, [dim, dim] or [dim, dim + 1].

    Raises:
        InputError: the transform changes the dimension, or has more than `dim`.
    """
    rows, columns = transform.shape
    if columns not in (rows, rows + 1):
        raise InputError(f"a transform of {rows} x {columns}", expected=f"{rows} x {_either(rows)}")
    if dim < rows:
        raise InputError(f"a transform of {rows} dimensions", expected=f"at most the {dim} that it is to have")
    result = np.eye(dim, dim + columns - rows, dtype=np.float32)
    result[:rows, :rows] = transform[:, :rows]
    result[:rows, dim:] = transform[:, rows:]
    return result


def _either(dim: int) -> str:
    return f"{dim} or, with an offset, {dim + 1} columns"
