"""Maximum-likelihood update and splitting of mixtures (Kaldi's mle-diag-gmm, am-diag-gmm)."""

import heapq
from collections.abc import Iterator

import numpy as np

from houseblend.base.c_library import FirstDecides
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.gmm.normals import normals
from houseblend.gmm.options import SplitOptions, UpdateOptions


def update(mixtures: AmDiagGmm, stats: Accumulators, options: UpdateOptions) -> AmDiagGmm:
    """The mixtures that maximise the likelihood of the statistics.

    A Gaussian with too little occupancy keeps its mean and variance, or is removed.
    """
    parts = zip(mixtures.mixtures, stats.occupancy, stats.sums, stats.squares, strict=True)
    return AmDiagGmm([_update_one(*part, options) for part in parts])


def _update_one(
    mixture: DiagGmm, occupancy: np.ndarray, sums: np.ndarray, squares: np.ndarray, options: UpdateOptions
) -> DiagGmm:
    total = occupancy.sum()
    size = len(occupancy)
    weights = occupancy / total if total > 0 else np.full(size, 1.0 / size)
    means, variances = mixture.means, 1.0 / mixture.inv_vars.astype(np.float64)
    enough = (occupancy > options.min_gaussian_occupancy) & (weights > options.min_gaussian_weight)
    if enough.any():
        means[enough] = sums[enough] / occupancy[enough, None]
        raw = squares[enough] / occupancy[enough, None] - means[enough] ** 2
        variances[enough] = np.maximum(raw, options.min_variance)
    keep = np.ones(size, dtype=bool)
    if options.remove_low_count_gaussians:
        for index in np.flatnonzero(~enough):
            if keep.sum() > 1:
                keep[index] = False
    weights = weights[keep] / weights[keep].sum() if weights[keep].sum() > 0 else np.ones(keep.sum()) / keep.sum()
    return DiagGmm.from_moments(weights, means[keep], variances[keep])


def split_targets(occupancy: np.ndarray, total: int, options: SplitOptions) -> list[int]:
    """How many components each pdf is to have: shared out by occupancy^power, one at a time (Kaldi's GetSplitTargets).

    Args:
        occupancy: of each pdf, [num_pdfs].
        total: components wanted in all.
        options: the exponent, and the occupancy that each component of a pdf must have.
    """
    occupancy = occupancy.astype(np.float32)
    shares = [float(np.float32(frames**options.power)) for frames in occupancy.tolist()]
    sizes, count = [1] * len(shares), len(shares)

    def waiting(pdf: int) -> FirstDecides:
        return FirstDecides((-shares[pdf] / (sizes[pdf] + 1e-10), pdf))

    queue: list[FirstDecides] = []
    for pdf in range(len(shares)):
        heapq.heappush(queue, waiting(pdf))
    while count < total and queue and queue[0][0] < 0:
        _, pdf = heapq.heappop(queue)
        if (sizes[pdf] + 1) * options.min_count < occupancy[pdf]:
            sizes[pdf] += 1
            count += 1
        else:
            shares[pdf] = 0.0
        heapq.heappush(queue, waiting(pdf))
    return sizes


def mix_up(mixtures: AmDiagGmm, occupancy: np.ndarray, total: int, options: SplitOptions) -> AmDiagGmm:
    """Split the heaviest components until there are `total` (as far as the counts allow).

    Args:
        mixtures: to start from.
        occupancy: of each pdf, [num_pdfs].
        total: components wanted in all.
        options: how they are shared out; halves move apart by the factor, times a normal random number.
    """
    sizes, noise = split_targets(occupancy, total, options), normals()
    parts = zip(mixtures.mixtures, sizes, strict=True)
    return AmDiagGmm([_split(mixture, size, options.perturb_factor, noise) for mixture, size in parts])


def _split(mixture: DiagGmm, size: int, perturb: float, noise: Iterator[float]) -> DiagGmm:
    if size <= len(mixture.weights):
        return mixture
    weights = list(mixture.weights.astype(np.float64))
    means, variances = list(mixture.means), list(1.0 / mixture.inv_vars.astype(np.float64))
    while len(weights) < size:
        heaviest = int(np.argmax(weights))
        weights[heaviest] /= 2
        normal = np.fromiter(noise, dtype=np.float64, count=len(means[0]))
        shift = perturb * normal * np.sqrt(variances[heaviest])
        weights.append(weights[heaviest])
        means.append(means[heaviest] + shift)
        means[heaviest] = means[heaviest] - shift
        variances.append(variances[heaviest])
    return DiagGmm.from_moments(np.array(weights), np.array(means), np.array(variances))
