"""New networks: spread of the numbers, seeds, adding layers, input transforms."""

from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.io.objects import open_output
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.init import init_network

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet"


def test_golden_config_gives_the_golden_network_but_for_its_random_numbers():
    mine = init_network((GOLDEN / "A_m0.config").read_text(), 1)
    theirs = read_network(GOLDEN / "A_m0_0.raw")
    assert mine.topology == theirs.topology
    assert mine.parameters.layout == theirs.parameters.layout
    for a, b in zip(mine.updatable(), theirs.updatable(), strict=True):
        simple = {k: v for k, v in vars(a).items() if isinstance(v, int | float | str)}
        assert simple == pytest.approx({k: vars(b)[k] for k in simple})


def test_spread_of_the_random_numbers():
    network = init_network("input dim=400 name=input\nrelu-layer name=h dim=300\noutput-layer name=output dim=5\n", 4)
    parameters = network.parameters
    assert float(parameters["h.affine.linear"].std()) == pytest.approx(1 / 20, rel=0.02)
    assert float(parameters["h.affine.bias"].std()) == pytest.approx(1.0, rel=0.2)
    assert not parameters["output.affine.linear"].any()


def test_seed_and_name_decide():
    text = "input dim=4 name=input\nrelu-layer name=h dim=3\noutput-layer name=output dim=2 param-stddev=1\n"
    one, same, other = init_network(text, 1), init_network(text, 1), init_network(text, 2)
    assert one.parameters.hash() == same.parameters.hash() != other.parameters.hash()
    deeper = init_network(text.replace("output-layer", "relu-layer name=h2 dim=3\noutput-layer"), 1)
    assert torch.equal(deeper.parameters["h.affine.linear"], one.parameters["h.affine.linear"])
    assert not torch.equal(deeper.parameters["h2.affine.bias"], one.parameters["h.affine.bias"])


def test_layers_are_added_to_a_trained_network():
    trained = read_network(GOLDEN / "A_m0_20.raw")
    more = """component name=l3.affine type=NaturalGradientAffineComponent input-dim=32 output-dim=32
component-node name=l3.affine component=l3.affine input=l2.renorm
component name=l3.relu type=RectifiedLinearComponent dim=32
component-node name=l3.relu component=l3.relu input=l3.affine
component name=out.affine type=NaturalGradientAffineComponent input-dim=32 output-dim=62 param-stddev=0 bias-stddev=0
component-node name=out.affine component=out.affine input=l3.relu
"""
    grown = init_network(more, 1, existing=trained)
    for name in ("l1.affine.linear", "l2.affine.bias", "l1.relu.value-avg", "l1.relu.count"):
        assert torch.equal(grown.parameters[name], trained.parameters[name])
    assert not grown.parameters["out.affine.linear"].any()
    assert [node.name for node in grown.topology.nodes][-3:] == ["l3.relu", "out.affine", "out.logsoftmax"]
    assert torch.allclose(grown.forward(torch.randn(3, 11, 13)).exp(), torch.full((3, 62), 1 / 62))


def test_fixed_affine_layer_reads_a_matrix(tmp_path):
    matrix = np.random.default_rng().standard_normal((4, 10)).astype(np.float32)
    with open_output(tmp_path / "lda.mat") as out:
        out.write_matrix(matrix)
    network = init_network(
        "input dim=3 name=input\n"
        f"fixed-affine-layer name=lda input=Append(-1,0,1) affine-transform-file={tmp_path}/lda.mat\n"
        "output-layer name=output dim=4 include-log-softmax=false\n"
    )
    network.parameters["output.affine.linear"].copy_(torch.eye(4))
    x = np.random.default_rng().standard_normal((1, 3, 3)).astype(np.float32)
    wanted = matrix[:, :9] @ x.reshape(9) + matrix[:, 9]
    assert np.allclose(network.forward(torch.from_numpy(x)).numpy()[0], wanted, atol=1e-5)
