"""K-means with likelihoods in the place of distances (Kaldi's tree/cluster-utils, RefineClusters and ClusterKMeans)."""

import math
from collections.abc import Iterator

import numpy as np

from houseblend.base.c_library import nth_element
from houseblend.tree.gaussian import objective, total

NEAR = 5
"""Clusters that a point may go over to: its own and those nearest to it."""
ROUNDS, PASSES = 20, 100
"""At most so many times the nearest clusters are found anew, and at most so many passes over the points each time."""


def k_means(
    points: np.ndarray, num_clusters: int, var_floor: float, random: Iterator[int], tries: int
) -> tuple[np.float32, np.ndarray, np.ndarray]:
    """The best of several tries from random beginnings.

    Args:
        points: moments, [P, 1 + 2 D].
        num_clusters: at most P.
        var_floor: floor of variances.
        random: the C library's random numbers.
        tries: how many.

    Returns:
        The gain of log-likelihood over one cluster for all, the cluster of every point, [P], and the clusters' moments,
        [K, 1 + 2 D].
    """
    best = _k_means_once(points, num_clusters, var_floor, random)
    for _ in range(tries - 1):
        found = _k_means_once(points, num_clusters, var_floor, random)
        if found[0] > best[0]:
            best = found
    return best


def _k_means_once(
    points: np.ndarray, num_clusters: int, var_floor: float, random: Iterator[int]
) -> tuple[np.float32, np.ndarray, np.ndarray]:
    size = len(points)
    order = np.arange(size) * _step(size, random) % size
    assignments = np.empty(size, dtype=np.int64)
    assignments[order] = np.arange(size) % num_clusters
    clusters = np.zeros((num_clusters, points.shape[1]))
    np.add.at(clusters, assignments[order], points[order])
    gain = total(objective(clusters, var_floor)) - objective(clusters.sum(axis=0), var_floor)
    for _ in range(ROUNDS):
        improvement = refine(points, clusters, assignments, var_floor, PASSES, NEAR)
        gain += improvement
        if improvement == 0:
            break
    return gain, assignments, clusters


def _step(size: int, random: Iterator[int]) -> int:
    """A random step that leads through all of so many points: one that has no divisor with their number."""
    if size == 1:
        return 1
    step = 1 + next(random) % (size - 1)
    while math.gcd(step, size) != 1:
        step = step % (size - 1) + 1
    return step


def refine(
    points: np.ndarray, clusters: np.ndarray, assignments: np.ndarray, var_floor: float, passes: int, near: int
) -> np.float32:
    """Let points go over to other clusters, one after the other, as long as the likelihood grows.

    Args:
        points: moments, [P, 1 + 2 D].
        clusters: moments, [K, 1 + 2 D]; changed.
        assignments: cluster of every point, [P]; changed.
        var_floor: floor of variances.
        passes: at most so many over all points.
        near: each point considers so many clusters, its own among them.

    Returns:
        The gain of log-likelihood.
    """
    if min(near, len(clusters)) < 2 or passes < 1:
        return np.float32(0)
    moves = _Moves(points, clusters, assignments, var_floor, min(near, len(clusters)))
    for _ in range(passes):
        if not sum(moves.visit(point) for point in range(len(points))):
            break
    return moves.gain


def _nearest(loss: np.ndarray, own: int, near: int) -> list[int]:
    """The clusters, but for its own, that a point loses least in, of losses [K]; behind them its own."""
    others = [(value, cluster) for cluster, value in enumerate(loss.tolist()) if cluster != own]
    return [*(cluster for _, cluster in nth_element(others, near - 2)[: near - 1]), int(own)]


class _Moves:
    """What the likelihood of each cluster near a point becomes with it, or of its own without it.

    A number is computed anew only when its cluster has changed: as Kaldi's does, one that was found as a difference stays
    so rounded until then.
    """

    def __init__(
        self, points: np.ndarray, clusters: np.ndarray, assignments: np.ndarray, var_floor: float, near: int
    ) -> None:
        self.points, self.clusters, self.assignments, self.var_floor = points, clusters, assignments, var_floor
        self.objectives = objective(clusters, var_floor)
        self.changed = np.zeros(len(clusters), dtype=np.int64)
        self.time, self.gain = 0, np.float32(0)
        every = np.arange(len(points))
        with_it = objective(clusters[None] + points[:, None], var_floor)
        loss = self.objectives - with_it
        self.choice = np.array([_nearest(row, own, near) for row, own in zip(loss, assignments, strict=True)])
        self.own = np.full(len(points), near - 1)
        self.value = -(loss[every[:, None], self.choice] - self.objectives[self.choice])
        self.value[:, -1] = objective(clusters[assignments] - points, var_floor)
        self.seen = np.zeros(self.choice.shape, dtype=np.int64)

    def visit(self, point: int) -> bool:
        """Move a point to the first cluster that is better; False if none is."""
        own = self.own[point]
        without = self._value(point, own)
        from_objective = self.objectives[self.choice[point, own]]
        for index, cluster in enumerate(self.choice[point]):
            if index != own:
                improvement = self._value(point, index) + without - self.objectives[cluster] - from_objective
                if improvement > 0:
                    self.gain += improvement
                    self._move(point, index)
                    return True
        return False

    def _value(self, point: int, index: int) -> np.float32:
        cluster = self.choice[point, index]
        if self.seen[point, index] < self.changed[cluster]:
            sign = -1.0 if index == self.own[point] else 1.0
            self.value[point, index] = objective(self.clusters[cluster] + sign * self.points[point], self.var_floor)
            self.seen[point, index] = self.time
        return self.value[point, index]

    def _move(self, point: int, index: int) -> None:
        self.time += 1
        left, entered = self.choice[point, self.own[point]], self.choice[point, index]
        self.own[point], self.assignments[point] = index, entered
        self.clusters[left] -= self.points[point]
        self.clusters[entered] += self.points[point]
        for cluster in (left, entered):
            self.objectives[cluster] = objective(self.clusters[cluster], self.var_floor)
            self.changed[cluster] = self.time
