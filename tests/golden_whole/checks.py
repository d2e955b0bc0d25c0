"""Which check covers a golden row. The usual one runs the row's command with our programs and compares all its files.

A row that needs more has a function in a module of `SUBJECTS`: `@covers(pattern)` above a function of workplace and row
that returns an `Outcome`. A row without programs of ours is "not yet" and names the program.
"""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from compare import Deviation, DifferentError, Tolerance, compare
from rows import Row
from workplace import FailedError, MissingError, Workplace

SUBJECTS = (
    "checks_tables",
    "checks_features",
    "checks_hmm",
    "checks_tree",
    "checks_transforms",
    "checks_nnet3",
    "checks_nnet2",
    "checks_nnet1",
)
"""Modules of checks; importing them fills the register."""


@dataclass(frozen=True)
class Outcome:
    """What became of a row: equal, within (tolerance), differs, or later; and the words beside it in the table."""

    status: str
    remark: str = ""


Check = Callable[[Workplace, Row], Outcome]
CHECKS: list[tuple[str, Check]] = []


def covers(pattern: str) -> Callable[[Check], Check]:
    """Register a check for the rows whose names match."""

    def register(check: Check) -> Check:
        CHECKS.append((pattern, check))
        return check

    return register


def check(workplace: Workplace, row: Row) -> Outcome:
    """Check one row; Kaldi's files stand again afterwards."""
    for subject in SUBJECTS:
        importlib.import_module(subject)
    function = next((function for pattern, function in CHECKS if re.search(pattern, row.name)), by_command)
    try:
        return function(workplace, row)
    except MissingError as missing:
        return Outcome("later", f"with `{missing}`")
    except (DifferentError, FailedError) as failure:
        return Outcome("differs", str(failure))
    finally:
        workplace.restore(row)


def by_command(workplace: Workplace, row: Row, command: str | None = None) -> Outcome:
    """Run the row's command, or our own in its place, and compare every file of the row."""
    workplace.run(row, command)
    return compared(workplace, row)


def compared(workplace: Workplace, row: Row, tolerance: Tolerance | None = None, skip: str = r"\.log$") -> Outcome:
    """Compare the row's files as they stand, but for those that `skip` matches."""
    tolerance = tolerance or Tolerance.parse(row.tolerance)
    total = Deviation()
    for name in row.files:
        if not re.search(skip, name):
            total |= compare(*workplace.comparable(name), name, tolerance)
    return outcome(total, tolerance)


def outcome(deviation: Deviation, tolerance: Tolerance) -> Outcome:
    """Say how large a deviation is, in the tolerance's own measure."""
    if deviation == Deviation():
        return Outcome("equal")
    by_size = tolerance.absolute and deviation.absolute <= tolerance.absolute
    size = f"abs {deviation.absolute:.1e}" if by_size else f"rel {deviation.relative:.1e}"
    if deviation.beyond:
        return Outcome("differs", f"abs {deviation.absolute:.1e}, {deviation.beyond} values beyond the tolerance")
    return Outcome("within", size)
