"""What training learns of the features on the way: MLLT, and fMLLR of every speaker (Kaldi's train_lda_mllt, train_sat)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from houseblend.base.log import log
from houseblend.feat.pipeline import Features, LinearTransform, SpeakerTransforms
from houseblend.feat.transforms import compose
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.aligned import Aligned, Summing
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.edits import transform_means
from houseblend.gmm.estimate import update
from houseblend.gmm.fmllr import FmllrStats
from houseblend.gmm.fmllr_options import FmllrOptions
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.gmm.mllt import MlltStats
from houseblend.gmm.options import UpdateOptions
from houseblend.gmm.working_files import Model
from houseblend.hmm.alignment import to_pdfs
from houseblend.hmm.posterior import prune_at_random
from houseblend.hmm.transition_model import TransitionModel

RANDOM_PRUNING = 4.0
"""Statistics of LDA and MLLT are made of about one of so many frames, which is right on average."""

Frames = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Frames that count, the pdf of each, and its weight: [K] each."""


def frames_of_speech(
    ids_T: np.ndarray, transitions: TransitionModel, silence: Sequence[int], key: str | None = None
) -> Frames:
    """The frames of an alignment [T] that are not of a silence phone; InputError for ids that the model lacks."""
    pdfs = to_pdfs(ids_T, transitions, key)
    frames = np.flatnonzero(~np.isin(transitions.id_to_phone[ids_T], silence))
    return frames, pdfs[frames], np.ones(len(frames))


def learn_mllt(silence: Sequence[int], model: Model, aligned: Aligned) -> Model:
    """The last transform, a matrix, followed by one that makes diagonal Gaussians fit better; means go along."""
    *others, before = model.pipeline.transforms
    assert isinstance(before, LinearTransform)
    transform, gain = aligned.sum(partial(_mllt, silence, model)).estimate()
    log(f"MLLT: improvement per frame {gain:.4f}")
    after = LinearTransform(compose(transform.astype(np.float32), before.matrix))
    pipeline = replace(model.pipeline, transforms=(*others, after))
    return replace(model, mixtures=transform_means(model.mixtures, transform.astype(np.float32)), pipeline=pipeline)


def _mllt(silence: Sequence[int], model: Model) -> Summing[MlltStats]:
    def add(stats: MlltStats, key: str, x: np.ndarray, ids: np.ndarray) -> None:
        frames = frames_of_speech(ids, model.transitions, silence, key)
        shared, _ = GaussianPosteriors.of(model.mixtures, x, *frames, key)
        pruned = shared.with_weights(prune_at_random(shared.weights, RANDOM_PRUNING, key))
        stats.add(pruned, model.mixtures, x)

    return lambda: MlltStats.zeros(model.mixtures.dim), add


def learn_fmllr(silence: Sequence[int], model: Model, aligned: Aligned) -> Model:
    """The last transforms, of speakers, each followed by one that makes the speaker's frames fit the model better."""
    *others, before = model.pipeline.transforms
    assert isinstance(before, SpeakerTransforms)
    change = fmllr_of_alignment(silence, model, aligned)
    after = SpeakerTransforms(
        {speaker: compose(matrix, before.matrices[speaker], True) for speaker, matrix in change.matrices.items()}
    )
    return replace(model, pipeline=replace(model.pipeline, transforms=(*others, after)))


def fmllr_of_alignment(
    silence: Sequence[int], model: Model, aligned: Aligned, teller: AmDiagGmm | None = None
) -> SpeakerTransforms:
    """Transforms of all speakers, by the aligned frames that are not silence; the unit transform of those with few.

    Args:
        silence: silence phones.
        model: what the features are to fit.
        aligned: the features, and the utterances whose frames count.
        teller: the mixtures that tell whose Gaussian's a frame is, one for each of the model's; the model's if not given.
    """
    matrices, gains, frames = {}, 0.0, 0.0
    speakers = list(aligned.features.by_speaker())
    begin = partial(_fmllr, silence, model, aligned, teller or model.mixtures)
    found = aligned.workers.share_out(begin, speakers, "speakers")
    for speaker, (matrix, gain, count) in zip(speakers, found, strict=True):
        matrices[speaker] = matrix
        gains, frames = gains + gain, frames + count
    log(f"fMLLR of {len(matrices)} speakers: improvement per frame {gains / max(frames, 1.0):.4f}")
    return SpeakerTransforms(matrices)


def _fmllr(
    silence: Sequence[int], model: Model, aligned: Aligned, teller: AmDiagGmm
) -> Callable[[str], tuple[np.ndarray, float, float]]:
    """A function from a speaker to its transform, the improvement in all, and the frames."""
    utterances_of = aligned.features.by_speaker()

    def of_speaker(speaker: str) -> tuple[np.ndarray, float, float]:
        stats = FmllrStats(model.mixtures.dim)
        for key in utterances_of[speaker]:
            if key in aligned.paths:
                x, ids = aligned.frames(key)
                frames = frames_of_speech(ids, model.transitions, silence, key)
                shared, _ = GaussianPosteriors.of(teller, x, *frames, key)
                stats.add(shared, model.mixtures, x, key)
        return *stats.estimate(FmllrOptions(), speaker), stats.rows.count

    return of_speaker


def unadapted_mixtures(model: Model, aligned: Aligned) -> AmDiagGmm:
    """The Gaussians of features without the transforms of speakers, one for each that the model has of those with them.

    A model of these aligns and decodes before there are transforms (Kaldi's final.alimdl).
    """
    *others, speakers = model.pipeline.transforms
    assert isinstance(speakers, SpeakerTransforms)
    plain = aligned.features.through(replace(model.pipeline, transforms=tuple(others)))
    stats = replace(aligned, features=plain).sum(partial(_unadapted, model, speakers, plain))
    return update(model.mixtures, stats, UpdateOptions(remove_low_count_gaussians=False))


def _unadapted(model: Model, speakers: SpeakerTransforms, plain: Features) -> Summing[Accumulators]:
    def add(stats: Accumulators, key: str, x: np.ndarray, ids: np.ndarray) -> None:
        frames = frames_of_speech(ids, model.transitions, (), key)
        adapted = speakers.of(plain.speaker(key))(x)
        stats.add_posteriors(*GaussianPosteriors.of(model.mixtures, adapted, *frames, key), x)

    return lambda: Accumulators.for_model(model.transitions, model.mixtures), add
