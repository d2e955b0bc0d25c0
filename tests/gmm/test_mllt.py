"""MLLT: statistics written out, the objective never falls, and its closed form for one Gaussian."""

import numpy as np
import pytest
from golden_gmm import random_mixtures

from houseblend.base.errors import InputError
from houseblend.gmm.edits import boost, transform_means
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.gmm.mllt import MlltStats
from houseblend.io.objects import open_output

DIM = 4


def stats_of(mixtures, feats):
    """Statistics of frames that belong to pdf 0 half and to the last half."""
    frames = np.repeat(np.arange(len(feats)), 2)
    pdfs = np.tile([0, mixtures.num_pdfs - 1], len(feats))
    shared, _ = GaussianPosteriors.of(mixtures, feats, frames, pdfs, np.full(len(pdfs), 0.5))
    stats = MlltStats.zeros(mixtures.dim)
    stats.add(shared, mixtures, feats)
    return stats, shared


def correlated(frames: int) -> np.ndarray:
    noise = np.random.default_rng()
    mixing = (
        noise.uniform(0.5, 2.0, (DIM, 1)) * np.linalg.qr(noise.normal(size=(DIM, DIM)))[0]
    )  # of condition 4 at most
    return (noise.normal(size=(frames, DIM)) @ mixing).astype(np.float32)


def test_statistics_are_scatter_by_inverse_variance():
    mixtures, feats = random_mixtures(np.random.default_rng(), [2, 3], DIM), correlated(1300)
    stats, shared = stats_of(mixtures, feats)
    means = np.concatenate([mixture.means for mixture in mixtures.mixtures])
    inverse = np.concatenate([mixture.inv_vars for mixture in mixtures.mixtures])
    offsets = feats[shared.frames] - means[shared.gaussians]
    wanted = np.einsum("n,nd,ne,nf->def", shared.weights, inverse[shared.gaussians], offsets, offsets)
    np.testing.assert_allclose(stats.rows.quadratic, wanted, rtol=1e-5, atol=1e-5 * wanted.max())
    assert stats.rows.count == pytest.approx(len(feats))


def test_the_objective_never_falls():
    stats, _ = stats_of(random_mixtures(np.random.default_rng(), [2, 3], DIM), correlated(200))
    transform, value = np.eye(DIM), stats.rows.auxiliary(np.eye(DIM))
    for _ in range(30):
        transform = stats.rows.maximise(transform, 1)
        before, value = value, stats.rows.auxiliary(transform)
        assert value >= before - 1e-9 * abs(before)
    estimated, gain = stats.estimate()
    np.testing.assert_allclose(estimated, stats.rows.maximise(np.eye(DIM), 200))
    assert gain * stats.rows.count >= value - stats.rows.auxiliary(np.eye(DIM)) - 1e-9 * abs(value)


def test_one_gaussian_has_a_closed_form():
    """A S A^T = diag(sigma^2), with S the scatter around the mean: Q = N (sum log sigma_d^2 - log|S| - D) / 2."""
    mixtures, feats = random_mixtures(np.random.default_rng(), [1], DIM), correlated(300)
    stats = MlltStats.zeros(DIM)
    stats.add(GaussianPosteriors(np.arange(300), np.zeros(300, dtype=np.int64), np.ones(300)), mixtures, feats)
    scatter = (feats - mixtures.mixtures[0].means).T @ (feats - mixtures.mixtures[0].means) / 300
    variances = 1.0 / mixtures.mixtures[0].inv_vars[0].astype(np.float64)
    transform, _ = stats.estimate()
    np.testing.assert_allclose(transform @ scatter @ transform.T, np.diag(variances), atol=1e-5 * variances.max())
    wanted = 150 * (np.log(variances).sum() - np.linalg.slogdet(scatter)[1] - DIM)
    assert stats.rows.auxiliary(transform) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_statistics_there_and_back_and_added_up(binary, tmp_path):
    mixtures = random_mixtures(np.random.default_rng(), [2, 3], DIM)
    stats, _ = stats_of(mixtures, correlated(50))
    with open_output(tmp_path / "1.macc", binary) as target:
        stats.write(target)
    again = MlltStats.load(tmp_path / "1.macc")
    again.merge(stats)
    assert again.rows.count == pytest.approx(2 * stats.rows.count)
    np.testing.assert_allclose(again.rows.packed, 2 * stats.rows.packed, rtol=1e-12 if binary else 1e-6)
    with pytest.raises(InputError, match=r"dimension 3; expected 4"):
        stats.merge(MlltStats.zeros(3))


def test_too_few_frames_are_refused():
    stats, _ = stats_of(random_mixtures(np.random.default_rng(), [1, 1], DIM), np.zeros((1, DIM), dtype=np.float32))
    with pytest.raises(InputError, match="MLLT statistics of 1 frames; expected many more than the dimension, 4"):
        stats.estimate()


def test_means_are_moved_and_weights_are_boosted():
    noise = np.random.default_rng()
    mixtures, matrix = random_mixtures(noise, [2, 3], DIM), noise.normal(size=(DIM, DIM + 1)).astype(np.float32)
    for transform in (matrix, matrix[:, :DIM]):
        for before, after in zip(mixtures.mixtures, transform_means(mixtures, transform).mixtures, strict=True):
            wanted = before.means @ transform[:, :DIM].T + (transform[:, DIM] if transform.shape[1] > DIM else 0.0)
            np.testing.assert_allclose(after.means, wanted, rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(after.inv_vars, before.inv_vars)
    with pytest.raises(InputError, match=r"3 rows; expected 4, the model's dimension"):
        transform_means(mixtures, matrix[:3])
    feats = noise.normal(size=(5, DIM)).astype(np.float32)
    raised = boost(mixtures, [1], 1.5).log_likelihoods(feats) - mixtures.log_likelihoods(feats)
    np.testing.assert_allclose(raised, [[0.0, np.log(1.5)]] * 5, atol=1e-4)
