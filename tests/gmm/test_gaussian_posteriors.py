"""Posteriors of Gaussians against the formula written out, and random pruning."""

import numpy as np
import pytest
from golden_gmm import random_mixtures

from houseblend.base.errors import InputError
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.hmm.posterior import entries, prune_at_random

DIM = 3


@pytest.fixture
def shared():
    """Mixtures, features, weights of pdfs by frame (some frames have none), and the posteriors of their Gaussians."""
    noise = np.random.default_rng()
    mixtures = random_mixtures(noise, [2, 1, 4, 3], DIM)
    feats = noise.normal(size=(6, DIM)).astype(np.float32)
    posterior = [[(2, 0.7), (0, 0.3)], [], [(1, 1.0)], [(3, 0.25), (1, 0.5), (2, 0.25)], [(2, -0.5)], [(0, 2.0)]]
    return mixtures, feats, posterior, GaussianPosteriors.of(mixtures, feats, *entries(posterior))


def dense(mixtures, feats, posterior):
    """Weight of every Gaussian in every frame, [T, G], and the weighted log-likelihood."""
    table, total = np.zeros((len(feats), mixtures.num_gaussians)), 0.0
    for t, frame in enumerate(posterior):
        for pdf, weight in frame:
            mixture = mixtures.mixtures[pdf]
            variances, weights = 1.0 / mixture.inv_vars.astype(np.float64), mixture.weights.astype(np.float64)
            exponent = -0.5 * ((feats[t] - mixture.means) ** 2 / variances + np.log(2 * np.pi * variances)).sum(axis=1)
            likelihoods = weights * np.exp(exponent)
            table[t, mixtures.begin[pdf] : mixtures.begin[pdf + 1]] += weight * likelihoods / likelihoods.sum()
            total += weight * np.log(likelihoods.sum())
    return table, total


def test_weights_of_pdfs_are_shared_out_among_their_gaussians(shared):
    mixtures, feats, posterior, (found, likelihood) = shared
    table, total = dense(mixtures, feats, posterior)
    mine = np.zeros_like(table)
    np.add.at(mine, (found.frames, found.gaussians), found.weights)
    np.testing.assert_allclose(mine, table, atol=1e-5)
    assert likelihood == pytest.approx(total, rel=1e-5)
    rows, columns = np.random.default_rng().normal(size=(len(feats), 5)), np.random.default_rng().normal(size=(10, 4))
    np.testing.assert_allclose(found.by_gaussian(rows, 10), table.T @ rows, atol=1e-5)
    np.testing.assert_allclose(found.by_frame(columns, len(feats)), table @ columns, atol=1e-5)


def test_tables_hold_whole_pdfs(shared):
    mixtures, feats, posterior, (found, _) = shared
    table = found.to_table(mixtures, len(feats))
    assert [[pdf for pdf, _ in frame] for frame in table] == [[pdf for pdf, _ in frame] for frame in posterior]
    again = GaussianPosteriors.from_table(table, mixtures)
    np.testing.assert_array_equal(again.frames, found.frames)
    np.testing.assert_array_equal(again.gaussians, found.gaussians)
    np.testing.assert_allclose(again.weights, found.weights, rtol=1e-6)
    assert GaussianPosteriors.from_table([[], []], mixtures).by_frame(np.ones((10, 2)), 2).tolist() == [[0, 0], [0, 0]]
    nothing = GaussianPosteriors(found.frames, found.gaussians, np.where(found.frames == 2, 0.0, found.weights))
    assert nothing.to_table(mixtures, len(feats))[2] == []


@pytest.mark.parametrize("entry", [(1, np.ones(2)), (4, np.ones(1)), (-1, np.ones(3))])
def test_gaussians_of_another_model_are_refused(shared, entry):
    with pytest.raises(InputError, match=rf"\[a\] frame 1 has {len(entry[1])} Gaussians of pdf {entry[0]}"):
        GaussianPosteriors.from_table([[], [entry]], shared[0], "a")
    with pytest.raises(InputError, match=r"\[a\] features of shape \(2, 4\); expected dimension 3"):
        GaussianPosteriors.of(shared[0], np.ones((2, 4)), *entries([[], []]), "a")


def test_statistics_by_posteriors_are_weighted_sums(shared):
    mixtures, feats, posterior, (found, likelihood) = shared
    table, _ = dense(mixtures, feats, posterior)
    stats, others = Accumulators(5, [2, 1, 4, 3], DIM), np.random.default_rng().normal(size=feats.shape)
    stats.add_posteriors(found, likelihood, others)
    for mine, wanted in ((stats.occupancy, table.sum(axis=0)), (stats.sums, table.T @ others),
                         (stats.squares, table.T @ others**2)):  # fmt: skip
        np.testing.assert_allclose(np.concatenate(mine), wanted, atol=1e-5)
    assert stats.frames == pytest.approx(table.sum())


def test_random_pruning_keeps_means_and_what_is_large():
    weights = np.array([0.0, 0.1, 0.3, 0.5, 0.9, -0.2])
    drawn = np.stack([prune_at_random(weights, 0.5, f"key {number}") for number in range(4000)])
    assert set(np.unique(drawn[:, :4])) == {0.0, 0.5}
    assert set(np.unique(drawn[:, 5])) == {0.0, -0.5}
    np.testing.assert_array_equal(drawn[:, 3:5], [[0.5, 0.9]] * 4000)
    np.testing.assert_allclose(drawn.mean(axis=0), weights, atol=5 * 0.5 / np.sqrt(4000))
    np.testing.assert_array_equal(prune_at_random(weights, 0.5, "key 7"), drawn[7])
    assert prune_at_random(weights, 0.0, "a") is weights
