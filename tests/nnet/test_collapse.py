"""Networks made ready for decoding."""

import torch

from houseblend.nnet.collapse import prepare_for_test
from houseblend.nnet.init import init_network
from houseblend.nnet.randomness import Randomness
from houseblend.nnet.topology import Node

CONFIG = """input-node name=input dim=5
component name=lda type=FixedAffineComponent input-dim=15 output-dim=15
component-node name=lda component=lda input=Append(Offset(input, -1), input, Offset(input, 1))
component name=one type=NaturalGradientAffineComponent input-dim=15 output-dim=20
component-node name=one component=one input=lda
component name=two type=AffineComponent input-dim=60 output-dim=6
component-node name=two component=two input=Append(Offset(one, -3), one, Offset(one, 2))
component name=norm type=BatchNormComponent dim=6
component-node name=norm component=norm input=two
component name=drop type=DropoutComponent dim=6 dropout-proportion=0.2
component-node name=drop component=drop input=norm
component name=tdnn type=TdnnComponent input-dim=6 output-dim=6 time-offsets=-1,1
component-node name=tdnn component=tdnn input=drop
component name=small type=AffineComponent input-dim=6 output-dim=4
component-node name=small component=small input=tdnn
component name=last type=AffineComponent input-dim=4 output-dim=3
component-node name=last component=last input=small
output-node name=output input=last
"""


def test_affine_components_collapse_and_the_output_stays():
    network = init_network(CONFIG, 3)
    x = torch.randn(2, network.left_context + 40 + network.right_context, 5)
    network.forward(x, training=Randomness(1, 0, 2))
    with network.batch_norm_in_test_mode():
        wanted = network.forward(x).clone()
    ready = prepare_for_test(network)
    assert torch.allclose(ready.forward(x), wanted, atol=1e-4)
    assert [c.name for c in ready.components] == ["norm", "drop", "tdnn", "small", "last", "lda.one.two"]
    first = ready.topology.nodes[0]
    reads = [(time, offset) for time in (-3, 0, 2) for offset in (-1, 0, 1)]
    assert first == Node("two", "lda.one.two", tuple(("input", time + offset) for time, offset in reads))
    assert ready.topology.order == ("input", "two", "norm", "drop", "tdnn", "small", "last", "output")


def test_test_mode_computes_the_same_in_any_cut():
    network = init_network(CONFIG, 3)
    width = network.left_context + 1 + network.right_context
    network.forward(torch.randn(50, width, 5), training=Randomness(2, 0, 50))
    network = prepare_for_test(network)
    x = torch.randn(8, width, 5)
    whole = network.forward(x).clone()
    assert torch.allclose(whole[:3], network.forward(x[:3].contiguous()), atol=1e-6)
    assert torch.equal(whole, network.forward(x, training=Randomness(5, 0, 8)))
