"""From events to leaves, and trees with other leaves (Kaldi's tree/event-map: Map, Copy, RenumberEventMap)."""

from collections.abc import Mapping

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.tree import Leaf, Node, Split, Table
from houseblend.tree.statistics import ABSENT, TreeStatistics


def leaves_of(root: Node, stats: TreeStatistics) -> np.ndarray:
    """The leaf that every event leads to, [N].

    Raises:
        InputError: an event leads to none.
    """
    leaves = np.full(len(stats), -1)
    _descend(root, stats, np.arange(len(stats)), leaves)
    if (leaves < 0).any():
        event = stats.events[int(np.argmin(leaves))]
        raise InputError(
            f"the tree has no leaf for {dict(event)} (-1: pdf-class, others: position in the window)",
            do="take roots.int of the lang directory, the options of acc-tree-stats for --context-width and "
            "--central-position, and let no phone of --ci-phones share its root with others",
        )  # fmt: skip
    return leaves


def _descend(node: Node | None, stats: TreeStatistics, rows: np.ndarray, leaves: np.ndarray) -> None:
    """Write the leaves of some rows, [n], below a node; rows that come to an end keep what they have."""
    if isinstance(node, Leaf):
        leaves[rows] = node.pdf
    if not len(rows) or node is None or isinstance(node, Leaf):
        return
    values = stats.column(node.key)[rows]
    if isinstance(node, Table):
        for value in np.unique(values).tolist():
            if 0 <= value < len(node.branches):
                _descend(node.branches[value], stats, rows[values == value], leaves)
        return
    yes = np.isin(values, list(node.members))
    _descend(node.yes, stats, rows[yes], leaves)
    _descend(node.no, stats, rows[~yes & (values != ABSENT)], leaves)


def with_leaves(node: Node, instead: Mapping[int, Node]) -> Node:
    """The tree with others in the place of some of its leaves."""
    if isinstance(node, Leaf):
        return instead.get(node.pdf, node)
    if isinstance(node, Table):
        return Table(node.key, tuple(branch and with_leaves(branch, instead) for branch in node.branches))
    return Split(node.key, node.members, with_leaves(node.yes, instead), with_leaves(node.no, instead))


def renumbered(node: Node) -> Node:
    """The tree with its leaves numbered from 0, in the order of their numbers."""
    numbers = sorted(leaf_numbers(node))
    return with_leaves(node, {number: Leaf(place) for place, number in enumerate(numbers)})


def leaf_numbers(node: Node | None) -> set[int]:
    """The numbers of the leaves of a tree."""
    if node is None:
        return set()
    if isinstance(node, Leaf):
        return {node.pdf}
    below = node.branches if isinstance(node, Table) else (node.yes, node.no)
    return set().union(*map(leaf_numbers, below))
