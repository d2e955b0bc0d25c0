"""Training, combination, priors and transforms against Kaldi's nnet3."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.base.seeds import seed_of
from houseblend.frames.egs import read_egs
from houseblend.gmm.lda import LdaStats, lda_transform, mean_variance_transform
from houseblend.gmm.options import InputTransformOptions
from houseblend.io.objects import open_input
from houseblend.nnet import products
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.train.combine import average_posteriors
from houseblend.train.examples import read_minibatches
from houseblend.train.file_to_file import train_file
from houseblend.train.objective import evaluate
from houseblend.train.options import TrainOptions
from houseblend.train.trainer import Trainer
from houseblend.train.transform import gather_lda_stats
from houseblend.train.update.rule import UpdateRule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden_whole"))
from kaldi_noise import trajectory_tolerance

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
EGS = f"ark:{GOLDEN}/train/egsA.ark"
RULES = {
    "m0": UpdateRule(max_param_change=0.0),
    "nong": UpdateRule(max_param_change=0.0),
    "m09": UpdateRule(momentum=0.9, max_param_change=0.0),
    "l2": UpdateRule(max_param_change=0.0, l2_regularize_factor=0.5),
    "maxch": UpdateRule(max_param_change=2.0),
    "bs": UpdateRule(max_param_change=0.0, backstitch_training_scale=0.3),
}
CASES = [
    ("A", "m0", 1),
    ("A", "m0", 2),
    ("A", "m0", 5),
    ("A", "m0", 20),
    ("A", "m09", 5),
    ("A", "m09", 20),
    ("A", "nong", 20),
    ("A", "l2", 5),
    ("A", "l2", 20),
    ("A", "maxch", 5),
    ("A", "maxch", 20),
    ("A", "bs", 20),
    ("B", "m0", 2),
    ("B", "m0", 5),
    ("B", "m0", 20),
    ("B", "m09", 20),
    ("B", "nong", 20),
]


def golden(name: str, net: str = "A") -> str:
    """A network, from wherever it is kept."""
    if name == "bs_0" or (net, name) == ("B", "m09_0"):
        name = "m0_0"  # the same bytes
    return str(next(place for folder in ("train", "nnet") if (place := GOLDEN / folder / f"{net}_{name}.raw").exists()))


def first_minibatches(count: int, tmp_path: Path, net: str = "A") -> str:
    """An archive of the first minibatches; of the last ones if the count is negative."""
    data = (GOLDEN / "train" / f"egs{net}.ark").read_bytes()
    starts = [found.start() for found in re.finditer(rb"\S+ \0B<Nnet3Eg>", data)] + [len(data)]
    (tmp_path / "egs.ark").write_bytes(data[: starts[count]] if count > 0 else data[starts[count - 1] :])
    return f"ark:{tmp_path}/egs.ark"


@pytest.mark.parametrize(("net", "family", "count"), CASES)
def test_trajectories_are_nnet3s(net, family, count, tmp_path):
    egs = first_minibatches(count, tmp_path, net)
    report = train_file(golden(f"{family}_0", net), egs, f"{tmp_path}/out.raw", RULES[family])
    mine, its = (read_network(path) for path in (tmp_path / "out.raw", golden(f"{family}_{count}", net)))
    tolerance = trajectory_tolerance(f"nnet3/{net}_{family}_{count}")
    for spec, values in mine.parameters.items("parameter"):
        gap = float((values - its.parameters[spec.name]).abs().max())
        assert gap <= tolerance, spec.name
    for norm, wanted in zip(mine.batch_norms(), its.batch_norms(), strict=True):
        assert norm.count.value == pytest.approx(wanted.count.value, rel=1e-6)
        assert torch.allclose(norm.mean, wanted.mean, atol=tolerance, rtol=tolerance)
        assert torch.allclose(norm.variance, wanted.variance, atol=tolerance, rtol=tolerance)
    assert report["minibatches"] == count
    assert report["frames"] <= 64 * count


def test_a_plain_affine_network_is_the_natural_one_told_to_use_sgd(tmp_path):
    egs = first_minibatches(5, tmp_path)
    for name, start, rule in (
        ("a", "m0_0", UpdateRule(max_param_change=0, update="sgd")),
        ("b", "nong_0", UpdateRule(max_param_change=0)),
    ):
        train_file(golden(start), egs, f"{tmp_path}/{name}.raw", rule)
    a, b = (read_network(tmp_path / f"{name}.raw").parameters for name in "ab")
    for (_, mine), (_, its) in zip(a.items("parameter"), b.items("parameter"), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-7)


@pytest.mark.parametrize(
    ("net", "wanted"),
    [("A", ("-2.94526 per frame, over 632.5", "0.311462")), ("B", ("-3.24106 per frame, over 1221", "0.317772"))],
)
def test_objective_and_accuracy_are_nnet3s(net, wanted, run_program):
    egs = GOLDEN / "train" / f"egs{net}.ark"
    done = run_program("nnet3-compute-prob", golden("m0_20", net), f"ark:{egs}", check=True)
    assert f"log-probability for 'output' is {wanted[0]} frames" in done.stderr
    assert f"accuracy for 'output' is {wanted[1]}" in done.stderr


@pytest.mark.parametrize("net", ["A", "B"])
def test_the_combination_is_nnet3s(net, run_program, tmp_path):
    egs = first_minibatches(-6, tmp_path, net)
    models = [golden(name, net) for name in ("m0_20", "m0_5", "m0_2")]
    done = run_program("nnet3-combine", *models, egs, tmp_path / "out.raw", check=True)
    log = (GOLDEN / "train" / f"{net}_comb.log").read_text()
    wanted = [float(x) for x in re.findall(r"(?:last model is|function is) (-[\d.]+)", log)]
    found = [float(x) for x in re.findall(r"(?:last model is|function is) (-[\d.]+)", done.stderr)]
    assert len(found) == 3
    assert found == pytest.approx(wanted, abs=1e-4)
    if net == "B":
        norms, its = (read_network(path).batch_norms() for path in (tmp_path / "out.raw", golden("comb", "B")))
        for norm, other in zip(norms, its, strict=True):
            assert norm.count.value == other.count.value
            assert torch.allclose(norm.mean, other.mean, rtol=1e-4, atol=1e-5)
            assert torch.allclose(norm.variance, other.variance, rtol=1e-4)


@pytest.mark.parametrize(("net", "folder"), [("A", "train"), ("B", "nnet")])
def test_average_posteriors_are_nnet3s(net, folder):
    with open_input(GOLDEN / folder / f"{net}_post.vec") as source:
        wanted = source.read_vector()
    found = average_posteriors(read_network(golden("m0_20", net)), f"ark:{GOLDEN}/train/egs{net}.ark")
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_simple_natural_gradient_trains(tmp_path):
    """Each update on its own way, and simple-ng too gets better than the start."""
    networks = {}
    for update in ("ng", "simple-ng", "sgd"):
        rule = UpdateRule(max_param_change=2.0, update=update)
        train_file(golden("m0_0"), EGS, f"{tmp_path}/{update}.raw", rule)
        networks[update] = read_network(tmp_path / f"{update}.raw")
    start = evaluate(read_network(golden("m0_0")), read_minibatches(EGS, (5, 5), 32)).per_frame
    assert evaluate(networks["simple-ng"], read_minibatches(EGS, (5, 5), 32)).per_frame > start + 0.5
    for other in ("ng", "sgd"):
        assert not torch.equal(networks["simple-ng"].parameters.flat, networks[other].parameters.flat)


def test_the_lda_transform_is_kaldis(tmp_path):
    with open_input(GOLDEN / "train" / "A_lda.acc") as source:
        its = LdaStats.read(source)
    mine = gather_lda_stats(EGS, (5, 5), 62)
    np.testing.assert_allclose(mine.sums, its.sums, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(mine.second, its.second, rtol=1e-3, atol=1e-3 * np.abs(its.second).max())
    with open_input(GOLDEN / "train" / "A_lda.mat") as source:
        wanted = np.abs(source.read_matrix())
    np.testing.assert_allclose(
        np.abs(lda_transform(mine, InputTransformOptions(dim=40))), wanted, rtol=1e-3, atol=1e-3 * wanted.max()
    )


def test_the_mean_variance_transform_does_what_it_says():
    transform = mean_variance_transform(gather_lda_stats(EGS, (5, 5), 62))
    rows, weights = [], []
    for example in read_egs(EGS):
        rows.append(example.x_NWD.reshape(len(example.x_NWD), -1)[example.rows])
        weights.append(example.weights)
    x = np.concatenate(rows).astype(np.float64) @ transform[:, :-1].T + transform[:, -1]
    w = np.concatenate(weights)[:, None] / np.concatenate(weights).sum()
    np.testing.assert_allclose((w * x).sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose((w * x**2).sum(axis=0), 1, atol=1e-3)


def test_a_side_car_goes_on_where_training_stopped(tmp_path):
    rule = UpdateRule(momentum=0.9, max_param_change=0.0)
    data = (GOLDEN / "train" / "egsA.ark").read_bytes()
    starts = [found.start() for found in re.finditer(rb"\S+ \0B<Nnet3Eg>", data)]
    (tmp_path / "a.ark").write_bytes(data[: starts[3]])
    (tmp_path / "b.ark").write_bytes(data[starts[3] : starts[6]])
    (tmp_path / "ab.ark").write_bytes(data[: starts[6]])
    first, second, whole = f"{tmp_path}/a.raw", f"{tmp_path}/b.raw", f"{tmp_path}/ab.raw"
    train_file(golden("m09_0"), f"ark:{tmp_path}/a.ark", first, rule, TrainOptions(sidecar_out=f"{tmp_path}/a.npz"))
    train_file(first, f"ark:{tmp_path}/b.ark", second, rule, TrainOptions(sidecar_in=f"{tmp_path}/a.npz"))
    train_file(golden("m09_0"), f"ark:{tmp_path}/ab.ark", whole, rule)
    mine, its = read_network(second).parameters, read_network(whole).parameters
    for spec, values in mine.items("parameter"):
        assert float((values - its[spec.name]).abs().max()) < 1e-6


def test_backstitch_and_momentum_do_not_go_together(run_program, tmp_path):
    words = ["--momentum=0.5", "--backstitch-training-scale=0.3", golden("m0_0"), EGS, tmp_path / "out.raw"]
    done = run_program("nnet3-train", *words)
    assert done.status == 2
    assert "--backstitch-training-scale=0.3 and --momentum=0.5; expected one of them to be 0" in done.stderr


def test_a_broken_side_car_is_refused(run_program, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4 nothing")
    done = run_program("nnet3-train", f"--sidecar-in={tmp_path}/bad.npz", golden("m0_0"), EGS, tmp_path / "out.raw")
    assert done.status == 1
    assert "bad.npz: no file of arrays that is whole" in done.stderr


def test_training_that_leaves_the_finite_numbers_writes_nothing(run_program, tmp_path):
    words = ["--learning-rate=1e30", "--max-param-change=0", golden("nong_0"), EGS, tmp_path / "out.raw"]
    done = run_program("nnet3-train", *words)
    assert done.status == 1
    assert "lower the learning rate" in done.stderr
    assert not (tmp_path / "out.raw").exists()


def test_prefetching_changes_nothing(tmp_path):
    """The gather beside the training gives the same bits as the minibatches one by one."""
    network = read_network(golden("m0_0"))
    trainer = Trainer(network, RULES["m0"], seed_of(0, "dropout", 0, 1, 0))
    for batch in list(read_minibatches(EGS, (5, 5), 32)):
        trainer.step(batch)
    train_file(golden("m0_0"), EGS, f"{tmp_path}/out.raw", RULES["m0"])
    assert read_network(tmp_path / "out.raw").parameters.hash() == network.parameters.hash()


@pytest.mark.parametrize("family", ["m0", "nong"])
def test_bfloat16_products_go_nearly_the_same_way(family, tmp_path):
    """The output layer's change in five minibatches is that of float32 to two percent; what is kept has all its bits."""
    egs = first_minibatches(5, tmp_path)
    before = read_network(golden(f"{family}_0")).parameters["out.affine.linear"]
    after = {}
    for dtype in ("float32", "bfloat16"):
        rule = replace(RULES[family], compute_dtype=dtype)
        train_file(golden(f"{family}_0"), egs, f"{tmp_path}/{dtype}.raw", rule)
        after[dtype] = read_network(tmp_path / f"{dtype}.raw").parameters["out.affine.linear"]
    gap = float((after["bfloat16"] - after["float32"]).norm() / (after["float32"] - before).norm())
    assert 0.0 < gap < 0.02
    assert not torch.equal(after["bfloat16"], after["bfloat16"].bfloat16().float())


def test_bfloat16_on_a_core_without_it_is_warned_of(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(products, "core_multiplies_bfloat16", lambda: False)
    for dtype in ("float32", "bfloat16"):
        rule = replace(RULES["m0"], compute_dtype=dtype)
        train_file(golden("m0_0"), first_minibatches(1, tmp_path), f"{tmp_path}/out.raw", rule)
        assert ("slower than float32" in capsys.readouterr().err) == (dtype == "bfloat16")


def test_an_unknown_type_of_products_is_refused(run_program, tmp_path):
    done = run_program("nnet3-train", "--compute-dtype=float16", golden("m0_0"), EGS, tmp_path / "out.raw")
    assert done.status == 2
    assert "'--compute-dtype': 'float16' is not one of 'float32', 'bfloat16'" in done.stderr
