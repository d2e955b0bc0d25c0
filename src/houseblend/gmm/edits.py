"""Changes of mixtures that keep their numbers of Gaussians."""

from collections.abc import Collection

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.rearrange import transform_frames
from houseblend.gmm.diag import AmDiagGmm, DiagGmm


def transform_means(mixtures: AmDiagGmm, matrix: np.ndarray) -> AmDiagGmm:
    """The mixtures with their means transformed, and the same weights and variances.

    Args:
        mixtures: of dimension D.
        matrix: shape [D, D], or [D, D + 1] with an offset in the last column.

    Raises:
        InputError: it has another shape.
    """
    if len(matrix) != mixtures.dim:
        raise InputError(f"a transform with {len(matrix)} rows", expected=f"{mixtures.dim}, the model's dimension")
    moved = []
    for mixture in mixtures.mixtures:
        means = transform_frames(mixture.means, matrix)
        moved.append(DiagGmm(mixture.weights, means * mixture.inv_vars, mixture.inv_vars))
    return AmDiagGmm(moved)


def boost(mixtures: AmDiagGmm, pdfs: Collection[int], factor: float) -> AmDiagGmm:
    """The mixtures with the weights, and so the likelihoods, of some pdfs multiplied by a factor."""
    boosted = set(pdfs)
    return AmDiagGmm(
        [
            DiagGmm(mixture.weights * np.float32(factor), mixture.means_invvars, mixture.inv_vars)
            if pdf in boosted
            else mixture
            for pdf, mixture in enumerate(mixtures.mixtures)
        ]
    )
