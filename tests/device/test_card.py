"""On a card: what networks compute, how they train, and that the host waits for nothing; skipped where there is none."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden_whole"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "train"))
import matrix
from kaldi_noise import trajectory_tolerance
from test_optimizer import LAYERS, batch_for
from test_train_golden import CASES, RULES, first_minibatches, golden
from tiny import write_tiny_frames

from houseblend.base.errors import NotFiniteError
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.init import init_network
from houseblend.nnet.module import NetworkModule
from houseblend.nnet.network import Network
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.exchanges.virtual import VirtualExchange
from houseblend.train.combine import combine
from houseblend.train.examples import read_minibatches
from houseblend.train.file_to_file import train_file
from houseblend.train.objective import evaluate
from houseblend.train.options import TrainOptions
from houseblend.train.trainer import READ_EVERY, Trainer
from houseblend.train.update.rule import UpdateRule

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no card")

KINDS = ("relu", "sigmoid", "tanh", "relu-renorm", "relu-batchnorm", "relu-batchnorm-dropout", "pnorm")
SGD = UpdateRule(update="sgd", max_param_change=0.0)


def network_of(kind: str) -> Network:
    """Two hidden layers of a kind."""
    width = "dim=12 pnorm-input-dim=24" if kind == "pnorm" else "dim=24"
    drop = " dropout-proportion=0.2" if "dropout" in kind else ""
    hidden = [f"{kind}-layer name=h{n} {width}{drop}" for n in range(2)]
    hidden[0] += " input=Append(-2,0,2)"
    lines = ["input dim=9 name=input", *hidden, "output-layer name=output dim=7 param-stddev=0.3"]
    return init_network("\n".join([*lines, ""]), seed=1)


@contextmanager
def waits() -> Iterator[list[str]]:
    """Where the host waits for the card meanwhile."""
    found: list[str] = []
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield found
            found += [str(one.message) for one in told if "synchroniz" in str(one.message)]
    finally:
        torch.cuda.set_sync_debug_mode("default")


def trained(kind: str, rule: UpdateRule, device: str, steps: int = 12) -> Trainer:
    """A network that has seen the same minibatches wherever it is."""
    network = network_of(kind).to(device)
    network.set_learning_rate(0.005)
    trainer = Trainer(network, rule, seed=3)
    for number in range(steps):
        trainer.step(batch_for(network, number))
    trainer.check()
    return trainer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", [SGD, UpdateRule(momentum=0.5)], ids=["sgd", "ng"])
def test_steps_are_those_of_the_processor(kind, rule):
    here, there = (trained(kind, rule, device) for device in ("cpu", "cuda"))
    assert there.params.device.type == "cuda"
    torch.testing.assert_close(there.params.cpu(), here.params, rtol=1e-3, atol=2e-4)
    assert there.mean_objective == pytest.approx(here.mean_objective, abs=1e-4)


@pytest.mark.parametrize(("net", "family", "count"), CASES)
def test_trajectories_are_nnet3s(net, family, count, tmp_path):
    egs = first_minibatches(count, tmp_path, net)
    train_file(golden(f"{family}_0", net), egs, f"{tmp_path}/out.raw", RULES[family], TrainOptions(device="cuda"))
    mine, its = (read_network(path) for path in (tmp_path / "out.raw", golden(f"{family}_{count}", net)))
    tolerance = trajectory_tolerance(f"nnet3/{net}_{family}_{count}")
    for spec, values in mine.parameters.items("parameter"):
        assert float((values - its.parameters[spec.name]).abs().max()) <= tolerance, spec.name


def test_objective_and_combination_are_those_of_the_processor(tmp_path):
    egs = first_minibatches(-6, tmp_path)
    models = [golden(name) for name in ("m0_20", "m0_5", "m0_2")]
    here, there = (
        evaluate(combine(models, egs, device)[0], read_minibatches(egs, (5, 5), 64)) for device in ("cpu", "cuda")
    )
    assert there.per_frame == pytest.approx(here.per_frame, abs=1e-4)
    assert there.accuracy == pytest.approx(here.accuracy, abs=0.01)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_with_sgd_no_step_waits(dtype):
    trainer = trained("relu", replace(SGD, compute_dtype=dtype, max_param_change=1.0), "cuda", steps=READ_EVERY)
    batches = [batch_for(trainer.network, number) for number in range(20)]
    with waits() as found:
        for batch in batches:
            trainer.step(batch)
    assert found == []


def test_with_natural_gradient_the_host_waits_where_estimates_learn():
    trainer = trained("relu", UpdateRule(), "cuda", steps=READ_EVERY)
    batches = [batch_for(trainer.network, number) for number in range(20)]
    with waits() as found:
        for batch in batches:
            trainer.step(batch)
    # Every fourth minibatch; and rarely once more for an estimate whose rows are made orthonormal again.
    assert 5 <= len(found) <= 15, found


def test_a_number_that_is_not_finite_is_noticed():
    trainer = trained("relu", UpdateRule(), "cuda")
    bad = batch_for(trainer.network, 1)
    bad.x_NWD[0, 0, 0] = float("nan")
    trainer.step(bad)
    with pytest.raises(NotFiniteError, match="minibatch 12"):
        trainer.check()


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", seed=7)


BLENDED = [case for case in matrix.cases(only_once_a_round=False) if "keep" in case[0] or "groups" in case[0]]


@pytest.mark.parametrize("case", BLENDED, ids=[case[0] for case in BLENDED])
def test_every_strategy_trains_and_repeats_its_bits(case, frames, tmp_path):
    first, again = (matrix.train(frames, tmp_path / name, *case, LocalExchange(1), device="cuda") for name in "ab")
    assert first == again


CLOCK = VirtualExchange(Machine("1,2,1.5", 0.3, 0.1, 1e5))
PUSHED = [case for case in matrix.asynchronous_cases() if "keep" in case[0]]


@pytest.mark.parametrize("case", PUSHED, ids=[case[0] for case in PUSHED])
def test_every_asynchronous_strategy_too(case, frames, tmp_path):
    first, again = (matrix.train(frames, tmp_path / name, *case, CLOCK, device="cuda") for name in "ab")
    assert first == again


def test_outputs_are_those_of_the_processor():
    here, there = init_network(LAYERS, 1), init_network(LAYERS, 1).to("cuda")
    x = torch.randn(300, here.left_context + 1 + here.right_context, 5)
    mine, its = (network.forward(x.to(network.device)).cpu().clone() for network in (here, there))
    np.testing.assert_allclose(its, mine, rtol=1e-4, atol=1e-4)


def test_a_module_of_torch_moves_with_its_network():
    here, there = NetworkModule(init_network(LAYERS, 1)), NetworkModule(init_network(LAYERS, 1)).to("cuda")
    x = torch.randn(2, 30, 5)
    torch.testing.assert_close(there(x.cuda()).cpu(), here(x), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        for parameter in there.parameters():
            parameter.zero_()
    assert not there.network.parameters.trained.any()
