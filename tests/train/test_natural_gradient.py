"""Online natural gradient: Kaldi's numbers call by call, an explicit float64 version, and its properties."""

from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.io.tables import read_table
from houseblend.train.update.natural_gradient import OnlineNaturalGradient

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet"


class ExplicitNaturalGradient:
    """The same estimate with F, R and the inverse written out, in float64."""

    def __init__(self, rank, dim, alpha, period, history):
        self.rank, self.dim, self.alpha, self.period, self.history = rank, dim, alpha, period, history
        pattern = np.zeros((rank, dim))
        for column in range(dim):
            pattern[column % rank, column] = 1.1 if column < rank else 1.0
        self.r = pattern / np.linalg.norm(pattern, axis=1, keepdims=True)
        self.d, self.rho, self.calls = np.full(rank, 1e-10), 1e-10, 0

    def fisher(self):
        return self.r.T @ np.diag(self.d) @ self.r + self.rho * np.eye(self.dim)

    def precondition(self, x):
        if self.calls == 0:
            for _ in range(1 if len(x) <= self.rank else 3):
                self.update(x)
        smoothed = self.fisher() + self.alpha / self.dim * np.trace(self.fisher()) * np.eye(self.dim)
        beta = self.rho * (1 + self.alpha) + self.alpha * self.d.sum() / self.dim
        result = beta * x @ np.linalg.inv(smoothed)
        if self.calls <= 10 or (self.calls - 10) % self.period == 0:
            self.update(x)
        self.calls += 1
        return result

    def update(self, x):
        """One step of subspace iteration on T = eta S + (1 - eta) F, S = X'X / N: the rows of R T, orthonormalised."""
        eta = min(0.9, 1 - np.exp(-len(x) / self.history))
        t = eta * x.T @ x / len(x) + (1 - eta) * self.fisher()
        y = self.r @ t
        c, u = np.linalg.eigh(y @ y.T)
        c, u = c[::-1], u[:, ::-1]
        c = np.maximum(c, (self.rho * (1 - eta)) ** 2)
        root = np.sqrt(c)
        self.r = (u.T @ y) / root[:, None]
        rho = (np.trace(t) - root.sum()) / (self.dim - self.rank)
        floor = max(1e-10, 5e-4 * root.max())
        self.d, self.rho = np.maximum(root - rho, floor), max(rho, floor)


def data(rng, rows, dim):
    """Rows with a few strong directions."""
    mix = rng.standard_normal((dim, dim)) * np.exp(-np.arange(dim) / 4)[:, None]
    return (rng.standard_normal((rows, dim)) @ mix).astype(np.float32)


@pytest.mark.parametrize(
    ("case", "rank", "tolerance"),
    [("nnet3_d24_r10_up4", 10, 1e-4), ("nnet3_d20_r40_up4", 40, 1e-4), ("nnet3_d24_varN", 10, 5e-2)],
)
def test_golden_call_by_call(case, rank, tolerance):
    ng = OnlineNaturalGradient(rank, update_period=4)
    wanted = dict(read_table(f"ark:{GOLDEN / case}.xhat.ark", "matrix"))
    factors = {line.split()[0]: float(line.split()[1]) for line in open(GOLDEN / f"{case}.scale.txt")}
    for key, x in read_table(f"ark:{GOLDEN / case}.x.ark", "matrix"):
        rows = torch.from_numpy(x.copy())
        factor = ng.precondition(rows)
        norm = np.linalg.norm(wanted[key])
        assert np.linalg.norm(rows.numpy() - wanted[key]) <= tolerance * norm, key
        assert factor == pytest.approx(factors[key], rel=tolerance)


@pytest.mark.parametrize(("rank", "dim", "rows", "period"), [(5, 18, 40, 1), (3, 7, 30, 4), (12, 30, 64, 2)])
def test_equals_the_explicit_form(rank, dim, rows, period):
    rng = np.random.default_rng()
    base = data(rng, 40 * rows, dim)
    ng = OnlineNaturalGradient(rank, period, num_samples_history=500.0, alpha=2.0)
    explicit = ExplicitNaturalGradient(rank, dim, 2.0, period, 500.0)
    for call in range(20):
        x = base[rng.integers(0, len(base), rows)]
        wanted = explicit.precondition(x.astype(np.float64))
        got = torch.from_numpy(x.copy())
        ng.precondition(got)
        assert np.linalg.norm(got.numpy() - wanted) <= 1e-3 * np.linalg.norm(wanted), call


def test_rows_stay_orthonormal_and_the_factor_keeps_the_norm():
    rng = np.random.default_rng()
    base = data(rng, 2000, 24)
    ng = OnlineNaturalGradient(8, 2)
    for _ in range(30):
        x = torch.from_numpy(base[rng.integers(0, 2000, 48)])
        rows = x.clone()
        factor = ng.precondition(rows)
        assert factor * rows.norm() == pytest.approx(float(x.norm()), rel=1e-5)
        state = ng.state()
        beta = state["rho"] * 5.0 + 4.0 * state["d"].sum() / 24
        r = state["w"] / np.sqrt(1 / (beta / state["d"] + 1))[:, None]
        assert np.abs(r @ r.T - np.eye(8)).max() < 1e-2  # what Kaldi's OnlineNaturalGradient::SelfTest allows


def test_one_column_is_left_alone():
    x = torch.randn(6, 1)
    rows = x.clone()
    assert OnlineNaturalGradient(3).precondition(rows) == 1.0
    assert torch.equal(rows, x)


def test_rank_is_cut_to_dim_minus_one():
    ng = OnlineNaturalGradient(40)
    ng.precondition(torch.randn(16, 5))
    assert ng.state()["w"].shape == (4, 5)


def test_zero_rows_give_zero_and_factor_one():
    for start in (torch.zeros(8, 6), torch.randn(8, 6)):
        ng = OnlineNaturalGradient(3)
        ng.precondition(start)
        rows = torch.zeros(8, 6)
        assert ng.precondition(rows) == 1.0
        assert not rows.any()
        ng.precondition(torch.randn(8, 6))
        assert np.isfinite(ng.state()["w"]).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_of_rows_that_are_not_finite_nothing_finite_comes_and_nothing_is_learnt(bad):
    ng = OnlineNaturalGradient(3)
    ng.precondition(torch.randn(8, 6))
    before = ng.state()
    rows = torch.randn(8, 6)
    rows[2, 3] = bad
    factor = ng.precondition(rows)
    assert not torch.isfinite(factor * rows).all()
    assert all(np.array_equal(value, before[key]) for key, value in ng.state().items() if key != "calls")


def test_state_goes_on_with_the_same_bits():
    rng = np.random.default_rng()
    base = data(rng, 600, 12)
    first, second = OnlineNaturalGradient(4, 2), OnlineNaturalGradient(4, 2)
    for call in range(16):
        x = torch.from_numpy(base[rng.integers(0, 600, 30)])
        if call == 9:
            second.load_state(first.state())
        mine = x.clone()
        factor = first.precondition(mine)
        if call >= 9:
            assert second.precondition(x) == factor
            assert torch.equal(mine, x)


def test_frozen_estimate_does_not_move():
    ng = OnlineNaturalGradient(4)
    ng.precondition(torch.randn(20, 9))
    before = ng.state()
    ng.frozen = True
    ng.precondition(torch.randn(20, 9))
    assert np.array_equal(before["w"], ng.state()["w"])
