"""Simple natural gradient against the inverse written out row by row, in float64."""

import numpy as np
import pytest
import torch

from houseblend.train.update.simple_natural_gradient import SimpleNaturalGradient


def explicit(r, alpha):
    """p_i = (lambda I + sum over j != i of r_j r_j' / (N - 1))^-1 r_i."""
    num_rows, dim = r.shape
    smoothing = alpha * (r**2).sum() / (num_rows * dim)
    rows = []
    for i in range(num_rows):
        others = np.delete(r, i, axis=0)
        rows.append(np.linalg.solve(smoothing * np.eye(dim) + others.T @ others / (num_rows - 1), r[i]))
    return np.array(rows)


@pytest.mark.parametrize(("rows", "dim", "alpha"), [(40, 12, 4.0), (10, 25, 4.0), (16, 16, 0.1), (2, 3, 4.0)])
def test_equals_the_explicit_form_and_keeps_the_norm(rows, dim, alpha):
    rng = np.random.default_rng()
    x = (rng.standard_normal((rows, dim)) * np.exp(-np.arange(dim) / 4)).astype(np.float32)
    found = torch.from_numpy(x.copy())
    factor = SimpleNaturalGradient(alpha).precondition(found)
    wanted = explicit(x.astype(np.float64), alpha)
    assert np.linalg.norm(found.numpy() - wanted) <= 1e-4 * np.linalg.norm(wanted)
    assert factor == pytest.approx(np.linalg.norm(x) / np.linalg.norm(wanted), rel=1e-4)


@pytest.mark.parametrize("x", [torch.zeros(5, 3), torch.randn(1, 4)])
def test_zeros_and_a_single_row_are_left_alone(x):
    rows = x.clone()
    assert SimpleNaturalGradient().precondition(rows) == 1.0
    assert torch.equal(rows, x)


def test_of_rows_that_are_not_finite_nothing_finite_comes():
    rows = torch.tensor([[1.0, float("inf")], [0.0, 1.0]])
    factor = SimpleNaturalGradient().precondition(rows)
    assert not torch.isfinite(factor * rows).all()
