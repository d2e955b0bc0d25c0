"""fMLLR: an affine transform of a speaker's features that fits them to the model (Kaldi's fmllr-diag-gmm; Gales 1998)."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.fmllr_options import FmllrOptions
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.gmm.row_by_row import RowStats


class FmllrStats:
    """Statistics of a speaker: with x+ = [x 1] and posteriors gamma_tm of Gaussians,

    k_d = sum gamma_tm mu_md / sigma^2_md x+_t,  G_d = sum gamma_tm / sigma^2_md x+_t x+_t^T  (see `RowStats`).

    Args:
        dim: numbers a frame.
    """

    def __init__(self, dim: int) -> None:
        self.rows = RowStats.zeros(dim, dim + 1)

    def add(
        self, posteriors: GaussianPosteriors, mixtures: AmDiagGmm, feats_TD: np.ndarray, key: str | None = None
    ) -> None:
        """Add frames.

        Args:
            posteriors: of the frames, by Gaussians of the mixtures.
            mixtures: the model that the features are to fit.
            feats_TD: the features, [T, D].
            key: the utterance, for errors.

        Raises:
            InputError: features of another dimension.
        """
        dim = len(self.rows.linear)
        if feats_TD.ndim != 2 or feats_TD.shape[1] != dim:
            raise InputError(f"features of shape {feats_TD.shape}", key=key, expected=f"dimension {dim} as the model's")
        terms = posteriors.by_frame(mixtures.side_by_side()[0], len(feats_TD))
        extended = np.concatenate([feats_TD, np.ones((len(feats_TD), 1))], axis=1)
        self.rows.count += float(posteriors.weights.sum())
        self.rows.linear += terms[:, :dim].T @ extended
        self.rows.add_outer_products(-2.0 * terms[:, dim:], extended)

    def estimate(self, options: FmllrOptions, owner: str) -> tuple[np.ndarray, float]:
        """The transform, and by how much it raises the auxiliary function of all frames, beside the unit transform.

        Args:
            options: what is estimated; with too few frames, or where it does not help, it is the unit transform.
            owner: the speaker or utterance, for warnings.

        Returns:
            float32 [D, D + 1], and the gain.
        """
        unit = np.eye(*self.rows.linear.shape)
        if options.fmllr_update_type == "none":
            return unit.astype(np.float32), 0.0
        if not self.rows.count > options.fmllr_min_count:
            warn(f"[{owner}] no transform: {self.rows.count:g} frames, not more than {options.fmllr_min_count:g}")
            return unit.astype(np.float32), 0.0
        if options.fmllr_update_type == "full":
            transform = self.rows.maximise(unit, options.fmllr_num_iters)
        else:
            transform = _diagonal_transform(self.rows, unit, scaled=options.fmllr_update_type == "diag")
        found = bool(np.isfinite(transform).all())
        gain = self.rows.auxiliary(transform) - self.rows.auxiliary(unit) if found else 0.0
        if not found or gain < 0:
            warn(f"[{owner}] no transform: its frames are too much alike to estimate one")
            return unit.astype(np.float32), 0.0
        return transform.astype(np.float32), gain


def _diagonal_transform(stats: RowStats, unit: np.ndarray, scaled: bool) -> np.ndarray:
    """[diag(s) b] that maximises Q: b_d = (k_d+ - s_d g_d+) / g_++, + standing for the offset, for any s_d.

    Put into Q, s_d is the positive root of p s^2 - q s - beta = 0, p = g_dd - g_d+^2 / g_++ and q = k_dd - g_d+ k_d+ / g_++;
    or 1 if it is not `scaled`. NaN where too little has been seen.
    """
    dim = len(unit)
    each, quadratic = np.arange(dim), stats.quadratic
    k_own, k_offset = stats.linear[each, each], stats.linear[:, dim]
    g_own, g_mixed, g_offset = quadratic[each, each, each], quadratic[each, each, dim], quadratic[:, dim, dim]
    transform, scale = unit.copy(), np.ones(dim)
    with np.errstate(all="ignore"):
        if scaled:
            p, q = g_own - g_mixed**2 / g_offset, k_own - g_mixed * k_offset / g_offset
            scale = (q + np.sqrt(q**2 + 4.0 * p * stats.count)) / (2.0 * p)
        transform[each, each] = scale
        transform[:, dim] = (k_offset - scale * g_mixed) / g_offset
    return transform
