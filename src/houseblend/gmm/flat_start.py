"""The model that training starts from: all pdfs alike (Kaldi's gmm-init-mono, gmm-init-model-flat)."""

from collections.abc import Sequence

import numpy as np

from houseblend.base.errors import InputError
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency

INITIAL_UTTERANCES = 10
"""How many utterances give the first mean and variance."""
VARIANCE_FLOOR = 1e-3


def moments(feats: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, [D] each, of features, [T, D] each.

    Raises:
        InputError: there are no frames, or they are not finite.
    """
    frames = np.concatenate(feats).astype(np.float64) if feats else np.zeros((0, 1))
    if not len(frames) or not np.isfinite(frames).all():
        raise InputError("the features hold no frames, or values that are not finite", do="check the features")
    return frames.mean(axis=0), np.maximum(frames.var(axis=0), VARIANCE_FLOOR)


def monophone_tree(topology: HmmTopology, sets: Sequence[Sequence[int]]) -> ContextDependency:
    """A tree without context, whose sets of phones share pdfs.

    Raises:
        InputError: a phone of the topology is in no set or in two, or a set holds another phone.
    """
    if sorted(phone for phones in sets for phone in phones) != topology.phones:
        raise InputError(
            "the sets of phones and the topology disagree", expected="every phone of the topology in one set",
            do="use topo and phones/sets.int of one lang directory",
        )  # fmt: skip
    classes = {phone: topology.num_pdf_classes(phone) for phone in topology.phones}
    return ContextDependency.monophone([list(phones) for phones in sets], classes)


def flat_model(
    topology: HmmTopology, sets: Sequence[Sequence[int]], mean: np.ndarray, variance: np.ndarray
) -> tuple[ContextDependency, TransitionModel, AmDiagGmm]:
    """A monophone tree, the topology's transition probabilities, and one Gaussian a pdf.

    Args:
        topology: the HMMs.
        sets: phones that share pdfs.
        mean: of every Gaussian, [D].
        variance: of every Gaussian, [D].

    Raises:
        InputError: as `monophone_tree`.
    """
    tree = monophone_tree(topology, sets)
    return tree, TransitionModel.initial(topology, tree), flat_mixtures(tree.num_pdfs, mean, variance)


def flat_mixtures(num_pdfs: int, mean: np.ndarray, variance: np.ndarray) -> AmDiagGmm:
    """One Gaussian a pdf, each of this mean [D] and variance [D]."""
    return AmDiagGmm([DiagGmm.from_moments(np.ones(1), mean[None], variance[None]) for _ in range(num_pdfs)])
