"""Gaussian mixtures with diagonal covariances, one a pdf (Kaldi's gmm/diag-gmm, gmm/am-diag-gmm)."""

from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.objects import KaldiInput, KaldiOutput

BLOCK, NARROW_BLOCK = 256, 64
"""Frames at a time: of all Gaussians padded, and of those that were chosen, whose scores stay in the cache."""
FAR = np.float32(-80.0)
"""Differences of log-likelihood below this count as this: exp is slow where it underflows, and adds nothing."""
FEW_GAUSSIANS = 2000
"""Of a model that has no more, one product for all pdfs, padded to the largest mixture, is quickest."""


@dataclass
class DiagGmm:
    """One mixture in Kaldi's natural form.

    Args:
        weights: [M], float32.
        means_invvars: means over variances, [M, D], float32.
        inv_vars: 1 over variances, [M, D], float32.
        gconsts: constants of the components' log-likelihoods, [M]; computed if not given.
    """

    weights: np.ndarray
    means_invvars: np.ndarray
    inv_vars: np.ndarray
    gconsts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.gconsts is None:
            self.gconsts = gconsts(self.weights, self.means_invvars, self.inv_vars)

    @property
    def means(self) -> np.ndarray:
        """[M, D], float64."""
        return self.means_invvars.astype(np.float64) / self.inv_vars

    @classmethod
    def from_moments(cls, weights: np.ndarray, means: np.ndarray, variances: np.ndarray) -> "DiagGmm":
        """From weights [M], means [M, D] and variances [M, D]."""
        inverse = (1.0 / variances).astype(np.float32)
        return cls(weights.astype(np.float32), (means / variances).astype(np.float32), inverse)


class AmDiagGmm:
    """The mixtures of all pdfs.

    Args:
        mixtures: one a pdf.

    Attributes: `begin`, [num_pdfs + 1]: where each pdf's Gaussians begin if they are counted through all pdfs; and the end.
    """

    def __init__(self, mixtures: list[DiagGmm]) -> None:
        self.mixtures = mixtures
        self.begin = np.cumsum([0, *(len(mixture.weights) for mixture in mixtures)])
        self._packed: tuple[np.ndarray, np.ndarray] | None = None
        self._side_by_side: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def dim(self) -> int:
        """Numbers per frame."""
        return self.mixtures[0].inv_vars.shape[1]

    @property
    def num_pdfs(self) -> int:
        """Number of mixtures."""
        return len(self.mixtures)

    @property
    def num_gaussians(self) -> int:
        """Number of components of all mixtures."""
        return sum(len(mixture.weights) for mixture in self.mixtures)

    def log_likelihoods(self, feats_TD: np.ndarray, key: str | None = None) -> np.ndarray:
        """log p(x | pdf) of every frame and pdf.

        One product of [x, x^2] with all components at a time. Of a small model's, components stand first, so that the sum
        over them runs over whole rows of pdfs; mixtures with fewer components than the largest are padded.

        Args:
            feats_TD: features, [T, D].
            key: the utterance, for errors.

        Returns:
            float32, [T, num_pdfs].

        Raises:
            InputError: features of another dimension.
        """
        self._check(feats_TD, key)
        if self.num_gaussians > FEW_GAUSSIANS:
            return self.log_likelihoods_of(np.arange(self.num_pdfs), feats_TD, key)
        weights, constants = self._pack()
        components = len(constants) // self.num_pdfs
        result = np.empty((len(feats_TD), self.num_pdfs), dtype=np.float32)
        for start in range(0, len(feats_TD), BLOCK):
            x = feats_TD[start : start + BLOCK].astype(np.float32, copy=False)
            scores = np.concatenate([x, x * x], axis=1) @ weights
            scores += constants
            scores = scores.reshape(len(x), components, self.num_pdfs)
            best = scores.max(axis=1)
            scores -= best[:, None, :]
            np.maximum(scores, FAR, out=scores)
            np.exp(scores, out=scores)
            result[start : start + BLOCK] = np.log(scores.sum(axis=1)) + best
        return result

    def log_likelihoods_of(self, pdfs: np.ndarray, feats_TD: np.ndarray, key: str | None = None) -> np.ndarray:
        """The same of some pdfs only, shape [P], each once: those of a transcript are few of a large model's.

        Returns:
            float32, [T, num_pdfs]; 0 for the other pdfs.
        """
        from houseblend.gmm import gaussian_passes  # compiled code takes time to load

        self._check(feats_TD, key)
        weights, constants = self.side_by_side()
        sizes = np.diff(self.begin)[pdfs]
        begin = np.cumsum([0, *sizes])
        chosen = np.arange(begin[-1]) + np.repeat(self.begin[pdfs] - begin[:-1], sizes)
        weights, constants = weights[chosen], constants[chosen]
        result = np.zeros((len(feats_TD), self.num_pdfs), dtype=np.float32)
        best_PT, sums_PT = (np.empty((len(pdfs), NARROW_BLOCK), dtype=np.float32) for _ in range(2))
        for start in range(0, len(feats_TD), NARROW_BLOCK):
            x = feats_TD[start : start + NARROW_BLOCK].astype(np.float32, copy=False)
            scores_GT = weights @ np.concatenate([x, x * x], axis=1).T
            gaussian_passes.below_best(scores_GT, constants, begin, FAR, best_PT)
            np.exp(scores_GT, out=scores_GT)
            gaussian_passes.add_up(scores_GT, begin, sums_PT)
            result[start : start + NARROW_BLOCK, pdfs] = (np.log(sums_PT[:, : len(x)]) + best_PT[:, : len(x)]).T
        return result

    def _check(self, feats_TD: np.ndarray, key: str | None) -> None:
        if feats_TD.ndim != 2 or feats_TD.shape[1] != self.dim:
            raise InputError(
                f"features of shape {feats_TD.shape}", key=key, expected=f"dimension {self.dim} as the model's"
            )

    def side_by_side(self) -> tuple[np.ndarray, np.ndarray]:
        """What [x, x^2] is multiplied with for every component of every mixture, [G, 2D], and the constants, [G]."""
        if self._side_by_side is None:
            parts = [np.concatenate([m.means_invvars, -0.5 * m.inv_vars], axis=1) for m in self.mixtures]
            constants = np.concatenate([np.asarray(m.gconsts) for m in self.mixtures])
            self._side_by_side = np.concatenate(parts).astype(np.float32), constants.astype(np.float32)
        return self._side_by_side

    def _pack(self) -> tuple[np.ndarray, np.ndarray]:
        """All components side by side: [2D, K * P] and [K * P], K the largest mixture's size."""
        if self._packed is None:
            size = max(len(mixture.weights) for mixture in self.mixtures)
            weights = np.zeros((size, self.num_pdfs, 2 * self.dim), dtype=np.float32)
            constants = np.full((size, self.num_pdfs), -1e30, dtype=np.float32)
            for pdf, mixture in enumerate(self.mixtures):
                count = len(mixture.weights)
                weights[:count, pdf, : self.dim] = mixture.means_invvars
                weights[:count, pdf, self.dim :] = -0.5 * mixture.inv_vars
                constants[:count, pdf] = mixture.gconsts
            self._packed = np.ascontiguousarray(weights.reshape(-1, 2 * self.dim).T), constants.reshape(-1)
        return self._packed

    @classmethod
    def read(cls, source: KaldiInput) -> "AmDiagGmm":
        """Read Kaldi's form, binary or text; InputError if it is another or its numbers are not finite."""
        source.expect("<DIMENSION>")
        dim = source.read_int()
        source.expect("<NUMPDFS>")
        mixtures = []
        for pdf in range(source.read_int()):
            source.expect("<DiagGMM>", "<GCONSTS>")
            constants = source.read_vector()
            source.expect("<WEIGHTS>")
            weights = source.read_vector()
            source.expect("<MEANS_INVVARS>")
            means_invvars = source.read_matrix()
            source.expect("<INV_VARS>")
            inv_vars = source.read_matrix()
            source.expect("</DiagGMM>")
            arrays = (weights, means_invvars, inv_vars, constants)
            shapes = [len(weights) == len(constants), means_invvars.shape == inv_vars.shape == (len(weights), dim)]
            if not all(shapes) or not all(np.isfinite(array).all() for array in arrays) or not (inv_vars > 0).all():
                raise source.fail(f"the mixture of pdf {pdf} is not whole", f"finite numbers of dimension {dim}")
            mixtures.append(DiagGmm(*arrays))
        if not mixtures:
            raise source.fail("a model without pdfs")
        return cls(mixtures)

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("<DIMENSION>")
        target.write_int(self.dim)
        target.write_token("<NUMPDFS>")
        target.write_int(self.num_pdfs)
        for mixture in self.mixtures:
            target.write_token("<DiagGMM>")
            target.newline()
            target.write_token("<GCONSTS>")
            target.write_vector(np.asarray(mixture.gconsts))
            target.write_token("<WEIGHTS>")
            target.write_vector(mixture.weights)
            target.write_token("<MEANS_INVVARS>")
            target.write_matrix(mixture.means_invvars)
            target.write_token("<INV_VARS>")
            target.write_matrix(mixture.inv_vars)
            target.write_token("</DiagGMM>")
            target.newline()


def gconsts(weights: np.ndarray, means_invvars: np.ndarray, inv_vars: np.ndarray) -> np.ndarray:
    """log w - (D log 2pi + sum(mean^2 / var) + sum(log var)) / 2 of every component, [M], float32."""
    inverse = inv_vars.astype(np.float64)
    quadratic = (means_invvars.astype(np.float64) ** 2 / inverse).sum(axis=1)
    normaliser = inverse.shape[1] * np.log(2 * np.pi) - np.log(inverse).sum(axis=1)
    with np.errstate(divide="ignore"):
        return (np.log(weights.astype(np.float64)) - 0.5 * (normaliser + quadratic)).astype(np.float32)
