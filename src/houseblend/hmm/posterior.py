"""Posteriors: for every frame a list of (transition-id or pdf, weight) (Kaldi's hmm/posterior)."""

from collections.abc import Collection, Sequence

import numpy as np

from houseblend.base.seeds import seed_of
from houseblend.hmm.alignment import check_ids
from houseblend.hmm.transition_model import TransitionModel

Posterior = list[list[tuple[int, float]]]


def from_alignment(ids_T: np.ndarray) -> Posterior:
    """Weight 1 for the one id of each frame, of ids of shape [T]."""
    return [[(index, 1.0)] for index in ids_T.tolist()]


def to_pdfs(posterior: Posterior, model: TransitionModel, key: str | None = None) -> Posterior:
    """Weights of transition-ids added up by pdf, pdfs in order; those that cancel are left out.

    Raises:
        InputError: a transition-id that the model lacks.
    """
    _check(posterior, model, key)
    frames: Posterior = []
    for frame in posterior:
        weights: dict[int, np.float32] = {}
        for index, weight in frame:
            pdf = int(model.id_to_pdf[index])
            weights[pdf] = weights.get(pdf, np.float32(0)) + np.float32(weight)
        frames.append([(pdf, float(weights[pdf])) for pdf in sorted(weights) if weights[pdf]])
    return frames


def weight_silence(
    posterior: Posterior, model: TransitionModel, phones: Collection[int], scale: float, key: str | None = None
) -> Posterior:
    """Weights of transition-ids of the phones given, times `scale`; with 0 they are left out.

    Raises:
        InputError: a transition-id that the model lacks.
    """
    silent = _ids_of(phones, posterior, model, key)
    factors = np.where(silent, np.float32(scale), np.float32(1))
    return [[(index, float(w * factors[index])) for index, w in frame if factors[index] != 0] for frame in posterior]


def weight_silent_frames(
    posterior: Posterior, model: TransitionModel, phones: Collection[int], scale: float, key: str | None = None
) -> Posterior:
    """All weights of a frame, times the mean of `scale` and 1 by the shares of the phones given and of the others.

    Raises:
        InputError: a transition-id that the model lacks.
    """
    silent = _ids_of(phones, posterior, model, key)
    frames: Posterior = []
    for frame in posterior:
        total = sum(weight for _, weight in frame)
        share = sum(weight for index, weight in frame if silent[index]) / total if total else 0.0
        factor = share * scale + 1 - share
        frames.append([(index, weight * factor) for index, weight in frame] if factor and total else [])
    return frames


def entries(posterior: Posterior) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All entries, frame by frame: frames [N] (rising), transition-ids or pdfs [N], weights [N] (float64)."""
    frames = np.repeat(np.arange(len(posterior)), [len(frame) for frame in posterior])
    flat = np.array([pair for frame in posterior for pair in frame], dtype=np.float64).reshape(-1, 2)
    return frames, flat[:, 0].astype(np.int64), flat[:, 1]


def prune_at_random(weights: np.ndarray, threshold: float, key: str) -> np.ndarray:
    """Weights [N] below a threshold become the threshold or 0 by chance, so that the mean stays; the same for a key always.

    A weight w below t is t with probability |w| / t: statistics of few entries that are right on average (Kaldi's RandPrune).
    """
    if threshold <= 0:
        return weights
    chance = np.random.Generator(np.random.Philox(seed_of(0, "random pruning", key))).random(len(weights))
    kept = np.where(chance * threshold <= np.abs(weights), np.sign(weights) * threshold, 0.0)
    return np.where(np.abs(weights) >= threshold, weights, kept)


def frame_weights(posterior: Posterior) -> np.ndarray:
    """Sum of the weights of every frame, shape [T], float32."""
    return np.array([sum(weight for _, weight in frame) for frame in posterior], dtype=np.float32)


def scaled(posterior: Posterior, scale: float) -> Posterior:
    """All weights, times `scale`; with 0 nothing is left."""
    return [[(index, weight * scale) for index, weight in frame if scale] for frame in posterior]


def _ids_of(phones: Collection[int], posterior: Posterior, model: TransitionModel, key: str | None) -> np.ndarray:
    """Whether a transition-id is one of these phones, [num_ids + 1]; the posterior's ids are checked."""
    _check(posterior, model, key)
    return np.isin(model.id_to_phone, list(phones))


def _check(posterior: Sequence[Sequence[tuple[int, float]]], model: TransitionModel, key: str | None) -> None:
    check_ids(np.array([index for frame in posterior for index, _ in frame], dtype=np.int64), model, key)
