"""Checks of the statistics, questions and trees of phones in context."""

from checks import Outcome, by_command, covers, outcome
from compare import Tolerance, compare
from rows import Row, read_rows
from workplace import Workplace

STATISTICS = "acc-tree-stats"
"""The row whose command makes what the questions and the tree are made of; it is not kept in Kaldi's binary form."""


@covers(rf"^{STATISTICS}$")
def statistics(workplace: Workplace, row: Row) -> Outcome:
    """The text form, which the row does not name among its files."""
    workplace.run(row)
    tolerance, name = Tolerance.parse(row.tolerance), "gmm/est/tree_stats.txt.gz"
    return outcome(compare(*workplace.comparable(name), name, tolerance), tolerance)


@covers(r"^gmm/est/questions")
def questions_and_tree(workplace: Workplace, row: Row) -> Outcome:
    """Of our own statistics."""
    workplace.run(next(one for one in read_rows() if one.name == STATISTICS))
    return by_command(workplace, row)
