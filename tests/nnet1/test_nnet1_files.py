"""nnet1's files: bytes back, binary and text, and clear errors for broken ones."""

import gzip
from pathlib import Path

import pytest
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
    marker,
    tensors,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet1"
BINARY = ["init.nnet", "m0.nnet", "tanh.nnet", "nosoft.nnet", "concat.nnet", "feature_transform", "gb.init", "bb.init"]
TEXT = ["splice.nnet", "feature_transform.txt", "rbm_bb.cmvn", "gb.rbm", "bb.init.txt", "init.txt.gz", "m0.txt.gz"]
PAIRS = [("feature_transform", "feature_transform.txt"), ("bb.init", "bb.init.txt"), ("m0.nnet", "m0.txt.gz")]


def content(name: str) -> bytes:
    data = (GOLDEN / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def everything() -> Nnet1:
    """A component of every kind, with numbers of its own in every field."""
    draw = torch.randn
    components = [
        Splice((-2, 0, 3), 2), AddShift(draw(6), 0.5), Rescale(draw(6), 0.0), LinearTransform(draw(4, 6), 0.25),
        Tanh(4), AffineTransform(draw(5, 4), draw(5), 0.125, 0.75, 1.5), Sigmoid(5),
        Rbm(draw(3, 5), draw(5), draw(3), "gauss", "bern"), Softmax(3),
    ]  # fmt: skip
    return Nnet1(components)


@pytest.mark.parametrize("name", BINARY + TEXT)
def test_golden_bytes_come_back(name, tmp_path):
    write_nnet1(tmp_path / "copy", read_nnet1(GOLDEN / name), binary=name in BINARY)
    assert (tmp_path / "copy").read_bytes() == content(name)


@pytest.mark.parametrize(("binary", "text"), PAIRS)
def test_golden_text_from_binary(binary, text, tmp_path):
    write_nnet1(tmp_path / "copy", read_nnet1(GOLDEN / binary), binary=False)
    assert (tmp_path / "copy").read_bytes() == content(text)


@pytest.mark.parametrize("name", ["gb", "bb"])
def test_old_files_have_no_tags_around(name):
    """A converted RBM is its components alone, without coefficients."""
    affine, sigmoid = read_nnet1(GOLDEN / f"{name}.nnet").components
    rbm = read_nnet1(GOLDEN / f"{name}.rbm").components[0]
    assert isinstance(affine, AffineTransform)
    assert isinstance(sigmoid, Sigmoid)
    assert isinstance(rbm, Rbm)
    assert torch.equal(affine.weights, rbm.weights)
    assert torch.equal(affine.bias, rbm.hidden_bias)
    assert (affine.learn_rate_coef, affine.bias_learn_rate_coef, affine.max_norm) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("binary", [True, False])
def test_every_kind_of_component_comes_back(binary, tmp_path):
    network = everything()
    write_nnet1(tmp_path / "one", network, binary)
    again = read_nnet1(tmp_path / "one")
    for mine, its in zip(network.components, again.components, strict=True):
        assert type(mine) is type(its)
        assert {name: value for name, value in vars(mine).items() if name not in tensors(mine)} == {
            name: value for name, value in vars(its).items() if name not in tensors(its)
        }
        for name, values in tensors(mine).items():
            assert torch.allclose(values, vars(its)[name], rtol=1e-6, atol=0), (marker(mine), name)


TAMPERED = {
    "another kind": ("<Sigmoid>", "<Dropout>", "<Dropout> is not supported; expected <Splice>"),
    "other dims": ("<Tanh> 4 4", "<Tanh> 4 3", "<Tanh> says 4 x 3 and holds 3 x 3"),
    "neighbours": ("<Tanh> 4 4", "<Tanh> 7 7", "component 5, <Tanh>, takes 7 numbers, component 4, <LinearTransform>, gives 4"),
    "rows": ("<LinearTransform> 4 6", "<LinearTransform> 5 6", "<LinearTransform> says 5 x 6 and holds 4 x 6"),
    "units": ("gauss bern", "gauss relu", "units of type 'relu'; expected bern or gauss"),
    "coefficient": ("<MaxNorm>", "<MinNorm>", "found '<MinNorm>'; expected <LearnRateCoef> or"),
    "not finite": ("<MaxNorm> 1.5", "<MaxNorm> inf", "<MaxNorm> is inf"),
    "no dim": ("<Softmax> 3 3", "<Softmax> 0 0", "a dimension of 0"),
    "no end": ("</Nnet>", "", "the file ends where a token should stand"),
}  # fmt: skip


@pytest.mark.parametrize("case", TAMPERED)
def test_what_is_wrong_is_named(case, tmp_path):
    old, new, message = TAMPERED[case]
    write_nnet1(tmp_path / "it", everything(), binary=False)
    text = (tmp_path / "it").read_text()
    assert old in text
    (tmp_path / "it").write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_nnet1(tmp_path / "it")
    assert message in str(caught.value)
    assert str(tmp_path / "it") in str(caught.value)


def test_not_finite_numbers_are_refused(tmp_path):
    network = everything()
    write_nnet1(tmp_path / "it", network)
    bias = tensors(network.components[5])["bias"].numpy().tobytes()
    data = (tmp_path / "it").read_bytes()
    (tmp_path / "it").write_bytes(data.replace(bias, b"\xff" * len(bias)))
    with pytest.raises(NotFiniteError, match="bias of component 6, <AffineTransform>"):
        read_nnet1(tmp_path / "it")


def test_no_components(tmp_path):
    (tmp_path / "it").write_text("<Nnet> \n</Nnet> \n")
    with pytest.raises(InputError, match="a network without components"):
        read_nnet1(tmp_path / "it")
