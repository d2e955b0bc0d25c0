"""Kaldi's compressed matrices, bit for bit both ways (Kaldi's matrix/compressed-matrix)."""

import struct

import numpy as np

_FIXED_RANGE = {4: (-32768.0, 65535.0), 6: (0.0, 255.0), 7: (0.0, 1.0)}
"""Least value and span of the methods that do not look at the matrix."""
_FEW_ROWS = 8
"""Method 1 takes two bytes an element up to this many rows."""


def compress(matrix: np.ndarray, method: int) -> bytes:
    """A matrix by one of Kaldi's methods, from its token on (without the binary marker).

    Args:
        matrix: float32, finite, shape [rows, columns].
        method: 1 automatic, 2 quartiles of columns (CM), 3 and 4 two bytes (CM2), 5 to 7 one byte (CM3) an element; 4, 6
            and 7 for the fixed ranges of int16, of uint8, and from 0 to 1, to which values are clipped.
    """
    if not matrix.size:
        return b"CM " + struct.pack("<ffii", 0.0, 0.0, 0, 0)
    if method == 1:
        method = 2 if len(matrix) > _FEW_ROWS else 3
    low, span = (np.float32(value) for value in _FIXED_RANGE.get(method, _range(matrix)))
    header = struct.pack("<ffii", low, span, *matrix.shape)
    if method == 2:
        return b"CM " + header + _by_columns(matrix, low, span)
    if method in (3, 4):
        return b"CM2 " + header + _levels(matrix, low, span, 65535).astype("<u2").tobytes()
    return b"CM3 " + header + _levels(matrix, low, span, 255).astype("u1").tobytes()


def _range(matrix: np.ndarray) -> tuple[np.float32, np.float32]:
    low, high = matrix.min(), matrix.max()
    if low == high:
        high = np.float32(float(low) + 1.0 + abs(float(low)))
    return low, high - low


def _levels(values: np.ndarray, low: np.float32, span: np.float32, highest: int) -> np.ndarray:
    """Values as whole numbers from 0 to `highest`; Kaldi rounds by adding 0.499."""
    share = np.clip((values - low) / span, np.float32(0), np.float32(1))
    return ((share * np.float32(highest)).astype(np.float64) + 0.499).astype(np.int64)


def _by_columns(matrix: np.ndarray, low: np.float32, span: np.float32) -> bytes:
    """Four marks for each column (least, quartiles, largest), then a byte an element, between the marks."""
    ordered, rows = np.sort(matrix, axis=0), len(matrix)
    quarter = rows // 4
    places = [0, quarter, 3 * quarter, rows - 1] if rows >= 5 else list(range(rows))
    marks = np.zeros((4, matrix.shape[1]), dtype=np.int64)
    for index in range(4):
        found = _levels(ordered[places[index]], low, span, 65535) if index < len(places) else 0
        marks[index] = np.minimum(np.maximum(found, marks[index - 1] + 1 if index else 0), 65532 + index)
    p0, p25, p75, p100 = _marked(marks, low, span)
    below, between = matrix < p25, matrix < p75
    cells = np.where(
        below, _cells(matrix, p0, p25, 0, 64),
        np.where(between, _cells(matrix, p25, p75, 64, 128), _cells(matrix, p75, p100, 192, 63)),
    )  # fmt: skip
    return marks.T.astype("<u2").tobytes() + cells.T.astype("u1").tobytes()


def _cells(values: np.ndarray, start: np.ndarray, end: np.ndarray, first: int, width: int) -> np.ndarray:
    share = (values - start) / (end - start)
    cells = ((share * np.float32(width)).astype(np.float64) + 0.5).astype(np.int64)
    return np.clip(first + cells, first, first + width)


def _marked(marks: np.ndarray, low: np.float32, span: np.float32) -> np.ndarray:
    return low + span * np.float32(1.52590218966964e-05) * marks.astype(np.float32)


def decompress(form: str, minimum: float, span: float, rows: int, columns: int, body: bytes) -> np.ndarray:
    """A compressed matrix in single precision.

    Args:
        form: CM (a byte an element, between the quartiles of its column), CM2 (two bytes) or CM3 (one byte).
        minimum: smallest value that can be stored.
        span: largest value that can be stored, less the smallest.
        rows: number of rows.
        columns: number of columns.
        body: what follows the header.

    Returns:
        float32, shape [rows, columns].
    """
    low, span32 = np.float32(minimum), np.float32(span)
    if form != "CM":
        levels, dtype = (65535.0, "<u2") if form == "CM2" else (255.0, "u1")
        step = np.float32(float(span32) * (1.0 / levels))
        return (low + np.frombuffer(body, dtype=dtype).astype(np.float32) * step).reshape(rows, columns)
    marks = np.frombuffer(body, dtype="<u2", count=4 * columns)
    p0, p25, p75, p100 = _marked(marks.reshape(columns, 4).T[:, :, None], low, span32)
    cells = np.frombuffer(body, dtype="u1", offset=8 * columns).reshape(columns, rows).astype(np.float32)
    pieces = [(p0, p25, 0, 64), (p25, p75, 64, 128), (p75, p100, 192, 63)]
    below, between, above = (
        (start + ((end - start) * (cells - np.float32(first))).astype(np.float64) * (1.0 / width)).astype(np.float32)
        for start, end, first, width in pieces
    )
    return np.ascontiguousarray(np.where(cells <= 64, below, np.where(cells <= 192, between, above)).T)
