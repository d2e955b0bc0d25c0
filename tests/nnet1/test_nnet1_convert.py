"""nnet1 to nnet3 and back: the same outputs; what has no like is named; a deep belief network starts a network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError
from houseblend.io.objects import open_output
from houseblend.io.tables import read_table, write_table
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.compute import compute
from houseblend.nnet.formats.nnet1 import read_nnet1
from houseblend.nnet.formats.nnet3 import read_acoustic_model, write_acoustic_model
from houseblend.nnet.init import init_network
from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
)
from houseblend.nnet.nnet1.convert import from_nnet3, start_from, to_nnet3
from houseblend.nnet.nnet1.network import Nnet1, concatenated
from houseblend.nnet.rbm import Rbm
from houseblend.parallel.network_config import NetworkConfig

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet1"
draw = torch.randn


def affine(inputs: int, outputs: int, *rates: float) -> AffineTransform:
    return AffineTransform(draw(outputs, inputs), draw(outputs), *rates)


FRONT = [Splice((-2, 0, 1), 3), AddShift(draw(9)), Rescale(draw(9)), AddShift(draw(9))]
CHAINS = {
    "classifier": [*FRONT, affine(9, 5), Sigmoid(5), affine(5, 4, 0.5), Tanh(4), affine(4, 6), Softmax(6)],
    "bottleneck": [*FRONT, affine(9, 5), Sigmoid(5), LinearTransform(draw(2, 5)), affine(2, 4), Tanh(4)],
    "rbms": [*FRONT, Rbm(draw(5, 9), draw(9), draw(5), "gauss"), Rbm(draw(4, 5), draw(5), draw(4))],
    "normalised inside": [affine(3, 5), Sigmoid(5), AddShift(draw(5)), Rescale(draw(5)), affine(5, 2)],
    "odd": [Sigmoid(3), Tanh(3), Rescale(draw(3))],
    "front alone": FRONT,
}


@pytest.mark.parametrize("name", CHAINS)
def test_there_and_back_the_outputs_are_the_same(name):
    network = Nnet1(CHAINS[name])
    x = np.random.default_rng().standard_normal((20, 3)).astype(np.float32)
    wanted = network.compute(x)
    converted = to_nnet3(network)
    got = compute(converted, x, frames_per_chunk=7)
    assert np.allclose(np.exp(got) if isinstance(network.components[-1], Softmax) else got, wanted, atol=1e-5)
    assert np.allclose(from_nnet3(converted).compute(x), wanted, atol=1e-5)


def test_names_are_those_of_train_dnn(tmp_path):
    config = NetworkConfig(3, 6, 5, "sigmoid-layer", 1, transform_file(tmp_path, 9))
    house = config.initial(2, 1)
    layers = [Splice((-1, 0, 1), 3), Rescale(draw(9)), affine(9, 5), Sigmoid(5), affine(5, 5), Sigmoid(5), affine(5, 6)]
    converted = to_nnet3(Nnet1([*layers, Softmax(6)]))
    assert [type(c) for c in converted.components] == [type(c) for c in house.components]
    assert [c.name for c in converted.components] == [c.name for c in house.components]
    assert [c.max_change for c in converted.updatable()] == [c.max_change for c in house.updatable()]
    assert [c.learning_rate for c in converted.updatable()] == [c.learning_rate for c in house.updatable()]
    assert converted.topology == house.topology


def test_a_network_of_the_house_becomes_one_of_nnet1():
    lines = "input dim=3 name=input\nsigmoid-layer name=a dim=5 input=Append(-3,0)\ntanh-layer name=b dim=4\noutput-layer name=o dim=6 param-stddev=1"
    house = init_network(lines, 3)
    list(house.updatable())[1].learning_rate_factor = 0.25
    network = from_nnet3(house)
    x = np.random.default_rng().standard_normal((9, 3)).astype(np.float32)
    assert np.allclose(np.log(network.compute(x)), compute(house, x), atol=1e-5)
    assert [type(c) for c in network.components] == [
        Splice,
        AffineTransform,
        Sigmoid,
        AffineTransform,
        Tanh,
        AffineTransform,
        Softmax,
    ]
    assert vars(network.components[3])["learn_rate_coef"] == vars(network.components[3])["bias_learn_rate_coef"] == 0.25


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([Sigmoid(3), Splice((-1, 1), 3)], r"layer 2, <Splice>.*expected <Splice> at the front"),
        ([Splice((5000,), 3)], "layer 1, <Splice>.*frames at most 4096 away"),
        ([Softmax(3), Sigmoid(3)], "layer 1, <Softmax>.*expected <Softmax> at the end"),
    ],
)
def test_what_nnet3_has_not_is_named(layers, what):
    with pytest.raises(InputError, match=f"^x.nnet: {what}"):
        to_nnet3(Nnet1(layers, "x.nnet"))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("relu-layer name=h dim=4", r"\[h.relu\] RectifiedLinearComponent has no like in nnet1.*--layer=sigmoid-layer"),
        ("sigmoid-batchnorm-layer name=h dim=4", r"\[h.batchnorm\] BatchNormComponent has no like"),
        (
            "sigmoid-layer name=h dim=4\nsigmoid-layer name=i dim=4 input=Append(-1,0)",
            r"\[i.affine\] reads h.sigmoid at -1",
        ),
        (
            "sigmoid-layer name=h dim=4\nsigmoid-layer name=i dim=4 input=Append(h,input)",
            r"\[i.affine\] reads h.sigmoid at 0, input",
        ),
    ],
)
def test_what_nnet1_has_not_is_named(lines, what):
    house = init_network(f"input dim=3 name=input\n{lines}\noutput-layer name=output dim=2", 1)
    with pytest.raises(InputError, match=f"^final.raw: {what}"):
        from_nnet3(house, "final.raw")


def transform_file(folder: Path, dim: int) -> Path:
    """A random transform of the spliced input."""
    with open_output(folder / "transform.mat") as out:
        out.write_matrix(np.random.default_rng().standard_normal((dim, dim + 1)).astype(np.float32))
    return folder / "transform.mat"


DBN = [affine(9, 5), Sigmoid(5), Rbm(draw(5, 5), draw(5), draw(5))]
SPLICE = Splice((-1, 0, 1), 3)


def test_a_deep_belief_network_starts_a_network(tmp_path):
    """With its normalisation in front it is the lower part of the network; without, the network's own transform stays."""
    config = NetworkConfig(3, 6, 5, "sigmoid-layer", 1, transform_file(tmp_path, 9))
    front = [SPLICE, AddShift(draw(9)), Rescale(draw(9))]
    x = np.random.default_rng().standard_normal((9, 3)).astype(np.float32)
    for layers in ([*front, *DBN], DBN):
        house = config.initial(2, 1)
        before = from_nnet3(house)
        start_from(house, Nnet1(layers))
        after = from_nnet3(house)
        lower = layers if layers is not DBN else [*before.components[:2], *DBN]
        assert np.allclose(Nnet1(after.components[:6]).compute(x), Nnet1(lower).compute(x), atol=1e-5)
        assert torch.equal(vars(after.components[-2])["weights"], vars(before.components[-2])["weights"])


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        (
            DBN[:2],
            r"1 hidden layers: transform hidden1.affine hidden1.sigmoid; expected those of the network: transform hidden1",
        ),
        ([affine(9, 5), Tanh(5), affine(5, 5), Tanh(5)], "2 hidden layers: transform hidden1.affine hidden1.tanh"),
        (
            [affine(8, 5), Sigmoid(5), *DBN[2:]],
            r"\[hidden1.affine\] 8 inputs and 5 outputs; expected 9 and 5, as the network has",
        ),
        (
            [Splice((-1, 0), 3), affine(6, 5), Sigmoid(5), *DBN[2:]],
            r"\[transform\] splices 3 numbers at frames -1,0; expected 3 numbers at frames -1,0,1",
        ),
        (
            [Splice((-1, 0, 1), 2), affine(6, 5), Sigmoid(5), *DBN[2:]],
            r"\[transform\] splices 2 numbers at frames -1,0,1",
        ),
        ([*DBN, affine(5, 6), Softmax(6)], "layers 5 and 6 are <AffineTransform> <Softmax>"),
        ([LinearTransform(draw(9, 9)), *DBN], "begins with <LinearTransform>"),
        ([Rescale(draw(9))], "no hidden layers"),
    ],
)
def test_a_deep_belief_network_that_does_not_fit_is_refused(layers, what, tmp_path):
    house = NetworkConfig(3, 6, 5, "sigmoid-layer", 1, transform_file(tmp_path, 9)).initial(2, 1)
    before = house.parameters.hash()
    with pytest.raises(InputError, match=f"^1.dbn: {what}"):
        start_from(house, Nnet1(layers, "1.dbn"))
    assert house.parameters.hash() == before


def test_programs_convert_golden_networks(call, tmp_path):
    """Through files: log posteriors of the one are those of the other."""
    call("nnet1-to-nnet3", f"--feature-transform={GOLDEN}/feature_transform", GOLDEN / "m0.nnet", tmp_path / "0.raw")
    call("nnet3-to-nnet1", "--binary=false", tmp_path / "0.raw", tmp_path / "0.nnet")
    again = read_nnet1(tmp_path / "0.nnet")
    whole = concatenated([read_nnet1(GOLDEN / "feature_transform"), read_nnet1(GOLDEN / "m0.nnet")])
    x = np.random.default_rng().standard_normal((9, 13)).astype(np.float32)
    assert np.allclose(again.compute(x), whole.compute(x), atol=1e-5)


def test_nnet_forward_gives_the_likelihoods_of_a_model(call, tmp_path):
    """With the priors of the .mdl, up to the sum of these."""
    transitions = read_acoustic_model(GOLDEN.parent / "nnet" / "A_prior.mdl").transition_model
    lines = "input dim=3 name=input\nsigmoid-layer name=h dim=5 input=Append(-1,0,1)\n"
    lines += f"output-layer name=output dim={transitions.num_pdfs} param-stddev=1"
    priors = np.random.default_rng().uniform(1e-3, 1.0, transitions.num_pdfs).astype(np.float32)
    write_acoustic_model(tmp_path / "mdl", AcousticModel(transitions, init_network(lines, 1), priors / priors.sum()))
    x = np.random.default_rng().standard_normal((9, 3)).astype(np.float32)
    with write_table(f"ark:{tmp_path}/feats", "matrix") as write:
        write("a", x)
    counts = f"--class-frame-counts={tmp_path}/counts"
    call("nnet3-to-nnet1", counts, tmp_path / "mdl", tmp_path / "nnet")
    call("nnet-forward", "--apply-log=true", counts, tmp_path / "nnet", f"ark:{tmp_path}/feats", f"ark:{tmp_path}/out")
    ((_, got),) = read_table(f"ark:{tmp_path}/out", "matrix")
    assert np.allclose(got, read_acoustic_model(tmp_path / "mdl").log_likelihoods(x), atol=1e-4)
    write_acoustic_model(tmp_path / "mdl", AcousticModel(transitions, init_network(lines, 1), np.empty(0, np.float32)))
    said = call("nnet3-to-nnet1", counts, tmp_path / "mdl", tmp_path / "none", status=1)
    assert "mdl: the model has no priors; run nnet3-am-adjust-priors on it" in said
    assert not (tmp_path / "none").exists()
