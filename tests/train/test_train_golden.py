"""Training, combination, priors and transforms against Kaldi's nnet3."""

import re
from pathlib import Path

import numpy as np
import pytest

from houseblend.frames.egs import read_egs
from houseblend.io.objects import open_input
from houseblend.nnet.network import Network
from houseblend.train.combine import average_posteriors
from houseblend.train.trainer import Trainer, UpdateRule
from houseblend.train.transform import LdaStats, lda_transform, mean_variance_transform
from houseblend.train.worker import WorkerTask, train_worker

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
EGS = f"ark:{GOLDEN}/train/egsA.ark"
RULES = {
    "m0": UpdateRule(max_param_change=0.0),
    "nong": UpdateRule(max_param_change=0.0),
    "m09": UpdateRule(momentum=0.9, max_param_change=0.0),
    "l2": UpdateRule(max_param_change=0.0, l2_regularize_factor=0.5),
    "maxch": UpdateRule(max_param_change=2.0),
}
CASES = [
    ("m0", 1),
    ("m0", 2),
    ("m0", 5),
    ("m0", 20),
    ("m09", 5),
    ("m09", 20),
    ("nong", 20),
    ("l2", 5),
    ("l2", 20),
    ("maxch", 5),
    ("maxch", 20),
]


def golden(name: str) -> str:
    """A network, from wherever it is kept."""
    return str(next(place for folder in ("train", "nnet") if (place := GOLDEN / folder / f"A_{name}.raw").exists()))


def first_minibatches(count: int, tmp_path: Path) -> str:
    """An archive of the first minibatches."""
    data = (GOLDEN / "train" / "egsA.ark").read_bytes()
    starts = [found.start() for found in re.finditer(rb"\S+ \0B<Nnet3Eg>", data)] + [len(data)]
    (tmp_path / "egs.ark").write_bytes(data[: starts[count]])
    return f"ark:{tmp_path}/egs.ark"


@pytest.mark.parametrize(("family", "count"), CASES)
def test_trajectories_are_nnet3s(family, count, tmp_path):
    task = WorkerTask(
        golden(f"{family}_0"), first_minibatches(count, tmp_path), f"{tmp_path}/out.raw", rule=RULES[family]
    )
    report = train_worker(task)
    mine, its = Network.read(tmp_path / "out.raw").parameters, Network.read(golden(f"{family}_{count}")).parameters
    for spec, values in mine.items("parameter"):
        gap = float((values - its[spec.name]).abs().max())
        assert gap <= (1e-4 if count <= 5 else 1e-3), spec.name
    assert report["minibatches"] == count
    assert report["frames"] <= 32 * count


def test_a_plain_affine_network_is_the_natural_one_told_to_use_sgd(tmp_path):
    egs = first_minibatches(5, tmp_path)
    for name, start, rule in (
        ("a", "m0_0", UpdateRule(max_param_change=0, natural_gradient=False)),
        ("b", "nong_0", UpdateRule(max_param_change=0)),
    ):
        train_worker(WorkerTask(golden(start), egs, f"{tmp_path}/{name}.raw", rule=rule))
    a, b = (Network.read(tmp_path / f"{name}.raw").parameters for name in "ab")
    for (_, mine), (_, its) in zip(a.items("parameter"), b.items("parameter"), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-7)


def test_objective_and_accuracy_are_nnet3s(run_program):
    done = run_program("nnet3-compute-prob", golden("m0_20"), EGS, check=True)
    assert "log-probability for 'output' is -2.94526 per frame, over 632.5 frames" in done.stderr
    assert "accuracy for 'output' is 0.311462" in done.stderr


def test_the_combination_is_nnet3s(run_program, tmp_path):
    data = (GOLDEN / "train" / "egsA.ark").read_bytes()
    starts = [found.start() for found in re.finditer(rb"\S+ \0B<Nnet3Eg>", data)]
    (tmp_path / "last.ark").write_bytes(data[starts[-6] :])
    models = [golden(name) for name in ("m0_20", "m0_5", "m0_2")]
    done = run_program("nnet3-combine", *models, f"ark:{tmp_path}/last.ark", tmp_path / "out.raw", check=True)
    log = (GOLDEN / "train" / "A_comb.log").read_text()
    wanted = [float(x) for x in re.findall(r"(?:last model is|function is) (-[\d.]+)", log)]
    found = [float(x) for x in re.findall(r"(?:last model is|function is) (-[\d.]+)", done.stderr)]
    assert len(found) == 3
    assert found == pytest.approx(wanted, abs=1e-4)


def test_average_posteriors_are_nnet3s():
    with open_input(GOLDEN / "train" / "A_post.vec") as source:
        wanted = source.read_vector()
    np.testing.assert_allclose(average_posteriors(Network.read(golden("m0_20")), EGS), wanted, rtol=1e-4)


def test_the_lda_transform_is_kaldis(tmp_path):
    with open_input(GOLDEN / "train" / "A_lda.acc") as source:
        its = LdaStats.read(source)
    mine = LdaStats.gather(EGS, (5, 5), 62)
    np.testing.assert_allclose(mine.sums, its.sums, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(mine.second, its.second, rtol=1e-3, atol=1e-3 * np.abs(its.second).max())
    with open_input(GOLDEN / "train" / "A_lda.mat") as source:
        wanted = np.abs(source.read_matrix())
    np.testing.assert_allclose(np.abs(lda_transform(mine, 40)), wanted, rtol=1e-3, atol=1e-3 * wanted.max())


def test_the_mean_variance_transform_does_what_it_says():
    transform = mean_variance_transform(LdaStats.gather(EGS, (5, 5), 62))
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
    train_worker(
        WorkerTask(golden("m09_0"), f"ark:{tmp_path}/a.ark", first, rule=rule, sidecar_out=f"{tmp_path}/a.npz")
    )
    train_worker(WorkerTask(first, f"ark:{tmp_path}/b.ark", second, rule=rule, sidecar_in=f"{tmp_path}/a.npz"))
    train_worker(WorkerTask(golden("m09_0"), f"ark:{tmp_path}/ab.ark", whole, rule=rule))
    gap = Network.read(second).parameters.flat - Network.read(whole).parameters.flat
    assert float(gap.abs().max()) < 1e-6


def test_a_broken_side_car_is_refused(run_program, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4 nothing")
    done = run_program("nnet3-train", f"--sidecar-in={tmp_path}/bad.npz", golden("m0_0"), EGS, tmp_path / "out.raw")
    assert done.status == 1
    assert "bad.npz: no side-car" in done.stderr


def test_training_that_leaves_the_finite_numbers_writes_nothing(run_program, tmp_path):
    words = ["--learning-rate=1e30", "--max-param-change=0", golden("nong_0"), EGS, tmp_path / "out.raw"]
    done = run_program("nnet3-train", *words)
    assert done.status == 1
    assert "lower the learning rate" in done.stderr
    assert not (tmp_path / "out.raw").exists()


def test_prefetching_changes_nothing(tmp_path):
    """The gather beside the training gives the same bits as the minibatches one by one."""
    network = Network.read(golden("m0_0"))
    trainer = Trainer(network, RULES["m0"])
    from houseblend.train.examples import read_minibatches

    for batch in list(read_minibatches(EGS, (5, 5), 32)):
        trainer.step(batch)
    train_worker(WorkerTask(golden("m0_0"), EGS, f"{tmp_path}/out.raw", rule=RULES["m0"]))
    assert Network.read(tmp_path / "out.raw").parameters.hash() == network.parameters.hash()
