"""Log-likelihoods: Kaldi's, and an exact sum in float64."""

import numpy as np
import pytest
from golden_gmm import GMM, HMM, both_models, random_mixtures

from houseblend.base.errors import InputError
from houseblend.gmm.diag import BLOCK, NARROW_BLOCK
from houseblend.gmm.model import read_model
from houseblend.io.tables import open_table, read_table


def exact(mixture, feats_TD):
    """log sum of weight * density, by the definition, in float64."""
    variances = 1.0 / mixture.inv_vars.astype(np.float64)
    distance = ((feats_TD.astype(np.float64)[:, None] - mixture.means) ** 2 / variances).sum(axis=2)
    scores = np.log(mixture.weights) - 0.5 * (distance + np.log(2 * np.pi * variances).sum(axis=1))
    return np.logaddexp.reduce(scores, axis=1)


@both_models
def test_likelihoods_are_kaldis(name):
    _, mixtures = read_model(GMM / name / "final.mdl")
    with open_table(f"ark:{GMM}/feats.ark", "matrix") as feats:
        for key, expected in read_table(f"ark:{HMM}/{name}/likes.ark", "matrix"):
            assert mixtures.log_likelihoods(feats[key], key) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("frames", [1, NARROW_BLOCK + 1, BLOCK - 1, BLOCK, BLOCK + 1])
@pytest.mark.parametrize("few", [0, 100])
def test_mixtures_of_all_sizes_are_summed_exactly(frames, few, monkeypatch):
    monkeypatch.setattr("houseblend.gmm.diag.FEW_GAUSSIANS", few)
    noise = np.random.default_rng()
    mixtures = random_mixtures(noise, noise.integers(1, 7, size=9).tolist(), 5)
    feats = noise.normal(scale=3.0, size=(frames, 5)).astype(np.float32)
    expected = np.stack([exact(mixture, feats) for mixture in mixtures.mixtures], axis=1)
    assert mixtures.log_likelihoods(feats) == pytest.approx(expected, rel=1e-4, abs=1e-3)
    chosen = noise.permutation(9)[:4]
    found, expected[:, np.setdiff1d(np.arange(9), chosen)] = mixtures.log_likelihoods_of(chosen, feats), 0.0
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_frames_far_from_all_gaussians_have_finite_likelihoods():
    mixtures = random_mixtures(np.random.default_rng(), [3, 1], 4)
    feats = np.full((2, 4), 1e4, dtype=np.float32)
    loglikes = mixtures.log_likelihoods(feats)
    assert np.isfinite(loglikes).all()
    assert (loglikes < -1e6).all()


def test_other_dimensions_are_refused():
    mixtures = random_mixtures(np.random.default_rng(), [2], 4)
    with pytest.raises(InputError, match=r"utt1.*dimension 4"):
        mixtures.log_likelihoods(np.zeros((3, 5), dtype=np.float32), "utt1")
