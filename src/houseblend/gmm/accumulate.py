"""Statistics of alignments (Kaldi's gmm-acc-stats-ali): frame by frame in compiled code, sums in float64."""

from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.hmm.alignment import to_pdfs
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input, open_output

FLAGS = 15
"""Kaldi's kGmmAll: means, variances, weights, and transitions."""


class Accumulators:
    """Counts of transitions, and occupancy, sums and sums of squares of every Gaussian.

    Args:
        num_ids: number of transition-ids.
        sizes: components of each pdf.
        dim: numbers per frame.

    Attributes: `transitions` [num_ids + 1]; `log_likelihood` and `frames`, totals. All float64.
    """

    def __init__(self, num_ids: int, sizes: list[int], dim: int) -> None:
        self.transitions = np.zeros(num_ids + 1)
        self._begin = np.cumsum([0, *sizes])
        self._occupancy = np.zeros(self._begin[-1])
        self._sums, self._squares = (np.zeros((self._begin[-1], dim)) for _ in range(2))
        self.log_likelihood = 0.0
        self.frames = 0.0

    @property
    def occupancy(self) -> list[np.ndarray]:
        """Of every pdf's Gaussians, [M]."""
        return np.split(self._occupancy, self._begin[1:-1])

    @property
    def sums(self) -> list[np.ndarray]:
        """Of every pdf's Gaussians, [M, D]."""
        return np.split(self._sums, self._begin[1:-1])

    @property
    def squares(self) -> list[np.ndarray]:
        """Of every pdf's Gaussians, [M, D]."""
        return np.split(self._squares, self._begin[1:-1])

    @classmethod
    def for_model(cls, transitions: TransitionModel, mixtures: AmDiagGmm) -> "Accumulators":
        """Zeros in the shape of a model."""
        return cls(transitions.num_ids, [len(m.weights) for m in mixtures.mixtures], mixtures.dim)

    def add_alignment(
        self, transitions: TransitionModel, mixtures: AmDiagGmm, feats_TD: np.ndarray, ids_T: np.ndarray,
        key: str | None = None,
    ) -> None:  # fmt: skip
        """Add frames.

        Args:
            transitions: the transition model.
            mixtures: the mixtures.
            feats_TD: features, [T, D].
            ids_T: transition-id of every frame, [T].
            key: the utterance, for errors.

        Raises:
            InputError: features of another dimension, or a transition-id that the model lacks.
        """
        from houseblend.gmm import gaussian_passes  # compiled code takes time to load

        if feats_TD.ndim != 2 or feats_TD.shape[1] != mixtures.dim:
            raise InputError(f"features of shape {feats_TD.shape}", key=key, expected=f"dimension {mixtures.dim}")
        pdfs = to_pdfs(ids_T, transitions, key)
        self.transitions += np.bincount(ids_T, minlength=len(self.transitions))
        x = np.ascontiguousarray(feats_TD, dtype=np.float32)
        into = self._occupancy, self._sums, self._squares
        self.log_likelihood += gaussian_passes.add_frames(x, pdfs, self._begin, *mixtures.side_by_side(), *into)
        self.frames += len(ids_T)

    def add_posteriors(self, posteriors: GaussianPosteriors, log_likelihood: float, feats_TD: np.ndarray) -> None:
        """Add frames to Gaussians by posteriors that come from elsewhere; transitions are not counted.

        Args:
            posteriors: of these frames, by Gaussians as these.
            log_likelihood: of the frames, weighted.
            feats_TD: features, [T, D].
        """
        x = feats_TD.astype(np.float64)
        self._occupancy += np.bincount(posteriors.gaussians, posteriors.weights, len(self._occupancy))
        self._sums += posteriors.by_gaussian(x, len(self._sums))
        self._squares += posteriors.by_gaussian(x * x, len(self._squares))
        self.log_likelihood += log_likelihood
        self.frames += float(posteriors.weights.sum())

    def merge(self, other: "Accumulators") -> None:
        """Add other statistics of the same shape.

        Raises:
            InputError: the shapes differ.
        """
        self.require_same_shape(other)
        self.transitions += other.transitions
        self._occupancy += other._occupancy
        self._sums += other._sums
        self._squares += other._squares
        self.log_likelihood += other.log_likelihood
        self.frames += other.frames

    def require_same_shape(self, other: "Accumulators") -> None:
        """Refuse statistics of a model with other transition-ids, pdfs, Gaussians or dimension.

        Raises:
            InputError: saying which differ.
        """
        mine, its = (
            {
                "transition-ids": len(one.transitions) - 1,
                "pdfs": len(one._begin) - 1,
                "Gaussians and dimension": (one._begin.tolist(), one._sums.shape),
            }
            for one in (self, other)
        )
        for what, expected in mine.items():
            if its[what] != expected:
                shown = f": {its[what]}, not {expected}" if isinstance(expected, int) else ""
                raise InputError(
                    f"statistics of different models: other {what}{shown}", do="accumulate them with one model"
                )

    def write(self, path: str | Path, binary: bool = True) -> None:
        """Write Kaldi's `.acc`."""
        with open_output(path, binary) as target:
            target.write_vector(self.transitions)
            target.write_token("<NUMPDFS>")
            target.write_int(len(self._begin) - 1)
            for occupancy, sums, squares in zip(self.occupancy, self.sums, self.squares, strict=True):
                _write_gmm(target, occupancy, sums, squares)
            target.write_token("<total_like>")
            target.write_double(self.log_likelihood)
            target.write_token("<total_frames>")
            target.write_double(self.frames)

    @classmethod
    def read(cls, path: str | Path) -> "Accumulators":
        """Read Kaldi's `.acc`; InputError if it is something else."""
        with open_input(path) as source:
            transitions = source.read_vector().astype(np.float64)
            source.expect("<NUMPDFS>")
            parts = [_read_gmm(source) for _ in range(source.read_int())]
            occupancy, sums, squares = zip(*parts, strict=True)
            result = cls(len(transitions) - 1, [len(part) for part in occupancy], 0)
            result.transitions = transitions
            result._occupancy, result._sums, result._squares = map(np.concatenate, (occupancy, sums, squares))
            source.expect("<total_like>")
            result.log_likelihood = source.read_double()
            source.expect("<total_frames>")
            result.frames = source.read_double()
            source.stream.expect_end()
        return result


def _write_gmm(target: KaldiOutput, occupancy: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> None:
    target.write_token("<GMMACCS>")
    target.write_token("<VECSIZE>")
    target.write_int(sums.shape[1])
    target.write_token("<NUMCOMPONENTS>")
    target.write_int(len(occupancy))
    target.write_token("<FLAGS>")
    if target.binary:
        target.stream.write(b"\xfe" + FLAGS.to_bytes(2, "little"))
    else:
        target.write_int(FLAGS)
    target.write_token("<OCCUPANCY>")
    target.write_vector(occupancy.astype(np.float32) if target.binary else occupancy)
    target.write_token("<MEANACCS>")
    target.write_matrix(sums.astype(np.float32) if target.binary else sums)
    target.write_token("<DIAGVARACCS>")
    target.write_matrix(squares.astype(np.float32) if target.binary else squares)
    target.write_token("</GMMACCS>")


def _read_gmm(source: KaldiInput) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    source.expect("<GMMACCS>", "<VECSIZE>")
    dim = source.read_int()
    source.expect("<NUMCOMPONENTS>")
    size = source.read_int()
    source.expect("<FLAGS>")
    flags = int.from_bytes(source.read_bytes(3)[1:], "little") if source.binary else source.read_int()
    if flags & 7 != 7:
        raise source.fail(f"statistics with flags {flags}", "means, variances and weights")
    source.expect("<OCCUPANCY>")
    occupancy = source.read_vector().astype(np.float64)
    source.expect("<MEANACCS>")
    sums = source.read_matrix().astype(np.float64)
    source.expect("<DIAGVARACCS>")
    squares = source.read_matrix().astype(np.float64)
    source.expect("</GMMACCS>")
    if occupancy.shape != (size,) or not sums.shape == squares.shape == (size, dim):
        raise source.fail("statistics of another shape than announced")
    return occupancy, sums, squares
