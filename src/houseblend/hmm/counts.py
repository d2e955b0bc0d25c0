"""Counts of labels, such as the pdfs of aligned frames (bin/analyze-counts.cc)."""

from collections.abc import Mapping

import numpy as np

from houseblend.base.errors import InputError

MAX_LABEL = (1 << 24) - 1
"""The largest label that is counted, so that no file can ask for all memory."""


def add_counts(counts_P: np.ndarray, labels_T: np.ndarray, weights_T: np.ndarray) -> np.ndarray:
    """The counts [P], float64, with weighted labels added; there are as many as the largest label needs.

    Raises:
        InputError: labels that are too large or below 0, or another number of weights.
    """
    if len(labels_T) != len(weights_T):
        raise InputError(f"{len(labels_T)} labels and {len(weights_T)} weights", expected="one for each")
    if not len(labels_T):
        return counts_P
    if labels_T.min() < 0 or labels_T.max() > MAX_LABEL:
        raise InputError(f"labels from {labels_T.min()} to {labels_T.max()}", expected=f"0 to {MAX_LABEL}")
    added_P = np.bincount(labels_T, weights_T, len(counts_P))
    added_P[: len(counts_P)] += counts_P
    return added_P


def counts_text(counts_P: np.ndarray, names: Mapping[int, str]) -> str:
    """A line for each label from the rarest on: count, share, label and its name."""
    total = counts_P.sum()
    lines = ["counts from the rarest on", "count\t(share)\tlabel\t(name)"]
    for label in np.argsort(counts_P, kind="stable").tolist():
        name = f"\t({names[label]})" if label in names else ""
        lines.append(f"{counts_P[label]:g}\t({counts_P[label] / total:g})\t{label}{name}")
    return "\n".join([*lines, f"total {total:g} ({total / 100 / 3600:g} h)"])
