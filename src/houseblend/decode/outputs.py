"""Posteriors or log-likelihoods of whole data directories, as decoding sees them."""

from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress, log
from houseblend.base.workers import in_processes
from houseblend.decode.acoustic import Scorer, model_features, model_kind, read_scorer
from houseblend.decode.options import OutputOptions
from houseblend.io.tables import write_table

TOLERANCE = 1e-3
"""How far the posteriors of a frame may be from a sum of 1."""


def compute_outputs(
    data: Path, model: Path, transforms: Path | None, out: Path, options: OutputOptions, jobs: int
) -> None:
    """Write posteriors.ark and posteriors.scp, or loglikes.ark and loglikes.scp, of a data directory.

    The script holds absolute names.

    Args:
        data: data directory with features.
        model: model directory; its normalisation is applied to the features first.
        transforms: directory with transforms of the speakers, for a model of adapted features.
        out: directory to write.
        options: posteriors, or the log-likelihoods that decoding searches with, by pdf.
        jobs: processes; the result does not depend on it.

    Raises:
        InputError, StaleError: model and data do not belong together; a model without posteriors, or without priors.
    """
    features = model_features(model, data, transforms)
    keys = list(features)
    log_likelihoods = options.log_likelihoods
    score = read_scorer(model / "final.mdl")[1] if log_likelihoods else _read_posteriors(model / "final.mdl")
    name = out.absolute() / ("loglikes" if log_likelihoods else "posteriors")
    with (
        write_table(f"ark,scp:{name}.ark,{name}.scp", "matrix") as write,
        Progress(len(keys), "utterances") as progress,
    ):
        results = in_processes(lambda key: score(features[key], key), keys, jobs)
        for key, output_TP in zip(keys, results, strict=True):
            write(key, output_TP)
            progress.add()
    log(f"computed {len(keys)} utterances")


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
