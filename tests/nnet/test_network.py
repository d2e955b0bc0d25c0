"""Whole networks against an independent reference that computes every node at every time by itself."""

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.init import init_network
from houseblend.nnet.parameters import Layout, TensorSpec
from houseblend.nnet.randomness import Randomness

LAYERS = """
input dim=5 name=input
relu-renorm-layer name=h1 dim=12 input=Append(-2,-1,0,1,2)
pnorm-layer name=h2 dim=4 pnorm-input-dim=12 input=Append(-3,0,3) rank-in=6
tanh-layer name=h3 dim=6 input=Append(h2@-1, h1, Offset([-1], 2))
sigmoid-layer name=h4 dim=6 input=Append(0,h3)
output-layer name=output dim=7 input=Append(-2,1) param-stddev=0.5
"""


def reference(network, tensors, x_WD, time):
    """Output [output_dim] at a time (0 is the first that needs no padding), node by node; differentiable."""
    components = {c.name: c for c in network.components}
    nodes = {node.name: node for node in network.topology.nodes}

    def value(name, t):
        if name == network.topology.input_name:
            return x_WD[network.left_context + t].double()
        return apply(components[nodes[name].component], read(nodes[name].input, t))

    def read(descriptor, t):
        return torch.cat([value(name, t + offset) for name, offset in descriptor])

    def apply(component, x):
        if component.kind.endswith("AffineComponent"):
            return tensors[f"{component.name}.linear"] @ x + tensors[f"{component.name}.bias"]
        return {
            "RectifiedLinearComponent": torch.relu,
            "TanhComponent": torch.tanh,
            "SigmoidComponent": torch.sigmoid,
            "LogSoftmaxComponent": lambda x: torch.log_softmax(x, 0),
            "PnormComponent": lambda x: x.view(component.output_dim, -1).norm(dim=1),
            "NormalizeComponent": lambda x: x / (x.norm() / len(x) ** 0.5),
        }[component.kind](x)

    return read(network.topology.output, time)


def into(delta):
    """A sink that adds the plain gradient."""
    return lambda component, x, dy: component.accumulate(x, dy, delta, 1.0)


@pytest.mark.parametrize("frames", [1, 3])
def test_output_and_gradient_equal_the_reference(frames):
    network = init_network(LAYERS, int(np.random.default_rng().integers(1 << 31)))
    tensors = {s.name: v.double().requires_grad_() for s, v in network.parameters.items("parameter")}
    x_NWD = torch.randn(2, network.left_context + frames + network.right_context, 5)
    dy = torch.randn(2 * frames, 7)
    wanted = torch.stack([reference(network, tensors, x, t) for x in x_NWD for t in range(frames)])
    (wanted * dy).sum().backward()
    assert torch.allclose(network.forward(x_NWD).double(), wanted, rtol=1e-4, atol=1e-5)
    delta = network.parameters.trained_zeros()
    network.backward(dy.clone(), into(delta))
    for name, tensor in tensors.items():
        assert tensor.grad is not None
        assert torch.allclose(delta[name].double(), tensor.grad, rtol=1e-3, atol=1e-4), name


def test_rows_are_ordered_by_example_then_time():
    network = init_network(LAYERS, 3)
    x_NWD = torch.randn(3, network.left_context + 4 + network.right_context, 5)
    together = network.forward(x_NWD).clone()
    width = network.left_context + 1 + network.right_context
    alone = [network.forward(x_NWD[n : n + 1, f : f + width].contiguous()).clone() for n in range(3) for f in range(4)]
    assert torch.allclose(together, torch.cat(alone), rtol=1e-5, atol=1e-6)


def test_trained_components_and_no_others_are_handed_on():
    network = init_network(
        "input dim=3 name=input\nrelu-layer name=h dim=4\noutput-layer name=output dim=2 param-stddev=1\n"
    )
    network.forward(torch.randn(6, 1, 3))
    shapes = {}
    network.backward(torch.randn(6, 2), lambda component, x, dy: shapes.update({component.name: (x.shape, dy.shape)}))
    assert shapes == {"output.affine": ((6, 4), (6, 2)), "h.affine": ((6, 3), (6, 4))}


def test_dropout_depends_on_the_seed_only():
    network = init_network(
        "input dim=3 name=input\nrelu-dropout-layer name=h dim=50\noutput-layer name=output dim=2 param-stddev=1\n"
    )
    x = torch.randn(8, 1, 3)
    first = network.forward(x, Randomness(5, 0, 8)).clone()
    network.forward(x, Randomness(6, 0, 8))
    assert torch.equal(network.forward(x, Randomness(5, 0, 8)), first)
    assert not torch.equal(network.forward(x, Randomness(7, 0, 8)), first)
    assert torch.equal(network.forward(x).clone(), network.forward(x))


def test_smaller_batches_reuse_the_memory():
    network = init_network(LAYERS, 1)
    width = network.left_context + 1 + network.right_context
    x = torch.randn(8, width, 5)
    whole = network.forward(x).clone()
    part = network.forward(x[:3].contiguous()).clone()
    assert torch.allclose(whole[:3], part, atol=1e-6)
    assert torch.equal(network.forward(x), whole)


def test_dropout_does_not_depend_on_how_frames_are_gathered():
    layers = "input dim=5 name=input\nrelu-dropout-layer name=h dim=20 input=Append(-1,0,1)\noutput-layer name=output dim=3\n"
    network = init_network(layers.replace("output dim=3", "output dim=3 param-stddev=1"), 1)
    x = torch.randn(9, 3, 5)
    whole = network.forward(x, Randomness(4, 70, 9)).clone()
    parts = [network.forward(x[a:b].contiguous(), Randomness(4, 70 + a, b - a)).clone() for a, b in ((0, 4), (4, 9))]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-6)
    assert not torch.allclose(network.forward(x, Randomness(5, 70, 9)), whole, atol=1e-2)


def test_a_batch_norm_layer_normalises_and_remembers():
    layers = (
        "input dim=5 name=input\nrelu-batchnorm-layer name=h dim=8 target-rms=0.5\noutput-layer name=output dim=3\n"
    )
    network = init_network(layers, 1)
    (norm,) = network.batch_norms()
    network.forward(torch.randn(40, 1, 5), Randomness(1, 0, 40))
    assert (norm.name, norm.target_rms) == ("h.batchnorm", 0.5)
    assert float(network.parameters["h.batchnorm.count"].sum()) == 40
    network.forward(torch.randn(40, 1, 5))
    assert float(network.parameters["h.batchnorm.count"].sum()) == 40
    network.zero_statistics()
    assert not network.parameters["h.batchnorm.mean"].any()


def test_statistics_are_taken_without_dropout():
    layers = "input dim=5 name=input\nrelu-batchnorm-dropout-layer name=h dim=20 dropout-proportion=0.5\n"
    layers += "relu-batchnorm-layer name=g dim=8\noutput-layer name=output dim=3 param-stddev=1\n"
    network = init_network(layers, 1)
    x = torch.randn(40, 1, 5)
    without = network.forward(x).clone()
    network.take_statistics(x, Randomness(1, 0, 40))
    taken = {norm.name: (norm.mean.clone(), norm.variance.clone()) for norm in network.batch_norms()}
    assert {norm.count.value for norm in network.batch_norms()} == {40.0}
    with network.batch_norm_in_test_mode():
        assert torch.allclose(network.forward(x), without, atol=1e-5)
    network.zero_statistics()
    network.forward(x, training=Randomness(1, 0, 40))
    of_training = {norm.name: norm.mean for norm in network.batch_norms()}
    assert torch.equal(of_training["h.batchnorm"], taken["h.batchnorm"][0])  # stands before the dropout
    assert not torch.allclose(of_training["g.batchnorm"], taken["g.batchnorm"][0], atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu():
    here, there = init_network(LAYERS, 1), init_network(LAYERS, 1).to("cuda")
    x, dy = torch.randn(16, here.left_context + 2 + here.right_context, 5), torch.randn(32, 7)
    deltas = []
    for network in (here, there):
        delta = network.parameters.trained_zeros()
        y = network.forward(x.to(network.device)).cpu().clone()
        network.backward(dy.to(network.device).clone(), into(delta))
        deltas.append((y, delta.flat.cpu()))
    for mine, theirs in zip(*deltas, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-3)


def test_a_component_lies_in_one_piece_and_the_trained_ones_come_first():
    network = init_network(LAYERS, 1)
    parameters, before = network.parameters, torch.empty(0)
    for component in network.updatable():
        own = torch.cat([parameters[spec.name].flatten() for spec in component.specs()])
        assert torch.equal(parameters.span(component.name), own)
        before = torch.cat([before, own])
    assert torch.equal(parameters.trained, before)
    assert len(before) == parameters.layout.num_trained < parameters.layout.size
    assert parameters.trained.data_ptr() == parameters.flat.data_ptr()


@pytest.mark.parametrize("trial", range(5))
def test_a_layout_sorts_by_role_and_keeps_the_order_within_one(trial):
    roles = np.random.default_rng().choice(["frozen", "counter", "parameter", "statistic"], 12)
    specs = [TensorSpec(f"c.{number}", role, (number + 1,)) for number, role in enumerate(roles)]
    layout = Layout(specs)
    wanted = [spec for role in ("parameter", "statistic", "counter", "frozen") for spec in specs if spec.role == role]
    assert list(layout.specs) == wanted
    assert [layout.offsets[spec.name] for spec in wanted] == list(np.cumsum([0, *(s.size for s in wanted)]))[:-1]
    assert layout.num_trained == sum(spec.size for spec in specs if spec.role == "parameter")
    assert layout.spans == ({"c": slice(0, layout.num_trained)} if layout.num_trained else {})


def test_wrong_input_is_refused():
    network = init_network(LAYERS, 1)
    with pytest.raises(InputError, match="network input of shape"):
        network.forward(torch.randn(2, network.left_context, 5))
    with pytest.raises(InputError, match="network input of shape"):
        network.forward(torch.randn(2, 40, 6))


NODES = """input-node name=input dim=4
component name=a type=AffineComponent input-dim={dim} output-dim=4
component-node name=a component=a input={input}
component name=b type={kind} dim=4
component-node name=b component=b input=a
output-node name=output input=b
"""


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"input": "Append(input, IfDefined(Offset(b, -1)))", "dim": 8}, r"net:3: \[a\] the descriptor IfDefined"),
        ({"input": "Append(input, Offset(b, -1))", "dim": 8}, r"net:3: \[a\] this node depends on itself"),
        ({"input": "Sum(input, input)"}, "the descriptor Sum is not supported"),
        ({"input": "nobody"}, "reads 'nobody'"),
        ({"input": "Offset(input, x)"}, "found 'x' as the offset"),
        ({"input": "Append(input"}, "in a descriptor"),
        ({"kind": "LstmNonlinearityComponent"}, r"net:4: \[b\] component of type 'LstmNonlinearityComponent'"),
        ({"dim": 5}, r"\[a\] the input has dim 4"),
        ({"dim": "x"}, "input-dim=x"),
    ],
)
def test_what_is_not_supported_is_refused_by_name_and_line(changes, complaint):
    config = NODES.format(**{"input": "input", "dim": 4, "kind": "TanhComponent", **changes})
    with pytest.raises(InputError, match=complaint):
        init_network(config, file="net")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("lstm-layer name=x dim=3", "lstm-layer is not supported"),
        ("relu-layer name=x dim=3 input=[-2]", r"no layer \[-2\]"),
        ("relu-layer name=x dim=3 input=nobody", "which is no layer"),
        ("relu-layer name=x dim=3 bottleneck-dim=2", "unknown key bottleneck-dim="),
        ("relu-layer name=x", "dim="),
        ("input dim=3 name=input2", "a second input-node"),
    ],
)
def test_bad_layer_lines_are_refused(line, complaint):
    with pytest.raises(InputError, match=complaint):
        init_network(f"input dim=3 name=input\n{line}\noutput-layer name=output dim=2\n")
