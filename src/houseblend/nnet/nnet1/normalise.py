"""Normalisation of mean and variance as components (nnetbin/cmvn-to-nnet.cc)."""

from __future__ import annotations

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.tables import read_object
from houseblend.nnet.nnet1.components import AddShift, Rescale
from houseblend.nnet.nnet1.network import Nnet1


def normalising(path: str, stddev: float, var_floor: float, learn_rate_coef: float) -> Nnet1:
    """The network that takes off the mean and scales to a standard deviation.

    Args:
        path: CMVN statistics, [2, dim + 1]: sums and the count, sums of squares (extended file name).
        stddev: of the output.
        var_floor: variances below are raised to it.
        learn_rate_coef: factor on the learning rate of both components; 0 keeps them as they are.

    Raises:
        InputError: no such statistics.
    """
    stats = read_object(path, "matrix").astype(np.float64)
    if len(stats) != 2 or stats.shape[1] < 2 or not stats[0, -1] > 0.0 or not np.isfinite(stats).all():
        what = f"a matrix of {len(stats)} x {stats.shape[1]}"
        raise InputError(what, file=path, expected="CMVN statistics with a count", do="run compute-cmvn-stats")
    mean = (stats[0, :-1] / stats[0, -1]).astype(np.float32)
    variance = (stats[1, :-1] / stats[0, -1] - mean.astype(np.float64) ** 2).astype(np.float32)
    low = np.flatnonzero(variance <= var_floor)
    if len(low):
        warn(f"{path}: variances of {len(low)} dims, of dim {low[0]} first, are raised to {var_floor:g}")
    scale = (stddev / np.sqrt(np.maximum(variance, np.float32(var_floor)))).astype(np.float32)
    shift = AddShift(torch.from_numpy(-mean), learn_rate_coef)
    return Nnet1([shift, Rescale(torch.from_numpy(scale), learn_rate_coef)], path)
