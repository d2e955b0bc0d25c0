"""Flat-start training of monophone GMM-HMMs, by the schedule of Kaldi's steps/train_mono.sh."""

from dataclasses import replace

import numpy as np

from houseblend.feat.options import Normalisation
from houseblend.feat.pipeline import Deltas, FeaturePipeline, Features
from houseblend.gmm.flat_start import INITIAL_UTTERANCES, flat_mixtures, moments, monophone_tree
from houseblend.gmm.options import MonoOptions, UpdateOptions
from houseblend.gmm.train_gmm import Beginning, Iteration, Task, schedule, train_gmm
from houseblend.gmm.working_files import Model
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.lang.phone_files import read_phone_sets

REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)
INITIAL_BEAM = 6.0
"""Of the first alignment."""
INITIAL_OCCUPANCY = 3.0
"""That Gaussians must have in the first iteration, so that rare phones get one."""


def train_mono(task: Task, options: MonoOptions, normalisation: Normalisation) -> None:
    """Train on all of the data from equal alignments; see `train_gmm`."""
    pipeline = FeaturePipeline(normalisation.cmvn, (Deltas(),))
    topology = HmmTopology.load(task.lang / "topo")
    tree = monophone_tree(topology, read_phone_sets(task.lang / "phones" / "sets.int"))

    def begin() -> Beginning:
        features = Features(task.data, pipeline)
        first = [features[key] for key in list(features)[:INITIAL_UTTERANCES]]
        mixtures = flat_mixtures(tree.num_pdfs, *moments(first))
        model = Model(TransitionModel.initial(topology, tree), mixtures, pipeline)
        return Beginning(tree, model, _even)

    iterations = schedule(0, tree.num_pdfs, options, task.search.beam, REALIGN)
    train_gmm(task, pipeline, list(map(_eased, iterations)), begin, options)


def _even(key: str, even: np.ndarray) -> np.ndarray:
    """The first path of an utterance."""
    return even


def _eased(iteration: Iteration) -> Iteration:
    """The first iterations are different."""
    if iteration.number == 0:
        return replace(iteration, update=UpdateOptions(min_gaussian_occupancy=INITIAL_OCCUPANCY))
    return replace(iteration, beam=INITIAL_BEAM) if iteration.number == 1 else iteration
