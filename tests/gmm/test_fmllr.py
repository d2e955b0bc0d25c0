"""fMLLR against the maximum of the likelihood itself in float64, and transforms that are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from golden_gmm import random_mixtures

from houseblend.base.errors import InputError
from houseblend.gmm.fmllr import FmllrStats
from houseblend.gmm.fmllr_options import FmllrOptions
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors

DIM = 5
OPTIONS = FmllrOptions(fmllr_min_count=10.0, fmllr_num_iters=300)


def draw(noise, mixtures, pdfs):
    """Features [T, D] of these pdfs [T], drawn from the model."""
    feats = np.empty((len(pdfs), mixtures.dim))
    for t, pdf in enumerate(pdfs):
        mixture = mixtures.mixtures[pdf]
        g = noise.choice(
            len(mixture.weights), p=mixture.weights.astype(np.float64) / mixture.weights.sum(dtype=np.float64)
        )
        feats[t] = noise.normal(mixture.means[g], 1.0 / np.sqrt(mixture.inv_vars[g]))
    return feats


@pytest.fixture
def speaker():
    """Mixtures, features drawn from them and moved somewhat, and posteriors."""
    noise = np.random.default_rng()
    mixtures = random_mixtures(noise, [2, 3, 1], DIM)
    pdfs = noise.integers(3, size=700)
    there = np.eye(DIM) + 0.1 * noise.normal(size=(DIM, DIM))
    feats = (draw(noise, mixtures, pdfs) @ there + noise.normal(size=DIM)).astype(np.float32)
    shared, _ = GaussianPosteriors.of(mixtures, feats, np.arange(700), pdfs, noise.random(700))
    return mixtures, feats, shared


def stats_of(mixtures, feats, shared):
    stats = FmllrStats(mixtures.dim)
    stats.add(shared, mixtures, feats)
    return stats


def likelihood(transform, mixtures, feats, shared):
    """sum gamma_tm (log|det A| - sum_d (A x_t + b - mu_m)_d^2 / (2 sigma^2_md)), of a torch matrix [D, D + 1]."""
    means, inverse = (
        torch.from_numpy(np.concatenate([getattr(mixture, name) for mixture in mixtures.mixtures]).astype(np.float64))
        for name in ("means", "inv_vars")
    )
    gaussians, gamma = torch.from_numpy(shared.gaussians), torch.from_numpy(shared.weights)
    x = torch.from_numpy(feats.astype(np.float64))[torch.from_numpy(shared.frames)]
    moved = x @ transform[:, :-1].T + transform[:, -1]
    squares = ((moved - means[gaussians]) ** 2 * inverse[gaussians]).sum(dim=1)
    return gamma.sum() * torch.linalg.slogdet(transform[:, :-1])[1] - (gamma * squares).sum() / 2


def maximum(allowed, *speaker):
    """The best transform of those whose allowed entries are free, by L-BFGS from the unit transform; its likelihood."""
    unit = torch.eye(DIM, DIM + 1, dtype=torch.float64)
    free = torch.zeros_like(unit, requires_grad=True)
    search = torch.optim.LBFGS(
        [free], max_iter=2000, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def loss():
        search.zero_grad()
        value = -likelihood(unit + free * allowed, *speaker)
        value.backward()
        return value

    search.step(loss)
    return (unit + free * allowed).detach(), -float(loss().detach())


ALLOWED = {
    "full": torch.ones(DIM, DIM + 1),
    "diag": torch.cat([torch.eye(DIM), torch.ones(DIM, 1)], dim=1),
    "offset": torch.cat([torch.zeros(DIM, DIM), torch.ones(DIM, 1)], dim=1),
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_the_transform_maximises_the_likelihood(kind, speaker):
    transform, gain = stats_of(*speaker).estimate(replace(OPTIONS, fmllr_update_type=kind), "s")
    wanted, best = maximum(ALLOWED[kind], *speaker)
    unit = float(likelihood(torch.eye(DIM, DIM + 1, dtype=torch.float64), *speaker))
    assert float(likelihood(torch.from_numpy(transform.astype(np.float64)), *speaker)) >= best - 1e-5 * abs(best)
    assert gain == pytest.approx(best - unit, rel=1e-4)
    np.testing.assert_allclose(transform, wanted, atol=1e-3)


def test_the_auxiliary_function_never_falls(speaker):
    rows = stats_of(*speaker).rows
    transform, value = np.eye(DIM, DIM + 1), rows.auxiliary(np.eye(DIM, DIM + 1))
    for _ in range(20):
        transform = rows.maximise(transform, 1)
        before, value = value, rows.auxiliary(transform)
        assert value >= before - 1e-9 * abs(before)


def test_features_of_the_model_stay_and_those_moved_away_come_back():
    noise = np.random.default_rng()
    mixtures = random_mixtures(noise, [2, 3, 1, 1, 2], DIM)
    pdfs = noise.integers(5, size=8000)
    feats = draw(noise, mixtures, pdfs)
    shared, _ = GaussianPosteriors.of(mixtures, feats, np.arange(8000), pdfs, np.ones(8000))
    unit = np.eye(DIM, DIM + 1)
    np.testing.assert_allclose(stats_of(mixtures, feats, shared).estimate(OPTIONS, "s")[0], unit, atol=0.1)
    there = unit + 0.1 * noise.normal(size=(DIM, DIM + 1))
    moved = np.linalg.solve(there[:, :DIM], (feats - there[:, DIM]).T).T
    back, _ = stats_of(mixtures, moved, shared).estimate(OPTIONS, "s")
    np.testing.assert_allclose(back, there, atol=0.1 * np.abs(there).max())


def test_statistics_do_not_depend_on_how_frames_come(speaker):
    mixtures, feats, shared = speaker
    whole, parts = stats_of(mixtures, feats, shared), FmllrStats(DIM)
    for frames in np.split(np.arange(700), [3, 3, 650]):
        chosen = np.isin(shared.frames, frames)
        part = GaussianPosteriors(
            shared.frames[chosen] - (frames[0] if len(frames) else 0), shared.gaussians[chosen], shared.weights[chosen]
        )
        parts.add(part, mixtures, feats[frames])
    assert parts.rows.count == pytest.approx(whole.rows.count)
    np.testing.assert_allclose(parts.rows.linear, whole.rows.linear, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(parts.rows.packed, whole.rows.packed, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["full", "diag", "offset", "none"])
def test_where_nothing_can_be_estimated_the_unit_transform_stands(kind, speaker, capsys):
    mixtures, feats, shared = speaker
    options, unit = replace(OPTIONS, fmllr_update_type=kind), np.eye(DIM, DIM + 1)
    few = replace(options, fmllr_min_count=700.0)
    np.testing.assert_array_equal(stats_of(mixtures, feats, shared).estimate(few, "s")[0], unit)
    transform, gain = stats_of(mixtures, np.zeros_like(feats), shared).estimate(options, "s")
    if kind == "offset":
        assert gain > 0
    else:
        np.testing.assert_array_equal(transform, unit)
        assert gain == 0
    said = capsys.readouterr().err
    assert ("[s] no transform: its frames are too much alike" in said) == (kind in ("full", "diag"))
    assert ("not more than 700" in said) == (kind != "none")
    with pytest.raises(InputError, match=r"\[a\] features of shape \(2, 4\); expected dimension 5"):
        FmllrStats(DIM).add(shared, mixtures, np.ones((2, 4)), "a")
