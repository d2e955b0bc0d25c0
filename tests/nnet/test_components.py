"""Each component's derivative against finite differences in float64, on fresh random input."""

import numpy as np
import pytest
import torch

from houseblend.nnet.components.affine import AffineComponent, FixedAffineComponent, NaturalGradientAffineComponent
from houseblend.nnet.components.nonlinear import (
    LogSoftmaxComponent,
    RectifiedLinearComponent,
    SigmoidComponent,
    TanhComponent,
    split_count,
)
from houseblend.nnet.components.shape import DropoutComponent, NoOpComponent, NormalizeComponent, PnormComponent

ROWS = 5
COMPONENTS = [
    FixedAffineComponent("c", 7, 4),
    AffineComponent("c", 7, 4),
    NaturalGradientAffineComponent("c", 7, 4),
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
    component.bind(tensors)
    return tensors


def output(component, x):
    """y in memory of its own; the same dropout mask at every call."""
    if isinstance(component, DropoutComponent):
        component.generator = torch.Generator().manual_seed(7)
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
    if isinstance(component, DropoutComponent):
        component.generator = torch.Generator().manual_seed(7)
    component.forward(x, x)
    assert torch.equal(x, y)
    component.backward(x, x, dy, dy)
    assert torch.equal(dy, dx)


@pytest.mark.parametrize("kind", [AffineComponent, NaturalGradientAffineComponent])
def test_plain_direction_is_the_rate_times_the_summed_gradient(kind):
    component = kind("c", 7, 4)
    tensors = bound(component)
    component.learning_rate = 0.3
    x, dy = torch.randn(ROWS, 7, dtype=torch.float64), torch.randn(ROWS, 4, dtype=torch.float64)
    delta = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    component.accumulate(x, dy, delta, natural_gradient=False)
    for name, tensor in tensors.items():
        wanted = 0.3 * numeric_gradient(lambda: (output(component, x) * dy).sum(), tensor)
        assert torch.allclose(delta[name], wanted, rtol=1e-6, atol=1e-8)


def test_natural_gradient_direction_ascends_with_both_sides_norms():
    component = NaturalGradientAffineComponent("c", 10, 8)
    component.bind({spec.name: torch.randn(spec.shape) for spec in component.specs()})
    component.learning_rate = 1.0
    x, dy = torch.randn(64, 10), torch.randn(64, 8)
    delta = {spec.name: torch.zeros(spec.shape) for spec in component.specs()}
    plain = {name: tensor.clone() for name, tensor in delta.items()}
    component.accumulate(x, dy, delta, natural_gradient=True)
    component.accumulate(x, dy, plain, natural_gradient=False)
    assert sum(float((delta[name] * plain[name]).sum()) for name in delta) > 0
    assert not torch.allclose(delta["c.linear"], plain["c.linear"])


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
    component.generator = torch.Generator().manual_seed(int(np.random.default_rng().integers(1 << 31)))
    component.forward(x, y)
    assert set(y.unique().tolist()) == {0.0, 1.0}
    assert float((y == 0).float().mean()) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("count", [0.0, 352.0, 2.0**24 + 1, 123456789013.0])
def test_counts_are_exact(count):
    assert float(torch.tensor(split_count(count), dtype=torch.float32).double().sum()) == count
