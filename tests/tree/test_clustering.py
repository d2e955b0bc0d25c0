"""Clusters of phones: what k-means gains, and which sets come of halves of halves."""

import itertools

import numpy as np
import pytest
from random_stats import DIM, log_likelihood, statistics

from houseblend.base.c_library import c_random
from houseblend.base.errors import InputError
from houseblend.tree.gaussian import objective
from houseblend.tree.kmeans import k_means, refine
from houseblend.tree.phone_clusters import phone_classes, phone_questions


def phone_frames(noise, means):
    """Frames of phones 1, 2, ... around means, [P, D]."""
    return {((-1, 1), (1, phone)): noise.normal(mean, 1.0, size=(40, DIM)) for phone, mean in enumerate(means, start=1)}


def test_objective_is_the_likelihood_of_the_frames():
    noise = np.random.default_rng(1)
    for floor in (0.01, 2.0):
        frames = phone_frames(noise, noise.normal(size=(5, DIM)))
        expected = [log_likelihood([x], floor) for x in frames.values()]
        assert objective(statistics(frames).moments, floor) == pytest.approx(expected, rel=1e-6)
    assert objective(np.zeros((2, 7)), 0.01).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clusters", [2, 3])
def test_k_means_of_few_points_finds_the_best_partition(seed, clusters):
    noise = np.random.default_rng([seed, clusters])
    centres = 6.0 * np.eye(DIM)[:clusters]
    frames = phone_frames(noise, [centres[place % clusters] + noise.normal(size=DIM) for place in range(7)])
    stats, parts = statistics(frames), list(frames.values())
    gain, assignments, moments = k_means(stats.moments, clusters, 0.01, c_random(1), 10)
    best = max(
        sum(log_likelihood([x for x, side in zip(parts, sides, strict=True) if side == c]) for c in range(clusters))
        for sides in itertools.product(range(clusters), repeat=7)
        if len(set(sides)) == clusters
    )
    assert gain == pytest.approx(best - log_likelihood(parts), rel=1e-5)
    for cluster in range(clusters):
        assert moments[cluster] == pytest.approx(stats.moments[assignments == cluster].sum(axis=0))


@pytest.mark.parametrize("near", [2, 5])
def test_refinement_gains_what_it_says(near):
    noise = np.random.default_rng(near)
    points = statistics(phone_frames(noise, 3.0 * noise.normal(size=(30, DIM)))).moments
    sides = noise.integers(6, size=30)
    clusters = np.array([points[sides == side].sum(axis=0) for side in range(6)])
    before = objective(clusters, 0.01).sum()
    gain = refine(points, clusters, sides, 0.01, 100, near)
    assert gain > 0
    assert clusters == pytest.approx(np.array([points[sides == side].sum(axis=0) for side in range(6)]), abs=1e-6)
    assert gain == pytest.approx(objective(clusters, 0.01).sum() - before, rel=1e-4)
    assert all(refine(points, clusters, sides, 0.01, 100, near) >= 0 for _ in range(20))
    assert refine(points, clusters, sides, 0.01, 100, near) == 0


def test_questions_are_the_halves_of_halves():
    noise = np.random.default_rng(3)
    corners = np.array([[0, 0, 0], [0, 0, 4], [30, 0, 0], [30, 0, 4], [30, 12, 0]], dtype=float)
    stats = statistics(phone_frames(noise, corners))
    found = phone_questions(stats, [[1], [2], [3], [4], [5]], [1], 1)
    assert {tuple(phones) for phones in found} == {(1, 2), (3, 4, 5), (3, 4), (1,), (2,), (3,), (4,), (5,)}
    assert len(found) == 8
    assert found[0] in ([1, 2], [3, 4, 5])
    together = phone_questions(stats, [[2, 1], [3, 4], [5], [6]], [1], 1)
    assert {tuple(phones) for phones in together} >= {(1, 2), (3, 4), (5,), (6,)}
    assert [1] not in together
    classes = phone_classes(stats, [[1], [2], [3, 4], [5]], [1], 1, 2)
    assert sorted(classes) == [[1, 2], [3, 4, 5]]
    with pytest.raises(InputError, match="two sets"):
        phone_questions(stats, [[1, 2], [2]], [1], 1)
