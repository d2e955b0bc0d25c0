"""Merging Gaussians of a mixture, those first whose union costs least (Kaldi's DiagGmm::Merge, MergeByCount)."""

import numpy as np

from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.gmm.estimate import split_targets
from houseblend.gmm.options import SplitOptions


def mix_down(mixtures: AmDiagGmm, occupancy: np.ndarray, total: int, options: SplitOptions) -> AmDiagGmm:
    """Merge Gaussians until there are `total`; arguments as of `estimate.mix_up`, occupancy [num_pdfs]."""
    sizes = split_targets(occupancy, total, options)
    return AmDiagGmm([merged(mixture, size) for mixture, size in zip(mixtures.mixtures, sizes, strict=True)])


def merged(mixture: DiagGmm, size: int) -> DiagGmm:
    """A mixture of at most so many Gaussians: two become the one with their mean and variance.

    Merging i and j costs (w_i + w_j) log|V_ij| / 2 - w_i log|V_i| / 2 - w_j log|V_j| / 2 of log-likelihood a frame.
    """
    if len(mixture.weights) <= size:
        return mixture
    weights = mixture.weights.astype(np.float64)
    means, variances = mixture.means, 1.0 / mixture.inv_vars.astype(np.float64)
    squares = variances + means**2
    cost = _all_costs(weights, means, squares)
    while len(weights) > size:
        i, j = np.unravel_index(int(np.argmin(cost)), cost.shape)
        pair = [i, j]
        both = weights[pair].sum()
        means[i], squares[i] = (weights[pair] @ values[pair] / both for values in (means, squares))
        weights[i] = both
        weights, means, squares = (np.delete(values, j, axis=0) for values in (weights, means, squares))
        cost = _all_costs(weights, means, squares)
    return DiagGmm.from_moments(weights, means, squares - means**2)


def _all_costs(weights: np.ndarray, means: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """What merging Gaussian i with an earlier one j costs, [M, M]; infinite elsewhere."""
    half_log_det = 0.5 * np.log(squares - means**2).sum(axis=1)
    both = weights[:, None] + weights
    share = (weights[:, None] / both)[:, :, None]
    mean = share * means[:, None] + (1.0 - share) * means
    square = share * squares[:, None] + (1.0 - share) * squares
    together = 0.5 * np.log(square - mean**2).sum(axis=2)
    alone = weights * half_log_det
    return np.where(np.tri(len(weights), k=-1, dtype=bool), both * together - alone[:, None] - alone, np.inf)
