"""NGLinear beside the component, and as a part of somebody's torch network."""

from functools import partial

import torch

from houseblend.nnet.init import init_network
from houseblend.train.ng_linear import NGLinear
from houseblend.train.update.optimizer import Optimizer
from houseblend.train.update.rule import UpdateRule


def backward(network, dy, sink):
    """What the optimizer derives by: the objective is the sum of dy y."""
    network.backward(dy, sink)
    return 0.0


def test_gradients_equal_the_component():
    config = (
        "input-node name=input dim=9\ncomponent name=c type=NaturalGradientAffineComponent input-dim=9 output-dim=7\n"
    )
    network = init_network(config + "component-node name=c component=c input=input\noutput-node name=output input=c\n")
    network.set_learning_rate(1.0)
    layer, optimizer = NGLinear(9, 7), Optimizer(network, UpdateRule(max_param_change=0.0))
    with torch.no_grad():
        layer.weight.copy_(network.parameters["c.linear"])
        layer.bias.copy_(network.parameters["c.bias"])
    for _ in range(6):
        before = network.parameters.clone()
        x, dy = torch.randn(32, 9, requires_grad=True), torch.randn(32, 7)
        network.forward(x.detach()[:, None])
        optimizer.step(partial(backward, network, dy.clone()), 32)
        delta = {name: network.parameters[name] - before[name] for name in ("c.linear", "c.bias")}
        layer.zero_grad()
        layer(x).backward(dy)
        assert layer.weight.grad is not None
        assert x.grad is not None
        assert torch.allclose(layer.weight.grad, delta["c.linear"], rtol=1e-4, atol=1e-5)
        assert torch.allclose(layer.bias.grad, delta["c.bias"], rtol=1e-4, atol=1e-5)
        assert torch.allclose(x.grad, dy @ layer.weight, atol=1e-5)


def test_trains_with_any_optimizer_and_any_leading_shape():
    torch.manual_seed(0)
    net = torch.nn.Sequential(NGLinear(6, 20), torch.nn.ReLU(), NGLinear(20, 1, bias=False))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = torch.randn(8, 16, 6)
    y = x.prod(dim=2, keepdim=True).clamp(-1, 1)
    losses = []
    for _ in range(60):
        loss = (net(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_state_dict_carries_the_fisher_matrices():
    first, second = NGLinear(6, 5), NGLinear(6, 5)
    first(torch.randn(20, 6)).sum().backward()
    second.load_state_dict(first.state_dict())
    x, dy = torch.randn(20, 6), torch.randn(20, 5)
    for layer in (first, second):
        layer.zero_grad()
        layer(x).backward(dy)
    assert torch.equal(first.weight.grad, second.weight.grad)
