"""Prototypes: every key, the random draw, and errors with file, line and token."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError
from houseblend.io.tables import write_object
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.components import AddShift, Sigmoid, Splice, marker
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.nnet1.prototype import MAX_NUMBERS, init_nnet1

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet1"


@pytest.fixture
def init(tmp_path):
    """A network of the lines of a prototype."""

    def make(text: str, seed: int = 1) -> Nnet1:
        (tmp_path / "proto").write_text(text)
        return init_nnet1(tmp_path / "proto", seed)

    return make


def only(network: Nnet1) -> Any:
    (component,) = network.components
    return component


def test_lines_of_kaldi_scripts(init):
    network = init(
        """<NnetProto>
<Splice> <InputDim> 2 <OutputDim> 6 <BuildVector> -4:2:0 </BuildVector>
<addshift> <InputDim> 6 <OutputDim> 6 <InitParam> 0.5 <LearnRateCoef> 0.1

<Rescale> <InputDim> 6 <OutputDim> 6 <LearnRateCoef> 0.2 <InitParam> 2
<LinearTransform> <InputDim> 6 <OutputDim> 4 <LearnRateCoef> 0.3 <ParamStddev> 0.1
<Tanh> <InputDim> 4 <OutputDim> 4
<Softmax> <InputDim> 4 <OutputDim> 4
</NnetProto>
"""
    )
    kinds = "<Splice> <AddShift> <Rescale> <LinearTransform> <Tanh> <Softmax>"
    assert " ".join(map(marker, network.components)) == kinds
    splice, shift, scale, linear, *_ = map(vars, network.components)
    assert splice["offsets"] == (-4, -2, 0)
    assert shift["shift"].tolist() == [0.5] * 6
    assert scale["scale"].tolist() == [2.0] * 6
    assert [one["learn_rate_coef"] for one in (shift, scale, linear)] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("words", "offsets"),
    [("<BuildVector> -10 -1:1 10 </BuildVector>", (-10, -1, 0, 1, 10)), ("<ReadVector> [ -5 0 1 ]", (-5, 0, 1))],
)
def test_offsets(init, words, offsets):
    assert only(init(f"<Splice> <InputDim> 3 <OutputDim> {3 * len(offsets)} {words}")) == Splice(offsets, 3)


def test_weights_are_normal_and_biases_uniform(init):
    """Moments within 6 standard errors."""
    line = "<AffineTransform> <InputDim> 300 <OutputDim> 200 <BiasMean> -2 <BiasRange> 4 <ParamStddev> 0.05"
    line += " <MaxNorm> 3 <LearnRateCoef> 0.5 <BiasLearnRateCoef> 0.25"
    affine = only(init(line))
    unit = affine.weights.double() / 0.05
    for power, (mean, variance) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):
        assert abs(float((unit**power).mean()) - mean) < 6 * np.sqrt(variance / unit.numel()), power
    assert -4.0 <= affine.bias.min() < affine.bias.max() <= 0.0
    assert abs(float(affine.bias.mean()) + 2.0) < 6 * np.sqrt(16 / 12 / 200)
    assert abs(float(affine.bias.var()) - 16 / 12) < 6 * np.sqrt((4**4 / 80 - (16 / 12) ** 2) / 200)
    assert (affine.max_norm, affine.learn_rate_coef, affine.bias_learn_rate_coef) == (3.0, 0.5, 0.25)


def test_defaults(init):
    affine = only(init("<AffineTransform> <InputDim> 100 <OutputDim> 400"))
    assert float(affine.weights.std()) == pytest.approx(0.1, rel=0.02)
    assert -3.0 <= affine.bias.min() < -2.9 < -1.1 < affine.bias.max() <= -1.0
    assert (affine.max_norm, affine.learn_rate_coef, affine.bias_learn_rate_coef) == (0.0, 1.0, 1.0)


def test_the_draw_depends_on_the_seed_and_the_place(init):
    lines = "<LinearTransform> <InputDim> 5 <OutputDim> 5\n" * 2
    one, again, other = init(lines), init(lines), init(lines, seed=2)
    first, second = (vars(component)["weights"] for component in one.components)
    assert torch.equal(first, vars(again.components[0])["weights"])
    assert not torch.equal(first, second)
    assert not torch.equal(first, vars(other.components[0])["weights"])


def test_a_matrix_from_a_file(init, tmp_path):
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_object(str(tmp_path / "mat"), "matrix", matrix)
    linear = only(init(f"<LinearTransform> <InputDim> 3 <OutputDim> 2 <ReadMatrix> {tmp_path}/mat <LearnRateCoef> 0"))
    assert np.array_equal(linear.weights.numpy(), matrix)
    assert linear.learn_rate_coef == 0.0
    with pytest.raises(InputError, match=r"proto:1: found '2 x 3 in .*/mat'; expected 3 x 2"):
        init(f"<LinearTransform> <InputDim> 2 <OutputDim> 3 <ReadMatrix> {tmp_path}/mat")


def test_rbms(init):
    rbm = only(init(
        "<Rbm> <InputDim> 30 <OutputDim> 20 <VisibleType> Gaussian <HiddenType> bern <ParamStddev> 0.1 "
        "<VisibleBiasMean> 1 <VisibleBiasRange> 0.5 <HiddenBiasMean> -4 <HiddenBiasRange> 0"
    ))  # fmt: skip
    assert (rbm.visible_type, rbm.hidden_type, rbm.weights.shape) == ("gauss", "bern", (20, 30))
    assert rbm.hidden_bias.tolist() == [-4.0] * 20
    assert 0.75 <= rbm.visible_bias.min() < rbm.visible_bias.max() <= 1.25


def test_visible_biases_from_means_are_kaldis(init):
    """Golden bb.init was made from rbm_bb.cmvn."""
    text = (GOLDEN / "rbm_bb.proto").read_text().replace("nnet1/rbm_bb.cmvn", str(GOLDEN / "rbm_bb.cmvn"))
    wanted = vars(read_nnet1(GOLDEN / "bb.init").components[0])["visible_bias"]
    assert torch.allclose(only(init(text)).visible_bias, wanted, atol=1e-6)


def test_means_of_0_and_1_are_kept_inside(init, tmp_path):
    write_nnet1(tmp_path / "cmvn", Nnet1([AddShift(torch.tensor([0.0, -1.0]))]))
    line = f"<Rbm> <InputDim> 2 <OutputDim> 2 <VisibleType> bern <HiddenType> bern <VisibleBiasCmvnFilename> {tmp_path}/cmvn"
    assert only(init(line)).visible_bias.tolist() == pytest.approx(
        [np.log(1e-4 / 0.9999), np.log(0.9999 / 1e-4)], rel=1e-4
    )


AFFINE = "<AffineTransform> <InputDim> 3 <OutputDim> 2"
BERN = "<VisibleType> bern <HiddenType> bern"
WRONG = {
    "<Dropout> <InputDim> 3 <OutputDim> 3": "found '<Dropout>'; expected <Splice> <AddShift>",
    "<Sigmoid> <OutputDim> 3 <InputDim> 3": "found '<OutputDim>'; expected <InputDim>",
    "<Sigmoid> <InputDim> three <OutputDim> 3": "found 'three'; expected a whole number from 1",
    "<Sigmoid> <InputDim> 3": "the line ends too early; expected <OutputDim>",
    "<Sigmoid> <InputDim> 3 <OutputDim> 4": "found '<OutputDim> 4'; expected 3, the <InputDim>",
    "<Sigmoid> <InputDim> 3 <OutputDim> 3 <MaxNorm> 1": "found '<MaxNorm>'; expected nothing more",
    f"{AFFINE} <ParamStdev> 0.1": "found '<ParamStdev>'; expected <ParamStddev> <BiasMean> <BiasRange>",
    f"{AFFINE} <ParamStddev> x": "found 'x'; expected a number",
    f"{AFFINE} <ParamStddev>": "the line ends too early; expected a number",
    f"{AFFINE} <BiasMean> inf": "found 'inf'; expected a number",
    "<AffineTransform> <InputDim> 100000 <OutputDim> 100000": f"expected at most {MAX_NUMBERS} numbers of one component",
    "<Splice> <InputDim> 3 <OutputDim> 9 <BuildVector> -1:2 </BuildVector>": "found '4 offsets of 3 numbers and <OutputDim> 9'",
    "<Splice> <InputDim> 3 <OutputDim> 9 <BuildVector> 1:-1 </BuildVector>": "found '1:-1'; expected FIRST, FIRST:LAST or",
    "<Splice> <InputDim> 3 <OutputDim> 9 <BuildVector> -1:1": "the line ends too early; expected </BuildVector>",
    "<Splice> <InputDim> 3 <OutputDim> 9 <Offsets> -1:1": "found '<Offsets>'; expected <ReadVector> or <BuildVector>",
    "<Splice> <InputDim> 3 <OutputDim> 9 <ReadVector> -1 0 1 ]": "found '-1'; expected [",
    "<Rbm> <InputDim> 3 <OutputDim> 2 <VisibleType> relu <HiddenType> bern": "found 'relu'; expected <VisibleType> bern or",
    "<Rbm> <InputDim> 3 <OutputDim> 2 <VisibleType> bern": "the line ends too early; expected <HiddenType> bern or",
    f"<Rbm> <InputDim> 3 <OutputDim> 2 {BERN} <VisibleBiasCmvnFilename> {GOLDEN}/rbm_bb.cmvn": "begins with <AddShift> of 3",
    f"<Rbm> <InputDim> 3 <OutputDim> 2 {BERN} <VisibleBiasCmvnFilename>": "expected a word behind <VisibleBiasCmvnFilename>",
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named_with_its_token(init, line):
    with pytest.raises(InputError) as caught:
        init(f"<NnetProto>\n<Splice> <InputDim> 3 <OutputDim> 3 <BuildVector> 0 </BuildVector>\n{line}\n")
    assert "proto:3: " in str(caught.value)
    assert WRONG[line] in str(caught.value)
    assert "mend the line" in str(caught.value)


def test_lines_that_do_not_fit_together(init):
    with pytest.raises(
        InputError, match=r"proto: component 2, <Sigmoid>, takes 3 numbers, component 1, <AffineTransform>, gives 2"
    ):
        init(f"{AFFINE}\n<Sigmoid> <InputDim> 3 <OutputDim> 3\n")
    assert isinstance(init("<Sigmoid> <InputDim> 3 <OutputDim> 3").components[0], Sigmoid)
