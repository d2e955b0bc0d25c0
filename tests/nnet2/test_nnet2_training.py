"""Training of nnet2's networks, and its programs; Kaldi's trajectories are among the golden rows."""

import copy

import numpy as np
import pytest
import torch
from some_nnet2 import DIM, PDFS, components, draw, encoded, example, parts, some_model, write_egs

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.cli.nnet2_to_nnet3 import main as to_nnet3
from houseblend.cli.nnet_adjust_priors import main as adjust_priors
from houseblend.cli.nnet_am_average import main as average
from houseblend.cli.nnet_am_compute import main as am_compute
from houseblend.cli.nnet_am_copy import main as am_copy
from houseblend.cli.nnet_am_fix import main as am_fix
from houseblend.cli.nnet_am_info import main as am_info
from houseblend.cli.nnet_am_mixup import main as am_mixup
from houseblend.cli.nnet_compute_from_egs import main as compute_from_egs
from houseblend.cli.nnet_compute_prob import main as compute_prob
from houseblend.cli.nnet_to_raw_nnet import main as to_raw
from houseblend.cli.nnet_train_simple import main as train_simple
from houseblend.cli.vector_sum import main as vector_sum
from houseblend.frames.nnet2_egs import read_nnet2_egs
from houseblend.io.tables import read_object, read_table, write_object, write_table
from houseblend.nnet.formats.nnet2 import read_nnet2, read_nnet2_model, write_nnet2_model
from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network
from houseblend.nnet.nnet2.components import AffineComponentPreconditionedOnline, FixedAffineComponent
from houseblend.nnet.nnet2.network import Nnet2
from houseblend.train.nnet2 import LogProb, Nnet2NaturalGradient, Nnet2Trainer, measure, minibatches
from houseblend.train.update.natural_gradient import OnlineNaturalGradient


def batch_of(network: Nnet2, count: int = 8):
    return next(minibatches([(f"e{number}", example()) for number in range(count)], network, count))


def gradients(network: Nnet2, batch) -> list[torch.Tensor]:
    """Of the weighted log probability by W and b of the trained components, by automatic differentiation."""
    network = copy.deepcopy(network)
    tensors = []
    for component in network.trained:
        component.linear.requires_grad_()
        component.bias.requires_grad_()
        tensors += [component.linear, component.bias]
    y = network.forward(batch.x)[:, 0]
    objective = (batch.weights * y[batch.rows, batch.pdfs].log()).sum()
    return list(torch.autograd.grad(objective, tensors))


def test_a_plain_step_is_rate_times_gradient():
    network = Nnet2(components(preconditioned=False, groups=True))
    before, batch, objective = copy.deepcopy(network), batch_of(network), LogProb()
    wanted = iter(gradients(network, batch))
    Nnet2Trainer(network).step(batch, objective)
    for old, new in zip(before.trained, network.trained, strict=True):
        for name in ("linear", "bias"):
            change = getattr(new, name) - getattr(old, name)
            torch.testing.assert_close(change, old.learning_rate * next(wanted), rtol=1e-3, atol=1e-6)
    y = before.forward(batch.x)[:, 0]
    assert objective.log_prob == pytest.approx(float((batch.weights * y[batch.rows, batch.pdfs].log()).sum()), rel=1e-5)
    assert objective.weight == pytest.approx(float(batch.weights.sum()))
    tanh = parts(network)[7]
    assert tanh.count == 8
    softmax = parts(network)[9]
    assert float(softmax.value_sum.sum()) == pytest.approx(8.0, rel=1e-5)
    assert len(softmax.deriv_sum) == 0


@pytest.mark.parametrize("limit", [0.0, 1e-3, 1e3])
def test_a_preconditioned_step_is_that_of_both_sides_within_its_limit(limit):
    network = Nnet2(components())
    last = parts(network)[8]
    assert isinstance(last, AffineComponentPreconditionedOnline)
    last.max_change_per_sample, last.rank_in, last.rank_out, last.learning_rate = limit, 2, 3, 0.5
    before, batch = copy.deepcopy(last), batch_of(network)
    read = [batch.x]
    for component in network.components:
        read.append(component.forward(read[-1]))
    y = read[-1][:, 0]
    dy = torch.zeros_like(y).index_put_(
        (batch.rows, batch.pdfs), batch.weights / y[batch.rows, batch.pdfs], accumulate=True
    )
    dy = y * (dy - (y * dy).sum(1, keepdim=True))
    x1 = torch.cat([read[8][:, 0], torch.ones(8, 1)], dim=1)
    scale = float(Nnet2NaturalGradient(2, 1, 2000.0, alpha=4.0).precondition(x1))
    scale *= float(Nnet2NaturalGradient(3, 1, 2000.0, alpha=4.0).precondition(dy))
    rate = 0.5 * scale
    largest = rate * float((x1.norm(dim=1) * dy.norm(dim=1)).sum())
    if limit:
        rate *= min(1.0, 8 * limit / largest)
    Nnet2Trainer(network).step(batch, LogProb())
    torch.testing.assert_close(last.linear, before.linear + rate * dy.t() @ x1[:, :-1], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(last.bias, before.bias + rate * dy.t() @ x1[:, -1], rtol=1e-4, atol=1e-6)


def test_what_is_not_trained_stays():
    network = Nnet2(components())
    before = copy.deepcopy(network)
    Nnet2Trainer(network).step(batch_of(network), LogProb())
    fixed = [one for one in network.components if type(one) is FixedAffineComponent]
    torch.testing.assert_close(fixed[0].linear, parts(before)[1].linear, rtol=0, atol=0)
    assert not torch.equal(parts(network)[2].linear, parts(before)[2].linear)


def test_a_network_that_diverges_is_told():
    network = Nnet2(components(preconditioned=False))
    parts(network)[8].bias += torch.tensor([float("inf"), 0, 0, 0, 0])
    with pytest.raises(NotFiniteError, match="the log probability is"):
        Nnet2Trainer(network).step(batch_of(network), LogProb())


def test_the_first_updates_differ_from_those_of_nnet3():
    rng, period = np.random.default_rng(), 4
    rows = [torch.from_numpy(rng.normal(size=(16, 6)).astype(np.float32)) for _ in range(14)]

    def calls_that_update(kind: type) -> list[int]:
        side, changed, state = kind(3, period), [], {}
        for number, one in enumerate(rows):
            side.precondition(one.clone())
            if number and not np.array_equal(side.state()["w"], state["w"]):
                changed.append(number)
            state = side.state()
        return changed

    assert calls_that_update(Nnet2NaturalGradient) == [*range(1, 10), 13]
    assert calls_that_update(OnlineNaturalGradient) == [*range(1, 11)]


def test_examples_in_all_forms(tmp_path):
    one, several = example(), example()
    one.labels, several.labels = [(3, 1.0)], [(1, 0.5), (2, 0.25)]
    content = [encoded(one, "<Lab1>"), encoded(several, "<Lab2>"), encoded(several, "<Labels>")]
    (tmp_path / "egs.ark").write_bytes(b"".join(b"k%d " % number + data for number, data in enumerate(content)))
    found = dict(read_nnet2_egs(f"ark:{tmp_path}/egs.ark"))
    assert [found[key].labels for key in ("k0", "k1", "k2")] == [one.labels, several.labels, several.labels]
    np.testing.assert_array_equal(found["k1"].frames_TD, several.frames_TD)
    np.testing.assert_array_equal(found["k1"].window(3, 2), several.frames_TD[1:7])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"labels": [(PDFS, 1.0)]}, f"pdf {PDFS}; expected {DIM}, pdfs below {PDFS}"),
        ({"frames_TD": np.ones((9, DIM + 1), np.float32)}, f"{DIM + 1} numbers a frame"),
        ({"left_context": 2}, "2 frames before and 6 behind; expected at least 3 and 2"),
        ({"left_context": 7}, "7 frames before and 1 behind"),
    ],
)
def test_examples_of_another_network_are_refused(change, what):
    one = example()
    vars(one).update(change)
    with pytest.raises(InputError, match=rf"\[e7\].*{what}"):
        list(minibatches([("e7", one)], Nnet2(components()), 4))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model, features and examples."""
    monkeypatch.chdir(tmp_path)
    write_nnet2_model("0.mdl", some_model())
    write_egs(tmp_path / "egs.ark", [example() for _ in range(10)])
    with write_table("ark:feats.ark", "matrix") as write:
        write("a", draw(12, DIM).numpy())
        write("short", draw(4, DIM).numpy())
    return tmp_path


def test_training_and_measuring(folder, capsys):
    assert train_simple.main(["--minibatch-size=4", "--minibatches-per-phase=2", "0.mdl", "ark:egs.ark", "1.mdl"]) == 0
    said = capsys.readouterr().err
    assert said.count("Training objective function (this phase) is") == 2
    assert "Did backprop on" in said
    network = read_nnet2("1.mdl")
    assert parts(network)[7].count == 10
    assert compute_prob.main(["1.mdl", "ark:egs.ark"]) == 0
    printed = float(capsys.readouterr().out)
    found = measure(network, read_nnet2_egs("ark:egs.ark"))
    assert printed == pytest.approx(found.per_frame, rel=1e-4)
    assert 0 <= found.accuracy <= 1
    assert train_simple.main(["1.mdl", "ark:egs.ark", "2.mdl"]) == 0
    assert train_simple.main(["--zero-stats=false", "1.mdl", "ark:egs.ark", "3.mdl"]) == 0
    assert [parts(read_nnet2(name))[7].count for name in ("2.mdl", "3.mdl")] == [10, 20]
    (folder / "none.ark").write_bytes(b"")
    assert train_simple.main(["1.mdl", "ark:none.ark", "4.mdl"]) == 1
    assert compute_prob.main(["1.mdl", "ark:none.ark"]) == 1
    assert train_simple.main(["--minibatch-size=0", "1.mdl", "ark:egs.ark", "4.mdl"]) == 2
    assert not (folder / "4.mdl").exists()


def test_priors_and_outputs(folder, capsys):
    assert compute_from_egs.main(["0.mdl", "ark:egs.ark", "ark:post.ark"]) == 0
    rows = [values for key, values in read_table("ark:post.ark", "matrix")]
    assert [values.shape for values in rows] == [(1, PDFS)] * 10
    with write_table("ark:sums.ark", "vector") as write:
        for values in rows:
            write("global", values[0])
    assert vector_sum.main(["--binary=false", "ark:sums.ark", "post.vec"]) == 0
    assert adjust_priors.main(["0.mdl", "post.vec", "1.mdl"]) == 0
    priors = read_nnet2_model("1.mdl").priors
    np.testing.assert_allclose(priors, np.sum(rows, axis=(0, 1)) / 10, rtol=1e-5)
    assert (
        am_compute.main(["--divide-by-priors=true", "--apply-log=true", "1.mdl", "ark:feats.ark", "ark:out.ark"]) == 0
    )
    found, plain = dict(read_table("ark:out.ark", "matrix")), read_nnet2("0.mdl")
    feats = dict(read_table("ark:feats.ark", "matrix"))
    scaled = plain.compute(feats["a"]) / priors
    np.testing.assert_allclose(found["a"], np.log(scaled / scaled.sum(axis=1, keepdims=True)), atol=1e-5)
    assert am_compute.main(["--pad-input=false", "0.mdl", "ark:feats.ark", "ark:out.ark"]) == 0
    assert "skipped [short]: features of shape (4, 3)" in capsys.readouterr().err
    assert [(key, len(values)) for key, values in read_table("ark:out.ark", "matrix")] == [("a", 7)]
    assert am_compute.main(["--divide-by-priors=true", "0.mdl", "ark:feats.ark", "ark:none.ark"]) == 1
    write_object("bad.vec", "vector", np.ones(PDFS + 1, np.float32))
    assert adjust_priors.main(["0.mdl", "bad.vec", "2.mdl"]) == 1


def test_copies_and_other_models(folder, capsys):
    assert am_copy.main(["--learning-rate-factor=0.5", "0.mdl", "1.mdl"]) == 0
    assert am_info.main(["--print-learning-rates=true", "1.mdl"]) == 0
    assert capsys.readouterr().out == "0.005:0.01:0.015\n"
    assert am_copy.main(["--learning-rates=1:2:3", "--binary=false", "0.mdl", "2.mdl"]) == 0
    assert am_copy.main(["--learning-rate=7", "2.mdl", "3.mdl"]) == 0
    assert am_info.main(["2.mdl"]) == 0
    assert "learning-rate=3, rank-in=30" in capsys.readouterr().out
    assert [one.learning_rate for one in read_nnet2("3.mdl").trained] == [7.0] * 3
    assert am_copy.main(["--learning-rates=1:2", "0.mdl", "4.mdl"]) == 2
    assert average.main(["--weights=1:3", "0.mdl", "2.mdl", "4.mdl"]) == 0
    assert average.main(["--weights=1:x", "0.mdl", "2.mdl", "5.mdl"]) == 2
    assert average.main(["0.mdl"]) == 2
    assert to_raw.main(["--truncate=5", "0.mdl", "raw"]) == 0
    assert len(parts(read_nnet2("raw"))) == 5
    assert to_raw.main(["--truncate=0", "0.mdl", "raw2"]) == 2
    assert to_nnet3.main(["0.mdl", "nnet3.mdl"]) == 0
    assert to_nnet3.main(["--raw=true", "raw", "nnet3.raw"]) == 0
    assert len(read_acoustic_model("nnet3.mdl").network.components) == 8
    assert len(read_network("nnet3.raw").components) == 4
    assert train_simple.main(["0.mdl", "ark:egs.ark", "6.mdl"]) == 0
    assert am_mixup.main(["--num-mixtures=8", "--min-count=0.1", "6.mdl", "7.mdl"]) == 0
    assert parts(read_nnet2("7.mdl"))[-1].input_dim == 8
    assert am_fix.main(["--min-average-deriv=0.3", "6.mdl", "8.mdl"]) == 0
    assert "component 6: smaller weights for" in capsys.readouterr().err


def test_vectors_are_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables = {}
    for name, keys in (("x", "ab"), ("y", "ba"), ("z", "a")):
        tables[name] = {key: draw(3).numpy() for key in keys}
        with write_table(f"ark:{name}.ark", "vector") as write:
            for key, values in tables[name].items():
                write(key, values)
    assert vector_sum.main(["ark:x.ark", "ark:y.ark", "ark:sum.ark"]) == 0
    for key, values in read_table("ark:sum.ark", "vector"):
        np.testing.assert_allclose(values, tables["x"][key] + tables["y"][key], rtol=1e-6)
    assert vector_sum.main(["ark:x.ark", "ark:z.ark", "ark:sum.ark"]) == 0
    assert [key for key, _ in read_table("ark:sum.ark", "vector")] == ["a"]
    assert vector_sum.main(["--average=true", "ark:x.ark", "mean"]) == 0
    np.testing.assert_allclose(read_object("mean", "vector"), np.mean(list(tables["x"].values()), axis=0), rtol=1e-6)
    assert vector_sum.main(["mean", "mean", "twice"]) == 0
    np.testing.assert_allclose(read_object("twice", "vector"), 2 * read_object("mean", "vector"), rtol=1e-6)
    write_object("wide", "vector", np.ones(4, np.float32))
    assert vector_sum.main(["mean", "wide", "out"]) == 1
    assert vector_sum.main(["mean", "ark:x.ark", "out"]) == 2
    assert vector_sum.main(["ark:x.ark", "ark:y.ark", "out"]) == 2
