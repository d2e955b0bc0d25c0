"""What can be said of an RBM after contrastive divergence, whose samples are each toolkit's own: means over seeds against Kaldi's run.

From seed to seed the curve moves by 1 to 2 %, the spread of the weights by 0.1 % (Gaussian visible units) and 0.4 % (Bernoulli);
a rate that is wrong by a tenth moves it by 3 %, means in place of samples by 2 to 5 % and the curve by 10 to 40 %.
"""

import re
from pathlib import Path

import numpy as np

from houseblend.nnet.formats.nnet1 import read_nnet1

SEEDS = (1, 2, 3, 4)
TOLERANCES = {"error curve": 0.04, "deviation of weights": 0.01, "norm of change": 0.015, "mean of weights": 0.01}
"""Relative to Kaldi's; the mean of the weights, which is near 0, to their deviation."""


def error_curve(log: str) -> np.ndarray:
    """The reconstruction errors that a log reports one after the other."""
    found = re.search(r"progress: \[([^\]]*)\]", log)
    assert found is not None, log
    return np.array(found[1].split(), float)


def statistics_of(rbm: Path, initial: Path) -> np.ndarray:
    """Deviation of the weights, norm of their change, their mean."""
    after, before = (read_nnet1(path).rbm.weights.double() for path in (rbm, initial))
    return np.array([float(after.std()), float((after - before).norm()), float(after.mean())])


def deviations(logs: list[str], rbms: list[Path], initial: Path, kaldi_log: str, kaldi_rbm: Path) -> dict[str, float]:
    """Of the mean over our runs from Kaldi's run, as `TOLERANCES` has them.

    Args:
        logs, rbms: of our runs.
        initial: what all began with.
        kaldi_log, kaldi_rbm: Kaldi's.
    """
    curve = np.mean([error_curve(log) for log in logs], axis=0) / error_curve(kaldi_log) - 1.0
    ours = np.mean([statistics_of(rbm, initial) for rbm in rbms], axis=0)
    kaldis = statistics_of(kaldi_rbm, initial)
    relative = (ours - kaldis) / np.array([*kaldis[:2], kaldis[0]])
    return dict(zip(TOLERANCES, [float(np.abs(curve).max()), *map(abs, relative.tolist())], strict=True))


def beyond(found: dict[str, float]) -> list[str]:
    """What is out of its tolerance."""
    return [name for name, value in found.items() if not value <= TOLERANCES[name]]
