"""The first mixtures of a new tree: from its statistics, or those of an older model (Kaldi's gmm-init-model)."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.hmm.tree import PDF_CLASS_KEY, ContextDependency
from houseblend.tree.gaussian import sums_by_group
from houseblend.tree.leaves import leaves_of
from houseblend.tree.statistics import TreeStatistics

VARIANCE_FLOOR = 0.01
FEW_FRAMES = 100


def occupancy(tree: ContextDependency, stats: TreeStatistics) -> np.ndarray:
    """Frames of every pdf, [num_pdfs], float64.

    Raises:
        InputError: statistics that the tree has no leaf for.
    """
    return np.bincount(leaves_of(tree.root, stats), weights=stats.moments[:, 0], minlength=tree.num_pdfs)


def single_gaussians(tree: ContextDependency, stats: TreeStatistics, var_floor: float = VARIANCE_FLOOR) -> AmDiagGmm:
    """One Gaussian a pdf, with the mean and variance of its frames; those of all frames where it has none.

    Raises:
        InputError: statistics that the tree has no leaf for.
    """
    present, sums = sums_by_group(stats.moments, np.arange(len(stats)), leaves_of(tree.root, stats))
    moments = np.tile(stats.moments.sum(axis=0), (tree.num_pdfs, 1))
    moments[present] = sums
    if missing := sorted(set(range(tree.num_pdfs)) - set(present.tolist())):
        warn(f"pdfs {missing} have no stats: they begin with the mean and variance of all frames")
    if few := present[sums[:, 0] < FEW_FRAMES].tolist():
        warn(f"pdfs {few} have fewer than {FEW_FRAMES} frames")
    return AmDiagGmm([_gaussian(row, var_floor) for row in moments])


def borrowed_mixtures(
    tree: ContextDependency, stats: TreeStatistics, old_tree: ContextDependency, old: AmDiagGmm,
    var_floor: float = VARIANCE_FLOOR,
) -> AmDiagGmm:  # fmt: skip
    """For each pdf the mixture of the old pdf that has most of its frames; one Gaussian of all frames if it has none.

    Args:
        tree: the new tree.
        stats: of phones in its context.
        old_tree: the tree of the old model, of the same context or a narrower one.
        old: the mixtures of the old model.
        var_floor: floor of variances.

    Raises:
        InputError: the old tree sees more phones, has no leaf for an event, or has another number of pdfs or dimension.
    """
    if old.num_pdfs != old_tree.num_pdfs or old.dim != stats.dim:
        raise InputError(
            f"an old model of {old.num_pdfs} pdfs and dimension {old.dim}",
            expected=f"{old_tree.num_pdfs} as its tree, dimension {stats.dim} as the statistics",
            do="use tree and model of one directory, and statistics of the same features",
        )
    new_leaves, old_leaves = leaves_of(tree.root, stats), leaves_of(old_tree.root, _narrowed(stats, tree, old_tree))
    frames = np.zeros((tree.num_pdfs, old.num_pdfs))
    np.add.at(frames, (new_leaves, old_leaves), stats.moments[:, 0])
    if missing := np.flatnonzero(frames.max(axis=1) <= 0).tolist():
        warn(f"pdfs {missing} have no stats: they begin with the mean and variance of all frames")
    average = _gaussian(stats.moments.sum(axis=0), var_floor)
    return AmDiagGmm([old.mixtures[int(np.argmax(row))] if row.any() else average for row in frames])


def _narrowed(stats: TreeStatistics, tree: ContextDependency, old_tree: ContextDependency) -> TreeStatistics:
    """The statistics with events as the old tree sees them."""
    left, right = (
        [one.central_position for one in (old_tree, tree)],
        [one.context_width - one.central_position - 1 for one in (old_tree, tree)],
    )
    if left[0] > left[1] or right[0] > right[1]:
        raise InputError(
            f"an old tree of {left[0]} phones to the left and {right[0]} to the right",
            expected=f"at most {left[1]} and {right[1]} as the new one", do="take an older model of a narrower context",
        )  # fmt: skip
    shift, kept = left[0] - left[1], range(old_tree.context_width)
    events = [
        tuple((key if key == PDF_CLASS_KEY else key + shift, value) for key, value in event
              if key == PDF_CLASS_KEY or key + shift in kept)
        for event in stats.events
    ]  # fmt: skip
    return TreeStatistics(events, stats.moments, stats.var_floor)


def _gaussian(moments: np.ndarray, var_floor: float) -> DiagGmm:
    """One Gaussian of moments [1 + 2 D], in float32 as Kaldi computes it."""
    if not moments[0] > 0:
        raise InputError("statistics without frames", do="accumulate them again")
    sums, squares = moments[1:].astype(np.float32).reshape(2, -1)
    scale = np.float32(1.0 / np.float32(moments[0]))
    mean = scale * sums
    inv_vars = 1 / np.maximum(scale * squares - mean * mean, np.float32(var_floor))
    return DiagGmm(np.ones(1, dtype=np.float32), (mean * inv_vars)[None], inv_vars[None])
