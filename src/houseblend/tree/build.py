"""Building a tree: roots, splits, merged leaves (Kaldi's tree/build-tree)."""

from collections.abc import Mapping, Sequence

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.hmm.tree import PDF_CLASS_KEY, Leaf, Node, Split, Table
from houseblend.lang.phone_files import Root
from houseblend.tree.leaves import leaf_numbers, renumbered
from houseblend.tree.merging import merge_near, merge_to
from houseblend.tree.options import BuildOptions
from houseblend.tree.questions import Questions
from houseblend.tree.splitting import grow
from houseblend.tree.statistics import TreeStatistics

LEAVES_TOGETHER = 8
"""Leaves are rounded down to a multiple of this."""


def build_tree(
    stats: TreeStatistics, roots: Sequence[Root], questions: Questions, num_pdf_classes: Mapping[int, int],
    central: int, options: BuildOptions,
) -> Node:  # fmt: skip
    """A tree: its roots are split by the questions that gain most, then leaves that are alike are merged.

    Args:
        stats: of phones in context.
        roots: of all phones.
        questions: that may be asked.
        num_pdf_classes: of every phone.
        central: position of the phone meant.
        options: when to stop.

    Raises:
        InputError: a phone of the statistics has no root, or a phone of the roots has no topology.
    """
    _check_phones(stats, roots, num_pdf_classes, central)
    stub = root_map(roots, num_pdf_classes, central)
    num_roots = len(leaf_numbers(stub))
    fixed = [phone for root in roots if not root.split for phone in root.phones]
    rows = np.flatnonzero(~np.isin(stats.column(central), fixed))
    growth = grow(stub, num_roots, stats, rows, questions, options.thresh, options.max_leaves)
    frames = stats.moments[:, 0].sum()
    log(
        f"{num_roots} roots are split to {growth.num_leaves} leaves: log-likelihood per frame +{growth.gain / frames:.4f}"
    )
    tree = growth.root
    merge_threshold = growth.smallest if options.cluster_thresh < 0 else options.cluster_thresh
    if merge_threshold:
        tree = merge_near(tree, stub, stats, merge_threshold)
    if options.round_num_leaves:
        whole = len(leaf_numbers(tree)) // LEAVES_TOGETHER * LEAVES_TOGETHER
        tree = merge_to(tree, stub, stats, whole)
    log(f"{growth.num_leaves - len(leaf_numbers(tree))} leaves are merged with others")
    return renumbered(tree)


def root_map(roots: Sequence[Root], num_pdf_classes: Mapping[int, int], central: int) -> Node:
    """The tree that others grow from: a leaf, or one for each pdf-class, for each root (Kaldi's GetStubMap)."""
    leaf = iter(range(sum(max(num_pdf_classes[phone] for phone in root.phones) for root in roots)))

    def below(part: Sequence[Root]) -> Node:
        if len(part) == 1:
            if part[0].shared:
                return Leaf(next(leaf))
            classes = max(num_pdf_classes[phone] for phone in part[0].phones)
            return Table(PDF_CLASS_KEY, tuple(Leaf(next(leaf)) for _ in range(classes)))
        highest = max(phone for root in part for phone in root.phones)
        if all(len(root.phones) == 1 for root in part) and len(part) <= 2 * highest:
            table: dict[int, Node] = {root.phones[0]: below([root]) for root in part}
            return Table(central, tuple(table.get(phone) for phone in range(highest + 1)))
        first, second = part[: len(part) // 2], part[len(part) // 2 :]
        return Split(central, frozenset(phone for root in first for phone in root.phones), below(first), below(second))

    return below(roots)


def _check_phones(
    stats: TreeStatistics, roots: Sequence[Root], num_pdf_classes: Mapping[int, int], central: int
) -> None:
    rooted = {phone for root in roots for phone in root.phones}
    seen = set(np.unique(stats.column(central)).tolist())
    for phones, what in (
        (seen - rooted, "have statistics, but no root"), (rooted - num_pdf_classes.keys(), "have a root, but no topology"),
    ):  # fmt: skip
        if phones:
            raise InputError(f"phones {sorted(phones)} {what}", do="use roots.int and topo of one lang directory")
    if num_pdf_classes.keys() - rooted:
        warn(f"phones {sorted(num_pdf_classes.keys() - rooted)} of the topology have no root")
    if rooted - seen:
        warn(f"no statistics of phones {sorted(rooted - seen)}")
