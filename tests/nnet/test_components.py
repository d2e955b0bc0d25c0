"""Each component's derivative against finite differences in float64, on fresh random input."""

import numpy as np
import pytest
import torch

from houseblend.nnet.components.affine import AffineComponent, FixedAffineComponent, NaturalGradientAffineComponent
from houseblend.nnet.components.base import UpdatableComponent
from houseblend.nnet.components.batch_norm import BatchNormComponent
from houseblend.nnet.components.nonlinear import (
    LogSoftmaxComponent,
    RectifiedLinearComponent,
    SigmoidComponent,
    TanhComponent,
)
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent, PnormComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.parameters import count_of, split_count
from houseblend.nnet.randomness import Randomness

ROWS = 5


def batch_norm(dim, block_dim=None, target_rms=1.0, test_mode=False):
    component = BatchNormComponent("c", dim, block_dim)
    component.target_rms, component.test_mode = target_rms, test_mode
    return component


COMPONENTS = [
    FixedAffineComponent("c", 7, 4),
    AffineComponent("c", 7, 4),
    NaturalGradientAffineComponent("c", 7, 4),
    TdnnComponent("c", 3, 4, (-2, 0, 1)),
    TdnnComponent("c", 3, 4, (-2, 0, 1), has_bias=False),
    batch_norm(6),
    batch_norm(6, block_dim=2, target_rms=0.7),
    batch_norm(6, target_rms=1.4, test_mode=True),
    SigmoidComponent("c", 6),
    TanhComponent("c", 6),
    RectifiedLinearComponent("c", 6),
    LogSoftmaxComponent("c", 6),
    PnormComponent("c", 12, 4),
    NormalizeComponent("c", 6),
    NormalizeComponent("c", 6, target_rms=0.7, add_log_stddev=True),
    NormalizeComponent("c", 6, target_rms=1.3, add_log_stddev=True, block_dim=3),
    DropoutComponent("c", 6, 0.4),
    DropoutComponent("c", 6, 0.4, per_frame=True),
    NoOpComponent("c", 6),
]


def bound(component):
    """The component with random float64 tensors of its own."""
    tensors = {spec.name: torch.randn(spec.shape, dtype=torch.float64) for spec in component.specs()}
    for spec in component.specs():
        if spec.role in ("statistic", "counter"):
            tensors[spec.name].abs_()
    component.bind(tensors)
    return tensors


def output(component, x):
    """y in memory of its own; the same dropout mask at every call."""
    component.randomness = Randomness(7, 20, ROWS)
    y = torch.empty(len(x), component.output_dim, dtype=x.dtype)
    component.forward(x, y)
    return y


def numeric_gradient(function, at):
    """Central differences of a scalar function of a tensor, which is changed in place and restored."""
    gradient = torch.zeros_like(at)
    flat, out = at.view(-1), gradient.view(-1)
    for i in range(flat.numel()):
        kept, values = float(flat[i]), []
        for step in (1e-6, -1e-6):
            flat[i] = kept + step
            values.append(float(function()))
        flat[i] = kept
        out[i] = (values[0] - values[1]) / 2e-6
    return gradient


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.kind)
def test_derivative_by_the_input(component):
    bound(component)
    x = torch.randn(ROWS, component.input_dim, dtype=torch.float64)
    dy = torch.randn(ROWS, component.output_dim, dtype=torch.float64)
    wanted = numeric_gradient(lambda: (output(component, x) * dy).sum(), x)
    y = output(component, x)
    dx = torch.empty_like(x)
    component.backward(x, y, dy, dx)
    assert torch.allclose(dx, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("component", [c for c in COMPONENTS if c.in_place], ids=lambda c: c.kind)
def test_in_place_gives_the_same(component):
    bound(component)
    x = torch.randn(ROWS, component.input_dim, dtype=torch.float64)
    dy = torch.randn(ROWS, component.output_dim, dtype=torch.float64)
    y, dx = output(component, x), torch.empty_like(x)
    component.backward(x, y, dy, dx)
    component.forward(x, x)
    assert torch.equal(x, y)
    component.backward(x, x, dy, dy)
    assert torch.equal(dy, dx)


@pytest.mark.parametrize(
    "component", [c for c in COMPONENTS if isinstance(c, UpdatableComponent)], ids=lambda c: c.kind
)
def test_plain_direction_is_the_rate_times_the_summed_gradient(component):
    tensors = bound(component)
    x = torch.randn(ROWS, component.input_dim, dtype=torch.float64)
    dy = torch.randn(ROWS, component.output_dim, dtype=torch.float64)
    delta = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    component.accumulate(x, dy, delta, 0.3)
    for name, tensor in tensors.items():
        wanted = 0.3 * numeric_gradient(lambda: (output(component, x) * dy).sum(), tensor)
        assert torch.allclose(delta[name], wanted, rtol=1e-6, atol=1e-8)


def test_what_the_constant_input_has_become_weighs_the_bias():
    component = AffineComponent("c", 7, 4)
    tensors = bound(component)
    x, dy, ones = (torch.randn(ROWS, *dims, dtype=torch.float64) for dims in ((7,), (4,), ()))
    delta = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    component.accumulate(x, dy, delta, 0.3, ones)
    assert torch.allclose(delta["c.linear"], 0.3 * dy.t() @ x)
    assert torch.allclose(delta["c.bias"], 0.3 * dy.t() @ ones)


def test_normalize_on_the_floor_gives_finite_numbers():
    component = NormalizeComponent("c", 6, add_log_stddev=True)
    x, dy = torch.zeros(2, 6), torch.ones(2, 7)
    y, dx = output(component, x), torch.empty(2, 6)
    component.backward(x, y, dy, dx)
    assert torch.isfinite(y).all()
    assert torch.isfinite(dx).all()


def test_pnorm_of_zeros_has_derivative_zero():
    component = PnormComponent("c", 4, 2)
    x = torch.zeros(1, 4)
    dx = torch.ones(1, 4)
    component.backward(x, output(component, x), torch.ones(1, 2), dx)
    assert not dx.any()


def test_dropout_in_test_scales_and_in_training_zeroes_the_proportion():
    component = DropoutComponent("c", 1000, 0.3)
    x, y = torch.ones(20, 1000), torch.empty(20, 1000)
    component.forward(x, y)
    assert torch.allclose(y, torch.full_like(y, 0.7))
    component.randomness = Randomness(int(np.random.default_rng().integers(1 << 31)), 0, 20)
    component.forward(x, y)
    assert set(y.unique().tolist()) == {0.0, 1.0}
    assert float((y == 0).float().mean()) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("count", [0.0, 352.0, 2.0**24 + 1, 123456789013.0])
def test_counts_are_exact(count):
    assert count_of(torch.tensor(split_count(count))) == count
    assert count_of(torch.tensor(split_count(count / 3, 3))) == count / 3


@pytest.mark.parametrize(("columns", "rows_per_example"), [(6, 1), (1, 3), (13, 2)])
def test_dropout_masks_go_with_the_position_however_a_minibatch_is_gathered(columns, rows_per_example):
    def masks(position, examples):
        return Randomness(5, position, examples).dropped("d", 0.3, examples * rows_per_example, columns)

    whole = masks(100, 8)
    assert np.array_equal(whole, np.concatenate([masks(100, 3), masks(103, 5)]))
    assert not np.array_equal(whole, masks(101, 8))


@pytest.mark.parametrize(
    "component", [SigmoidComponent("c", 6), TanhComponent("c", 6), RectifiedLinearComponent("c", 6)]
)
def test_statistics_are_those_of_the_chosen_minibatches(component):
    tensors = {spec.name: torch.zeros(spec.shape) for spec in component.specs()}
    component.bind(tensors)
    chosen, derivatives = [], []
    for minibatch in range(20):
        randomness = Randomness(1, 50 * minibatch, 50)
        counts = component.count("count"), component.count("oderiv-count")
        x, dy, y = torch.randn(50, 6), torch.randn(50, 6), torch.empty(50, 6)
        component.forward(x, y)
        component.update_statistics(y, randomness)
        component.update_derivative_statistics(dy, randomness)
        chosen += [x] * (component.count("count") > counts[0])
        derivatives += [dy] * (component.count("oderiv-count") > counts[1])
    assert 1 < len(chosen) < len(derivatives) < 20
    x = torch.cat(chosen).double().requires_grad_()
    y = {"SigmoidComponent": torch.sigmoid, "TanhComponent": torch.tanh}.get(component.kind, torch.relu)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    wanted = {"value-avg": y.mean(0), "deriv-avg": slope.mean(0)}
    wanted["oderiv-rms"] = torch.cat(derivatives).double().square().mean(0).sqrt()
    for name, values in wanted.items():
        assert torch.allclose(component.statistics[name].double(), values, atol=1e-5), name
    assert component.count("count") == 50 * len(chosen)
    assert component.stored == set(wanted)


def test_batch_norm_statistics_are_those_of_all_rows():
    component = batch_norm(6, block_dim=3)
    component.bind({spec.name: torch.zeros(spec.shape) for spec in component.specs()})
    batches = [3 * torch.randn(rows, 6) + torch.arange(6) for rows in (40, 8, 23)]
    for x in batches:
        component.forward(x, torch.empty_like(x))
        component.update_statistics(x, Randomness(1, 0, len(x)))
    rows = torch.cat(batches).double().view(-1, 3)
    assert component.count.value == len(rows)
    assert torch.allclose(component.mean.double(), rows.mean(0), atol=1e-5)
    assert torch.allclose(component.variance.double(), rows.var(0, correction=0), rtol=1e-5)
    component.test_mode = True
    y = torch.empty_like(batches[0])
    component.forward(batches[0], y)
    wanted = (batches[0].view(-1, 3) - rows.mean(0)) / (rows.var(0, correction=0) + 1e-3).sqrt()
    assert torch.allclose(y.view(-1, 3).double(), wanted, atol=1e-4)


def test_batch_norm_without_statistics_takes_the_rows_even_in_test_mode():
    component = batch_norm(4, test_mode=True)
    component.bind({spec.name: torch.zeros(spec.shape) for spec in component.specs()})
    y = output(component, 5 * torch.randn(100, 4) + 2)
    assert torch.allclose(y.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(y.var(0, correction=0), torch.ones(4), rtol=1e-3)
