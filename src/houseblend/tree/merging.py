"""Merging leaves that are alike: bottom-up clustering (Kaldi's tree/cluster-utils, ClusterBottomUp and its kin)."""

import heapq
from collections.abc import Iterable

import numpy as np

from houseblend.base.c_library import FirstDecides
from houseblend.base.log import warn
from houseblend.hmm.tree import Leaf, Node
from houseblend.tree.gaussian import distance, sums_by_group
from houseblend.tree.leaves import leaves_of, with_leaves
from houseblend.tree.statistics import TreeStatistics

LeafGroups = list[tuple[np.ndarray, np.ndarray]]
"""Of every root: the leaves below it that have statistics, [L], and their moments, [L, 1 + 2 D]."""


def merge_near(root: Node, roots: Node, stats: TreeStatistics, threshold: float) -> Node:
    """Merge leaves below the same root as long as that costs no more log-likelihood than the threshold.

    Args:
        root: the tree.
        roots: the tree that it has grown from.
        stats: of phones in context.
        threshold: a cost above 0.
    """
    for group in _leaf_groups(root, roots, stats):
        clusters = _cluster([group[1]], stats.var_floor, threshold, 0, tuple)
        root = _with_merged(root, [group], clusters)
    return root


def merge_to(root: Node, roots: Node, stats: TreeStatistics, wanted: int) -> Node:
    """Merge leaves below the same root, those first that cost least, until so many leaves are left.

    Where there are fewer leaves, or more roots, the tree stays as it is.

    Args:
        root: the tree.
        roots: the tree that it has grown from.
        stats: of phones in context.
        wanted: number of leaves, those of roots without statistics included.
    """
    groups = _leaf_groups(root, roots, stats)
    root_of = leaves_of(roots, stats)
    num_roots, without = int(root_of.max()) + 1, int(root_of.max()) + 1 - len(groups)
    if wanted < num_roots or wanted - without > sum(len(leaves) for leaves, _ in groups):
        warn(f"cannot merge the leaves of {num_roots} roots to {wanted}: they stay as they are")
        return root
    clusters = _cluster([moments for _, moments in groups], stats.var_floor, np.inf, wanted - without, FirstDecides)
    return _with_merged(root, groups, clusters)


def _leaf_groups(root: Node, roots: Node, stats: TreeStatistics) -> LeafGroups:
    root_of, leaf_of = leaves_of(roots, stats), leaves_of(root, stats)
    of_roots = (np.flatnonzero(root_of == number) for number in np.unique(root_of))
    return [sums_by_group(stats.moments, rows, leaf_of[rows]) for rows in of_roots]


def _with_merged(root: Node, groups: LeafGroups, clusters: Iterable[np.ndarray]) -> Node:
    """The tree whose leaves are those of their clusters; the first clusters take the first leaves of their root."""
    instead: dict[int, Node] = {}
    for (leaves, _), numbers in zip(groups, clusters, strict=True):
        instead |= {int(leaf): Leaf(int(leaves[number])) for leaf, number in zip(leaves, numbers, strict=True)}
    return with_leaves(root, instead)


def _cluster(
    groups: list[np.ndarray], var_floor: float, threshold: float, wanted: int, pair: type[tuple]
) -> list[np.ndarray]:
    """Merge the pair of points of one group that costs least, again and again.

    Args:
        groups: moments of points, [P, 1 + 2 D] each.
        var_floor: floor of variances.
        threshold: pairs that cost more are not merged.
        wanted: stop when so many points are left.
        pair: the kind of the queue's items (cost, group, point, earlier point).

    Returns:
        The number of each point's cluster in its group, [P] each.
    """
    points = [group.copy() for group in groups]
    alive = [np.ones(len(group), dtype=bool) for group in groups]
    into = [np.arange(len(group)) for group in groups]
    costs = [np.zeros((len(group), len(group)), dtype=np.float32) for group in groups]
    queue: list[tuple] = []
    for number, group in enumerate(points):
        for i, point in enumerate(group):
            costs[number][i, :i] = distance(point, group[:i], var_floor)
            for j in np.flatnonzero(costs[number][i, :i] <= np.float32(threshold)).tolist():
                heapq.heappush(queue, pair((float(costs[number][i, j]), number, i, j)))
    left = sum(map(len, points))
    while left > wanted and queue:
        cost, number, i, j = heapq.heappop(queue)
        stands = abs(float(costs[number][i, j]) - cost) <= 1e-5 * abs(cost)
        if alive[number][i] and alive[number][j] and stands:
            points[number][i] += points[number][j]
            alive[number][j] = False
            into[number][j] = i
            left -= 1
            for k, new in _costs_anew(points[number], alive[number], i, var_floor):
                high, low = max(i, k), min(i, k)
                costs[number][high, low] = new
                if new < np.float32(threshold):
                    heapq.heappush(queue, pair((float(new), number, high, low)))
    return [_numbered(of_group, kept) for of_group, kept in zip(into, alive, strict=True)]


def _costs_anew(points: np.ndarray, alive: np.ndarray, place: int, var_floor: float) -> list[tuple[int, np.float32]]:
    """What merging each other point with the one at a place costs."""
    others = np.flatnonzero(alive & (np.arange(len(points)) != place))
    return list(zip(others.tolist(), distance(points[place], points[others], var_floor), strict=True))


def _numbered(into: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """The number of every point's cluster, those that are left numbered from 0, [P]."""
    while (into[into] != into).any():
        into = into[into]
    return (np.cumsum(alive) - 1)[into]
