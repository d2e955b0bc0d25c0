"""Checks of LDA, MLLT and fMLLR."""

import re

import numpy as np
from checks import Outcome, covers, outcome
from compare import Deviation, DifferentError, Tolerance, compare
from rows import Row
from workplace import Workplace

from houseblend.gmm.lda import LdaStats
from houseblend.io.tables import read_object


@covers(r"^gmm/est/lda")
def lda(workplace: Workplace, row: Row) -> Outcome:
    """Statistics, and the transform up to the signs of its rows."""
    workplace.run(row)
    tolerance = Tolerance(relative=1e-3)
    *statistics, matrix = row.files
    mine, its = (read_object(str(place / matrix), "matrix") for place in (workplace.place, workplace.golden))
    total = tolerance.deviation(np.abs(mine), np.abs(its))
    for name in statistics:
        mine, its = (LdaStats.load(place / name) for place in (workplace.place, workplace.golden))
        for part in ("counts", "sums", "second"):
            total |= tolerance.deviation(getattr(mine, part), getattr(its, part))
    return outcome(total, tolerance)


@covers(r"^gmm/est/mllt")
def mllt(workplace: Workplace, row: Row) -> Outcome:
    """Rows of the transform, the rotated model, and by how much the objective rises."""
    tolerance, (matrix, model, log) = Tolerance(relative=1e-2), row.files
    total = _gains(workplace, row, log, r"(?:MLLT is|improvement per frame) (\S+) over")
    for name in (matrix, model):
        total |= compare(*workplace.comparable(name), name, tolerance)
    return outcome(total, tolerance)


@covers(r"^gmm/est/fmllr\.")
def fmllr(workplace: Workplace, row: Row) -> Outcome:
    """Transforms, and by how much each speaker's objective rises."""
    tolerance, (matrices, log) = Tolerance(relative=1e-2), row.files
    total = _gains(workplace, row, log, r"(?:auxf-impr from fMLLR is|\] improvement per frame) ([0-9.]+),? over")
    return outcome(total | compare(*workplace.comparable(matrices), matrices, tolerance), tolerance)


def _gains(workplace: Workplace, row: Row, log: str, pattern: str) -> Deviation:
    """Run the row; of what its log tells of objectives."""
    told = workplace.run(row), (workplace.golden / log).read_text()
    mine, its = (np.array([float(number) for number in re.findall(pattern, text)]) for text in told)
    if not len(its):
        raise DifferentError(f"{log} tells nothing of an objective")
    return Tolerance(relative=1e-3).deviation(mine, its)
