"""A network as a module of torch: outputs of Kaldi's nnet3-compute, gradients of our components, one set of numbers, ONNX."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError
from houseblend.io.tables import read_table
from houseblend.nnet.compute import compute
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.init import init_network
from houseblend.nnet.module import Layer, NetworkModule
from houseblend.nnet.randomness import Randomness

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_components import COMPONENTS

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "nnet"
LAYERS = """
input dim=5 name=input
relu-renorm-layer name=h1 dim=12 input=Append(-2,-1,0,1,2)
pnorm-layer name=h2 dim=4 pnorm-input-dim=12 input=Append(-3,0,3) rank-in=6
tanh-batchnorm-layer name=h3 dim=6 input=Append(h2@-1, h1, Offset([-1], 2))
sigmoid-dropout-layer name=h4 dim=6 input=Append(0,h3) dropout-proportion=0.3
output-layer name=output dim=7 input=Append(-2,1) param-stddev=0.5
"""


def trained(seed=None):
    """A network with statistics, of random numbers."""
    network = init_network(LAYERS, int(np.random.default_rng().integers(1 << 31)) if seed is None else seed)
    x_NWD = torch.randn(40, network.left_context + 1 + network.right_context, 5)
    network.take_statistics(x_NWD, Randomness(1, 0, 40))
    return network


def windows(network, frames=3):
    return torch.randn(4, network.left_context + frames + network.right_context, 5)


@pytest.mark.parametrize(("model", "output"), [("A_m0_20", "A_out"), ("B_m0_20", "B_out")])
def test_outputs_are_those_of_kaldi(model, output):
    module = NetworkModule.read(GOLDEN / f"{model}.raw")
    feats, expected = (dict(read_table(f"ark:{GOLDEN}/{name}.ark", "matrix")) for name in ("feats", output))
    for key, wanted in expected.items():
        found = module(torch.from_numpy(feats[key])[None])[0].detach().numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-4)


def test_outputs_are_those_of_nnet3_compute_with_any_context():
    network = trained()
    feats_NTD = torch.randn(3, 70, 5)
    found = NetworkModule(network)(feats_NTD)
    for feats, one in zip(feats_NTD, found, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), compute(network, feats.numpy()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.kind)
def test_a_layer_has_value_and_derivatives_of_its_component(component):
    tensors = {spec.name: torch.rand(spec.shape) + 0.1 for spec in component.specs()}
    component.bind(tensors)
    component.randomness = None
    layer = Layer(component, tensors).train("Norm" in component.kind and not getattr(component, "test_mode", False))
    x, dy = torch.randn(8, component.input_dim), torch.randn(8, component.output_dim)
    y, dx = torch.empty_like(dy), torch.empty_like(x)
    component.forward(x, y)
    component.backward(x, y, dy.clone(), dx)
    x.requires_grad_()
    found = layer(x)
    found.backward(dy)
    torch.testing.assert_close(found.detach(), y, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x.grad, dx, rtol=1e-4, atol=1e-5)
    if list(layer.parameters()):
        delta = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
        component.accumulate(x.detach(), dy, delta, 1.0)
        for field, parameter in layer.named_parameters():
            torch.testing.assert_close(parameter.grad, delta[f"c.{field}"], rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_the_network():
    network = trained()
    module, x_NWD, dy = NetworkModule(network), windows(network), torch.randn(12, 7)
    module.windows(x_NWD).backward(dy.view(4, 3, 7))
    delta = network.parameters.trained_zeros()
    network.set_batch_norm_test_mode(True)
    network.forward(x_NWD)
    network.backward(dy.clone(), lambda component, x, d: component.accumulate(x, d, delta, 1.0))
    for layer in module.layers:
        for field, parameter in layer.named_parameters():
            torch.testing.assert_close(parameter.grad, delta[f"{layer.component.name}.{field}"], rtol=1e-3, atol=1e-4)


def test_what_an_optimizer_learns_is_written(tmp_path):
    torch.manual_seed(3)
    module = NetworkModule(trained(3))
    x_NWD, labels = windows(module.network), torch.randint(7, (12,))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    module.train()
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.nll_loss(module.windows(x_NWD).flatten(0, 1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    module.eval()
    module.write(tmp_path / "learnt.raw")
    again = read_network(tmp_path / "learnt.raw")
    assert again.parameters.hash() == module.network.parameters.hash()
    feats_TD = np.random.default_rng().normal(size=(20, 5)).astype(np.float32)
    wanted = module(torch.from_numpy(feats_TD)[None])[0].detach().numpy()
    np.testing.assert_allclose(compute(again, feats_TD), wanted, rtol=1e-4, atol=1e-5)


def test_batch_norm_gathers_the_statistics_that_training_gathers():
    network = trained()
    module = NetworkModule(copy.deepcopy(network))
    x_NWD = windows(network, frames=1)
    name = "h3.batchnorm"
    before = float(network.parameters[f"{name}.count"].sum())
    network.take_statistics(x_NWD, Randomness(1, 0, 4))
    module.train().windows(x_NWD)
    assert float(module.network.parameters[f"{name}.count"].sum()) == before + 4 * 4  # times -2 .. 1 without a gap
    assert float(network.parameters[f"{name}.count"].sum()) == before + 2 * 4  # times -2 and 1 alone


def test_dropout_drops_without_scaling_in_training_mode_only():
    network = init_network("input dim=1000 name=input\ncomponent name=d type=DropoutComponent dim=1000 dropout-proportion=0.4\n"
                           "component-node name=d component=d input=input\noutput-node name=output input=d\n")  # fmt: skip
    module, x = NetworkModule(network), torch.ones(2, 5, 1000)
    torch.testing.assert_close(module(x), 0.6 * x)
    found = module.train()(x)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert 0.5 < float(found.mean()) < 0.7


def test_a_state_dict_and_copies_keep_the_numbers_shared():
    first, second = NetworkModule(trained(1)), NetworkModule(trained(2))
    x = torch.randn(1, 9, 5)
    twin = copy.deepcopy(first)
    second.load_state_dict(first.state_dict())
    assert second.network.parameters.hash() == first.network.parameters.hash() == twin.network.parameters.hash()
    assert torch.equal(second(x), first(x))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert not twin.network.parameters.trained.any()
    assert first.network.parameters.trained.any()


def test_other_types_and_shapes_are_refused():
    module = NetworkModule(trained())
    with pytest.raises(InputError, match="float64; expected torch.float32"):
        module.double()
    assert module.to("cpu") is module
    with pytest.raises(InputError, match=r"\(1, 9, 4\); expected \[N, above 0 frames, 5\]"):
        module(torch.randn(1, 9, 4))
    with pytest.raises(InputError, match="above 0 frames"):
        module(torch.randn(1, 0, 5))
    with pytest.raises(InputError, match="above 16 frames"):
        module.windows(torch.randn(1, 16, 5))


def test_layers_take_the_numbers_of_a_buffer_that_has_moved():
    module, elsewhere = NetworkModule(trained()), trained().parameters
    for layer in module.layers:
        layer.share(elsewhere)
        for field, tensor in (*layer.named_parameters(), *layer.named_buffers()):
            assert tensor.data_ptr() == elsewhere[f"{layer.component.name}.{field}"].data_ptr()


@pytest.mark.filterwarnings("ignore")
def test_onnx_computes_the_same_for_any_number_of_frames(tmp_path):
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    module, any_number = NetworkModule(trained()), torch.export.Dim.DYNAMIC
    torch.onnx.export(
        module, (torch.randn(2, 30, 5),), tmp_path / "net.onnx", dynamic_shapes=({0: any_number, 1: any_number},),
        input_names=["feats"], output_names=["log_posteriors"], verbose=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    for shape in ((1, 1, 5), (3, 77, 5)):
        x = torch.randn(shape)
        (found,) = session.run(None, {"feats": x.numpy()})
        np.testing.assert_allclose(found, module(x).detach().numpy(), rtol=1e-4, atol=1e-5)
