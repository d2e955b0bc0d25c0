"""Acoustic scores of a model directory, GMM or DNN, found out by the file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.description import ModelKind, find_speakers, is_adapted, read_model_features
from houseblend.feat.pipeline import Features
from houseblend.gmm.diag import AmDiagGmm
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_input

Scorer = Callable[[np.ndarray, str], np.ndarray]
"""Features [T, D] and key to log-likelihoods by pdf, [T, num_pdfs]."""


def model_kind(model: Path) -> ModelKind:
    """gmm or nnet3, by the token behind the transition model."""
    with open_input(model) as source:
        TransitionModel.read(source)
        return "gmm" if source.peek_token() == "<DIMENSION>" else "nnet3"


def model_features(model: Path, data: Path, transforms: Path | None = None) -> Features:
    """Features of a data directory as the model of a model directory sees them.

    Args:
        model: model directory.
        data: data directory.
        transforms: directory with transforms of the data's speakers (trans.*), for a model of adapted features.

    Raises:
        InputError, StaleError: they do not belong together, or one of them is broken.
    """
    pipeline = read_model_features(model, model_kind(model / "final.mdl"), data)
    if not is_adapted(model):
        if transforms is not None:
            what = "the model was trained on features that are not adapted to speakers"
            raise InputError(what, file=model, do="leave --transforms out")
        return Features(data, pipeline)
    speakers = None if transforms is None else find_speakers(transforms)
    if speakers is None:
        what = "no transforms of speakers (trans.*)" if transforms else "a model of features adapted to speakers"
        do = "name by --transforms what decode or align wrote of this data with a speaker-adapted GMM-HMM"
        raise InputError(what, file=transforms or model, do=do)
    return Features(data, pipeline.followed_by(speakers))


def read_scorer(model: Path) -> tuple[TransitionModel, Scorer]:
    """The transition model and the scores of a `.mdl`.

    Raises:
        InputError: the file is neither a GMM-HMM nor an nnet3 acoustic model with priors.
    """
    with open_input(model) as source:
        transitions = TransitionModel.read(source)
        if source.peek_token() == "<DIMENSION>":
            return transitions, AmDiagGmm.read(source).log_likelihoods
    import torch

    from houseblend.nnet.formats.nnet3 import read_acoustic_model

    torch.set_num_threads(1)
    acoustic = read_acoustic_model(model)
    return transitions, lambda feats_TD, key: acoustic.log_likelihoods(feats_TD)
