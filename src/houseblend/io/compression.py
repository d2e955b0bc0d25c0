"""The values of Kaldi's compressed matrices, bit for bit (Kaldi's matrix/compressed-matrix)."""

import numpy as np


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
    marks = np.frombuffer(body, dtype="<u2", count=4 * columns).astype(np.float32)
    marks = low + span32 * np.float32(1.52590218966964e-05) * marks
    p0, p25, p75, p100 = marks.reshape(columns, 4).T[:, :, None]
    cells = np.frombuffer(body, dtype="u1", offset=8 * columns).reshape(columns, rows).astype(np.float32)
    pieces = [(p0, p25, 0, 64), (p25, p75, 64, 128), (p75, p100, 192, 63)]
    below, between, above = (
        (start + ((end - start) * (cells - np.float32(first))).astype(np.float64) * (1.0 / width)).astype(np.float32)
        for start, end, first, width in pieces
    )
    return np.ascontiguousarray(np.where(cells <= 64, below, np.where(cells <= 192, between, above)).T)
