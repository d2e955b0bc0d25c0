"""Posteriors or log-likelihoods of whole data directories, as decoding sees them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.base.workers import Workers
from houseblend.decode.acoustic import Scorer, model_features, model_kind, read_scorer
from houseblend.decode.options import OutputOptions
from houseblend.feat.pipeline import Features
from houseblend.io.tables import write_table

TOLERANCE = 1e-3
"""How far the posteriors of a frame may be from a sum of 1."""


def compute_outputs(
    data: Path, model: Path, transforms: Path | None, out: Path, options: OutputOptions, workers: Workers
) -> None:
    """Write posteriors.ark and posteriors.scp, or loglikes.ark and loglikes.scp, of a data directory.

    The script holds absolute names.

    Args:
        data: data directory with features.
        model: model directory; its normalisation is applied to the features first.
        transforms: directory with transforms of the speakers, for a model of adapted features.
        out: directory to write.
        options: posteriors, or the log-likelihoods that decoding searches with, by pdf.
        workers: who shares the work.

    Raises:
        InputError, StaleError: model and data do not belong together; a model without posteriors, or without priors.
    """
    features = model_features(model, data, transforms)
    keys = list(features)
    log_likelihoods = options.log_likelihoods
    name = out.absolute() / ("loglikes" if log_likelihoods else "posteriors")
    outputs = workers.share_out(partial(_computing, features, model / "final.mdl", log_likelihoods), keys, "utterances")
    with write_table(f"ark,scp:{name}.ark,{name}.scp", "matrix") as write:
        for key, output_TP in zip(keys, outputs, strict=True):
            write(key, output_TP)
    log(f"computed {len(keys)} utterances")


def _computing(features: Features, model: Path, log_likelihoods: bool) -> Callable[[str], np.ndarray]:
    """A function from an utterance to its outputs, [T, num_pdfs]."""
    score = read_scorer(model)[1] if log_likelihoods else _read_posteriors(model)
    return lambda key: score(features[key], key)


def _read_posteriors(model: Path) -> Scorer:
    """A function from features [T, D] and key to the posteriors of the pdfs, [T, num_pdfs]."""
    if model_kind(model) != "nnet3":
        raise InputError("a GMM has no posteriors", file=model, do="ask for --log-likelihoods=true")
    import torch

    from houseblend.nnet.compute import compute
    from houseblend.nnet.formats.nnet3 import read_acoustic_model

    torch.set_num_threads(1)
    network = read_acoustic_model(model).network

    def posteriors(feats_TD: np.ndarray, key: str) -> np.ndarray:
        output_TP = np.exp(compute(network, feats_TD))
        sums = output_TP.sum(axis=1)
        if not np.abs(sums - 1).max() <= TOLERANCE:
            what = f"the exponentials of a frame's outputs sum to {sums[np.abs(sums - 1).argmax()]:g}"
            raise InputError(
                what, file=model, key=key, expected="1 (log-softmax)", do="use nnet3-compute on this network"
            )
        return output_TP

    return posteriors
