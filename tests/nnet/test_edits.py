"""nnet3's edit lines on a small network with nodes and a component that nothing uses."""

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.affine import AffineComponent, FixedAffineComponent
from houseblend.nnet.components.shape import DropoutComponent
from houseblend.nnet.components.tdnn import TdnnComponent
from houseblend.nnet.descriptor import parse_config
from houseblend.nnet.edits import apply_edits
from houseblend.nnet.init import init_network
from houseblend.nnet.network import Network
from houseblend.nnet.topology import parse_topology

NODES = """
input-node name=input dim=4
component-node name=h component=h.affine input=Append(Offset(input, -1), input)
component-node name=lost component=lost.affine input=h
component-node name=drop component=drop input=h
component-node name=late component=late.affine input=lost
component-node name=last component=last.affine input=drop
output-node name=output input=last
"""


@pytest.fixture
def network() -> Network:
    affine = {"h": (8, 6), "lost": (6, 5), "late": (5, 2), "last": (6, 3), "unused": (2, 2)}
    components = [AffineComponent(f"{name}.affine", *dims) for name, dims in affine.items()]
    components[0].learning_rate_factor = 0.5
    made = Network(parse_topology(parse_config(NODES)), [*components, DropoutComponent("drop", 6, 0.2)])
    made.parameters.flat.copy_(torch.from_numpy(np.random.default_rng().standard_normal(made.parameters.flat.numel())))
    return made


def output(network: Network) -> torch.Tensor:
    return network.forward(torch.linspace(-1, 1, 2 * 4 * 4).view(2, 4, 4)).clone()


def rates(network: Network) -> dict[str, float]:
    return {component.name: component.learning_rate for component in network.updatable()}


def test_learning_rates_obey_factors_and_patterns():
    text = "input dim=4 name=input\nrelu-layer name=h dim=3 learning-rate-factor=0.5\noutput-layer name=output dim=2\n"
    network = init_network(text)
    network.set_learning_rate(0.1)
    assert list(rates(network).values()) == pytest.approx([0.05, 0.1])
    apply_edits(network, "set-learning-rate name=out* learning-rate=0.3; set-learning-rate name=h.* learning-rate=1")
    assert list(rates(network).values()) == pytest.approx([0.5, 0.3])
    apply_edits(network, "set-learning-rate-factor name=h.* learning-rate-factor=0.25")
    assert list(rates(network).values()) == pytest.approx([0.5, 0.3])
    apply_edits(network, "set-learning-rate learning-rate=1")
    assert list(rates(network).values()) == pytest.approx([0.25, 1.0])


def test_orphans_go_and_the_output_stays(network):
    before = output(network)
    without_nodes = apply_edits(network, "remove-orphan-nodes")
    assert without_nodes.topology.order == ("input", "h", "drop", "last", "output")
    assert without_nodes.components == network.components
    edited = apply_edits(network, "remove-orphans remove-orphan-inputs=true")
    assert edited.topology == without_nodes.topology
    assert [component.name for component in edited.components] == ["h.affine", "last.affine", "drop"]
    assert torch.equal(output(edited), before)


def test_a_component_of_a_lost_node_is_no_orphan_yet(network):
    edited = apply_edits(network, "remove-orphan-components")
    assert {component.name for component in network.components} - {c.name for c in edited.components} == {
        "unused.affine"
    }
    assert edited.topology == network.topology


def test_dropout_is_set(network):
    edited = apply_edits(network, "set-dropout-proportion name=d* proportion=0.75")
    assert [c.proportion for c in edited.components if isinstance(c, DropoutComponent)] == [0.75]


def test_a_renamed_node_is_read_by_its_new_name(network):
    before = output(network)
    edited = apply_edits(network, "rename-node old-name=h new-name=hidden; rename-node old-name=output new-name=out.1")
    assert edited.topology.config_lines()[1:4] == [
        "component-node name=hidden component=h.affine input=Append(Offset(input, -1), input)",
        "component-node name=lost component=lost.affine input=hidden",
        "component-node name=drop component=drop input=hidden",
    ]
    assert edited.topology.output_name == "out.1"
    assert torch.equal(output(edited), before)


def test_affine_components_are_fixed(network):
    before = output(network)
    edited = apply_edits(network, "convert-to-fixed-affine name=h*")
    assert [c.name for c in edited.components if isinstance(c, FixedAffineComponent)] == ["h.affine"]
    assert "h.affine" not in rates(edited)
    assert torch.equal(output(edited), before)


def test_rank_is_reduced_to_the_nearest_matrix(network):
    whole = network.parameters["h.affine.linear"].clone()
    values = torch.linalg.svdvals(whole)
    reduced = apply_edits(network, "reduce-rank name=h.affine rank=2").parameters["h.affine.linear"]
    assert torch.linalg.matrix_rank(reduced, atol=1e-4) == 2
    assert torch.linalg.norm(whole - reduced) == pytest.approx(float(torch.linalg.norm(values[2:])), rel=1e-4)
    smallest = network.parameters["last.affine.linear"].clone()
    assert torch.equal(apply_edits(network, "reduce-rank name=last* rank=3").parameters["last.affine.linear"], smallest)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        ("apply-svd name=* bottleneck-dim=2", "'apply-svd' is not supported"),
        ("set-learning-rate", "lacks learning-rate="),
        ("set-learning-rate learning-rate=fast", "learning-rate=fast"),
        ("set-learning-rate name=x* learning-rate=1", "no trained component is called 'x*'"),
        ("set-learning-rate-factor learning-rate-factor=-1", "a number from 0 to inf"),
        ("set-dropout-proportion name=h* proportion=0.1", "no dropout component is called 'h*'"),
        ("set-dropout-proportion proportion=1.5", "a number from 0 to 1"),
        ("set-dropout-proportion rate=0.1", "unknown key rate="),
        ("rename-node old-name=g new-name=x", "no node is called 'g'"),
        ("rename-node old-name=h new-name=last", "a node is called 'last' already"),
        ("remove-orphans remove-orphan-inputs=maybe", "true or false"),
        ("reduce-rank rank=2", "lacks name="),
        ("reduce-rank name=* rank=0", "a number from 1"),
        ("remove-orphans; remove-output-nodes name=*", "edits:2: "),
    ],
)
def test_bad_edits_are_refused_by_name(edit, complaint, network):
    with pytest.raises(InputError) as refusal:
        apply_edits(network, edit)
    assert complaint in str(refusal.value)


def test_components_over_several_frames_are_neither_fixed_nor_reduced():
    nodes = (
        "input-node name=input dim=2\ncomponent-node name=t component=t input=input\noutput-node name=output input=t"
    )
    network = Network(parse_topology(parse_config(nodes)), [TdnnComponent("t", 2, 3, (-1, 0, 1))])
    for edit in ("convert-to-fixed-affine", "reduce-rank name=* rank=1"):
        with pytest.raises(InputError, match="several frames"):
            apply_edits(network, edit)
