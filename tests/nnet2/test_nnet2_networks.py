"""Networks of nnet2: outputs and derivatives, files, conversion, edits; Kaldi's are among the golden rows."""

import numpy as np
import pytest
import torch
from some_nnet2 import DIM, PDFS, components, draw, parts, some_model

from houseblend.base.errors import InputError, NotFiniteError, UsageError
from houseblend.nnet.compute import compute
from houseblend.nnet.formats.nnet2 import read_nnet2, read_nnet2_model, write_nnet2, write_nnet2_model
from houseblend.nnet.nnet2.components import (
    AffineComponent,
    FixedAffineComponent,
    NormalizeComponent,
    SoftmaxComponent,
    SpliceComponent,
    SumGroupComponent,
    TanhComponent,
)
from houseblend.nnet.nnet2.convert import model_to_nnet3, to_nnet3
from houseblend.nnet.nnet2.edits import averaged, mended, mixed_up
from houseblend.nnet.nnet2.network import Nnet2, Nnet2Model
from houseblend.nnet.nnet2.options import FixOptions, MixupOptions


def test_outputs_are_those_of_the_formulas():
    network = Nnet2(components(groups=True))
    _, fixed, first, _, _, _, second, _, last, _, _ = parts(network)
    x = draw(12, DIM).double().numpy()
    assert (network.left_context, network.right_context) == (3, 2)
    found = network.compute(x.astype(np.float32), padded=False)
    assert found.shape == (7, PDFS)

    def affine(component, rows):
        return component.linear.double().numpy() @ rows + component.bias.double().numpy()

    def hidden(t):
        norms = np.linalg.norm(
            affine(first, affine(fixed, np.concatenate([x[t - 2], x[t], x[t + 1]]))).reshape(3, 2), axis=1
        )
        return norms / np.sqrt((norms**2).mean())

    for t in range(3, 10):
        scores = affine(last, np.tanh(affine(second, np.concatenate([hidden(t - 1), hidden(t + 1)]))))
        shares = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(found[t - 3], np.add.reduceat(shares, [0, 1, 4, 5, 6]), rtol=1e-4, atol=1e-6)
    padded = network.compute(x.astype(np.float32))
    assert len(padded) == 12
    np.testing.assert_allclose(padded[3:-2], found, rtol=1e-5)


@pytest.mark.parametrize("features", [draw(5, DIM), draw(8, DIM + 1)])
def test_features_that_do_not_fit_are_refused(features):
    with pytest.raises(InputError, match="features of shape"):
        Nnet2(components()).compute(features.numpy(), padded=False)


def test_derivatives_are_those_of_automatic_differentiation():
    network = Nnet2(components(groups=True))
    for component in network.components:
        if isinstance(component, FixedAffineComponent):
            component.linear, component.bias = component.linear.double(), component.bias.double()
    x = draw(2, 8, DIM).double().requires_grad_()
    read = [x]
    for component in network.components:
        read.append(component.forward(read[-1]))
    weights = draw(*read[-1].shape).double()
    wanted = torch.autograd.grad((weights * read[-1]).sum(), read[:-1])
    dy = weights
    with torch.no_grad():
        for number, component in reversed(list(enumerate(network.components))):
            dy = component.backward(read[number + 1], dy)
            torch.testing.assert_close(dy, wanted[number], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("binary", [True, False])
def test_files_are_read_as_they_were_written(binary, tmp_path):
    model = some_model(priors=True)
    softmax = parts(model.network)[-1]
    softmax.value_sum, softmax.count = draw(PDFS).abs(), 12.5
    parts(model.network)[2].rank_in = 7
    write_nnet2_model(tmp_path / "a.mdl", model, binary)
    again = read_nnet2_model(tmp_path / "a.mdl")
    write_nnet2_model(tmp_path / "b.mdl", again, binary)
    assert (tmp_path / "a.mdl").read_bytes() == (tmp_path / "b.mdl").read_bytes()
    assert parts(again.network)[2].rank_in == 7
    x = draw(9, DIM).numpy()
    np.testing.assert_allclose(
        read_nnet2(tmp_path / "a.mdl").compute(x), model.network.compute(x), rtol=1e-4, atol=1e-6
    )
    write_nnet2(tmp_path / "raw", Nnet2(components(preconditioned=False, groups=True)), binary)
    assert isinstance(parts(read_nnet2(tmp_path / "raw"))[2], AffineComponent)


def test_old_files_have_a_rank_and_contexts(tmp_path):
    text = """<Nnet> <NumComponents> 2 <Components> <SpliceComponent> <InputDim> 1 <LeftContext> 1 <RightContext> 2
 <ConstComponentDim> 0 </SpliceComponent> <AffineComponentPreconditionedOnline> <LearningRate> 0.1
 <LinearParams> [ 1 2 3 4 ] <BiasParams> [ 5 ] <Rank> 2 <NumSamplesHistory> 100 <Alpha> 1 <MaxChangePerSample> 0
 </AffineComponentPreconditionedOnline> </Components> </Nnet> """
    (tmp_path / "raw").write_text(text)
    splice, affine = parts(read_nnet2(tmp_path / "raw"))
    assert splice.context == (-1, 0, 1, 2)
    assert (affine.rank_in, affine.rank_out, affine.update_period) == (2, 2, 1)


def test_networks_that_do_not_fit_together_are_refused():
    with pytest.raises(InputError, match="a network without components"):
        Nnet2([])
    with pytest.raises(
        InputError, match=r"component 1, SoftmaxComponent, takes 4 numbers, component 0, TanhComponent, gives 3"
    ):
        Nnet2([TanhComponent(3), SoftmaxComponent(4)])
    with pytest.raises(NotFiniteError, match="bias of component 0"):
        Nnet2([FixedAffineComponent(draw(2, 2), torch.tensor([0.0, float("nan")]))])
    with pytest.raises(InputError, match="5 outputs and 2 priors; expected 5, the pdfs"):
        Nnet2Model(some_model().transition_model, Nnet2(components()), np.ones(2, np.float32))


def test_a_network_of_nnet3_gives_the_logarithm():
    model = some_model(priors=True)
    converted, x = model_to_nnet3(model), draw(20, DIM).numpy()
    np.testing.assert_allclose(compute(converted.network, x), np.log(model.network.compute(x)), atol=1e-4)
    np.testing.assert_array_equal(converted.priors, model.priors)
    names = [component.name for component in converted.network.components]
    assert names == [
        "transform", "hidden1.affine", "hidden1.pnorm", "hidden1.renorm", "hidden2.affine", "hidden2.tanh", "output.affine",
        "output.log-softmax",
    ]  # fmt: skip
    first, source = parts(converted.network)[1], parts(model.network)[2]
    assert (first.rank_in, first.rank_out, first.learning_rate) == (
        source.rank_in,
        source.rank_out,
        source.learning_rate,
    )
    assert (first.alpha_in, first.update_period) == (source.alpha, source.update_period)
    plain = to_nnet3(Nnet2(components(preconditioned=False)))
    assert parts(plain)[1].kind == "AffineComponent"


def test_what_has_no_like_in_nnet3_is_named():
    with pytest.raises(InputError, match="component 9, SoftmaxComponent, has no like"):
        to_nnet3(Nnet2(components(groups=True)))
    with pytest.raises(InputError, match="component 0, SumGroupComponent, has no like"):
        to_nnet3(Nnet2([SumGroupComponent((1, 2)), TanhComponent(2)]))
    with pytest.raises(InputError, match="component 1, SpliceComponent, has no like"):
        to_nnet3(Nnet2([SpliceComponent(3, (-1, 0, 1)), SpliceComponent(9, (0, 1)), TanhComponent(18)]))


def test_a_mean_has_the_weighted_sums():
    networks = [Nnet2(components()) for _ in range(3)]
    for number, network in enumerate(networks, start=1):
        parts(network)[7].update_statistics(draw(2, number, 4).tanh())
    weights = [0.5, 0.2, 0.3]
    mean = averaged(networks, weights)
    for number in (2, 6, 8):
        wanted = sum(w * parts(one)[number].linear.double() for w, one in zip(weights, networks, strict=True))
        torch.testing.assert_close(parts(mean)[number].linear.double(), wanted, rtol=1e-5, atol=1e-6)
    sums = sum(w * parts(one)[7].deriv_sum for w, one in zip(weights, networks, strict=True))
    torch.testing.assert_close(parts(mean)[7].deriv_sum, sums)
    assert parts(mean)[7].count == pytest.approx(2 * (0.5 + 0.4 + 0.9))
    assert len(parts(networks[0])[7].value_sum) == 4
    skipped = averaged(networks, weights, skip_last_layer=True)
    torch.testing.assert_close(parts(skipped)[8].linear, parts(networks[0])[8].linear)
    torch.testing.assert_close(parts(skipped)[6].linear, parts(mean)[6].linear)
    with pytest.raises(InputError, match="other components"):
        averaged([networks[0], Nnet2(components(groups=True))], [0.5, 0.5])


def test_mixing_up_without_moves_keeps_the_outputs():
    network, x = Nnet2(components()), draw(10, DIM).numpy()
    with pytest.raises(InputError, match="no counts in the softmax"):
        mixed_up(network, MixupOptions(num_mixtures=9))
    parts(network)[-1].value_sum = torch.tensor([1000.0, 1.0, 100.0, 10.0, 500.0])
    mixed = mixed_up(network, MixupOptions(num_mixtures=9, min_count=1.0, perturb_stddev=0.0))
    groups = parts(mixed)[-1]
    assert sum(groups.sizes) == 9
    assert groups.sizes[0] == max(groups.sizes)
    assert groups.sizes[1] == 1
    np.testing.assert_allclose(mixed.compute(x), network.compute(x), rtol=1e-4, atol=1e-6)
    assert parts(mixed)[-2].value_sum.sum() == pytest.approx(1611.0)
    moved = mixed_up(mixed, MixupOptions(num_mixtures=12, min_count=1.0))
    assert sum(parts(moved)[-1].sizes) == 12
    assert 0 < np.abs(moved.compute(x) - network.compute(x)).max() < 0.1
    with pytest.raises(InputError, match="no softmax to mix up"):
        mixed_up(Nnet2([*components()[:5], TanhComponent(3)]), MixupOptions())


def test_mending_scales_rows_by_mean_derivatives():
    network = Nnet2(components())
    tanh, affine = parts(network)[7], parts(network)[6]
    tanh.deriv_sum, tanh.value_sum, tanh.count = torch.tensor([5.0, 1.0, 50.0, 90.0]), torch.zeros(4), 100.0
    mended_one, told = mended(network, FixOptions(0.1, 0.75, 1.5))
    factor = torch.tensor([1 / 1.5, 1 / 1.5, 1.0, 0.9 / 0.75])
    torch.testing.assert_close(parts(mended_one)[6].linear, affine.linear * factor[:, None])
    torch.testing.assert_close(parts(mended_one)[6].bias, affine.bias * factor)
    assert told == [(6, 2, 1)]
    with pytest.raises(UsageError, match="--min-average-deriv=0.8"):
        FixOptions(min_average_deriv=0.8)


def test_statistics_of_a_normalisation_stay():
    normalise = NormalizeComponent(4)
    normalise.update_statistics(draw(2, 1, 4))
    assert (len(normalise.value_sum), normalise.count) == (0, 0.0)
