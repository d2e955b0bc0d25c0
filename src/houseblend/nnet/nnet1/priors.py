"""Priors of a classifier's outputs from counts of frames (nnet/nnet-pdf-prior.cc)."""

from __future__ import annotations

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.tables import read_object

DISABLED = float(np.sqrt(np.finfo(np.float32).max))
"""The log prior of a class that hardly occurs: its likelihood becomes nothing."""
_TINY = 1e-20


def log_priors(path: str, floor: float) -> np.ndarray:
    """log (count / sum of counts), float32 [P].

    Args:
        path: counts of the classes, a vector [P] (extended file name).
        floor: classes that occur less often, as a share of all, are disabled.

    Raises:
        InputError: counts that are none.
    """
    counts = read_object(path, "vector").astype(np.float64)
    if not len(counts) or not np.isfinite(counts).all() or (counts < 0.0).any() or counts.sum() == 0.0:
        raise InputError("no counts", file=path, expected="numbers that are not below 0", do="run analyze-counts")
    shares = counts / counts.sum()
    return np.where(shares < floor, DISABLED, np.log(shares + _TINY)).astype(np.float32)
