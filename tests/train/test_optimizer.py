"""The optimizer against its rule written out on flat vectors, what it remembers, and the mean of that."""

import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError, NotFiniteError, UsageError
from houseblend.nnet.init import init_network
from houseblend.train.examples import Minibatch
from houseblend.train.trainer import Trainer
from houseblend.train.update.memory import mean_memory
from houseblend.train.update.natural_gradient import OnlineNaturalGradient
from houseblend.train.update.rule import UpdateRule

LAYERS = """
input dim=5 name=input
relu-layer name=h1 dim=12 input=Append(-1,0,1)
pnorm-layer name=h2 dim=4 pnorm-input-dim=12
output-layer name=output dim=7 param-stddev=0.5
"""
TDNN = """
input-node name=input dim=5
component name=t type=TdnnComponent input-dim=5 output-dim=6 time-offsets=-1,1 use-bias=false {}
component-node name=t component=t input=input
component name=s type=LogSoftmaxComponent dim=6
component-node name=s component=s input=t
output-node name=output input=s
"""
PLAIN = UpdateRule(update="sgd", max_param_change=0.0)


def learner(rule, layers=LAYERS, seed=1, rate=0.01):
    network = init_network(layers, seed)
    network.set_learning_rate(rate)
    for component in network.updatable():
        component.max_change = 0.0
    return Trainer(network, rule)


def batch_for(network, seed, size=24):
    generator = torch.Generator().manual_seed(seed)
    width = network.left_context + 1 + network.right_context
    x = torch.randn(size, width, network.input_dim, generator=generator)
    pdfs = torch.randint(network.output_dim, (size,), generator=generator)
    return Minibatch(x, torch.arange(size), pdfs, torch.ones(size), seed, size)


def gradient(network, batch):
    """Of the objective summed over the minibatch, flat."""
    start = network.parameters.flat.clone()
    other = Trainer(network, PLAIN)
    for component in network.updatable():
        component.learning_rate = 1.0
    other.step(batch)
    found = (other.params - start[: len(other.params)]).double()
    network.set_parameters(start)
    network.set_learning_rate(0.01)
    return found


def change(trainer, batch, pull=None):
    before = trainer.params.clone()
    trainer.step(batch, pull)
    return (trainer.params - before).double()


@pytest.mark.parametrize(
    "rule", [PLAIN, replace(PLAIN, max_param_change=1e6), replace(PLAIN, l2_regularize_factor=0.0)]
)
@pytest.mark.parametrize("strength", [0.0, 0.7, 30.0])
def test_a_pull_is_the_gradient_of_its_term(rule, strength):
    trainer = learner(rule)
    batch, anchor = batch_for(trainer.network, 3), torch.randn_like(trainer.params)
    wanted = 0.01 * (gradient(trainer.network, batch) + strength * (anchor - trainer.params).double())
    assert torch.allclose(change(trainer, batch, (anchor, strength)), wanted, rtol=1e-4, atol=1e-6)


def test_a_pull_follows_the_learning_rate_of_each_component():
    trainer = learner(PLAIN)
    rates = {component.name: 0.01 * number for number, component in enumerate(trainer.network.updatable())}
    for component in trainer.network.updatable():
        component.learning_rate = rates[component.name]
    other = learner(PLAIN)
    for component in other.network.updatable():
        component.learning_rate = rates[component.name]
    batch, anchor = batch_for(trainer.network, 4), torch.randn_like(trainer.params)
    spans = trainer.network.parameters.layout.spans
    by_pull = (anchor - trainer.params).double()
    for name, span in spans.items():
        by_pull[span] *= rates[name] * 2.0
    found = change(trainer, batch, (anchor, 2.0)) - change(other, batch)
    assert torch.allclose(found, by_pull, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_momentum_and_a_pull_written_out(momentum):
    trainer = learner(replace(PLAIN, momentum=momentum))
    anchor, kept = torch.randn_like(trainer.params), torch.zeros_like(trainer.params).double()
    for number in range(4):
        batch = batch_for(trainer.network, number)
        kept = momentum * kept + 0.01 * (gradient(trainer.network, batch) + 0.5 * (anchor - trainer.params).double())
        assert torch.allclose(change(trainer, batch, (anchor, 0.5)), (1 - momentum) * kept, rtol=1e-4, atol=1e-6)


def test_a_pull_is_limited_with_the_change():
    trainer = learner(replace(PLAIN, max_param_change=0.25))
    found = change(trainer, batch_for(trainer.network, 5), (trainer.params + 100.0, 10.0))
    assert float(found.norm()) == pytest.approx(0.25, rel=1e-4)
    assert trainer.counts.max_change_global == 1


def test_backstitch_pulls_once():
    rule = replace(PLAIN, backstitch_training_scale=0.3)
    plain, pulled = learner(rule, rate=1e-4), learner(rule, rate=1e-4)
    anchor = pulled.params + 1000.0
    wanted = torch.full_like(anchor, 1e-4 * 2.0 * 1000.0).double()
    batch = batch_for(plain.network, 6)
    assert torch.allclose(change(pulled, batch, (anchor, 2.0)) - change(plain, batch), wanted, rtol=1e-3)


def test_parameters_may_be_overwritten_between_steps():
    first, second = learner(UpdateRule()), learner(UpdateRule())
    batches = [batch_for(first.network, number) for number in range(6)]
    for batch in batches[:3]:
        first.step(batch)
        second.step(batch)
    first.params.mul_(0.5)
    blended = second.params.clone() * 0.5
    second.params.copy_(blended)
    for batch in batches[3:]:
        assert first.step(batch) == second.step(batch)
    assert torch.equal(first.network.parameters.flat, second.network.parameters.flat)


@pytest.mark.parametrize("update", ["ng", "simple-ng"])
@pytest.mark.parametrize("layers", [LAYERS, TDNN.format("")], ids=["affine", "tdnn"])
def test_natural_gradient_ascends_on_its_own_way(update, layers):
    natural, plain = learner(replace(PLAIN, update=update), layers), learner(PLAIN, layers)
    batch = batch_for(natural.network, 1, 64)
    mine, its = change(natural, batch), change(plain, batch)
    for span in natural.network.parameters.layout.spans.values():
        assert float(mine[span] @ its[span]) > 0
        assert not torch.allclose(mine[span], its[span], rtol=1e-2)


def test_a_component_told_so_takes_the_plain_gradient():
    told = learner(replace(PLAIN, update="ng"), TDNN.format("use-natural-gradient=false"))
    batch = batch_for(told.network, 1)
    assert torch.equal(change(told, batch), change(learner(PLAIN, TDNN.format("")), batch))
    assert told.memory.arrays() == {}


RULES = [
    UpdateRule(),
    UpdateRule(momentum=0.9),
    UpdateRule(momentum=0.5, update="sgd"),
    UpdateRule(backstitch_training_scale=0.3),
]


@pytest.mark.parametrize("rule", RULES)
def test_memory_goes_on_with_the_same_bits(rule):
    whole, first, second = (learner(rule) for _ in range(3))
    batches = [batch_for(whole.network, number) for number in range(14)]
    for batch in batches[:9]:
        whole.step(batch)
        first.step(batch)
    arrays = first.memory.arrays()
    first.step(batches[9])  # what was taken out stays as it was
    second.params.copy_(whole.params)
    second.memory.load(arrays)
    for batch in batches[9:]:
        whole.step(batch)
        second.step(batch)
    assert torch.equal(whole.params, second.params)
    assert ("momentum" in arrays) == (rule.momentum > 0)
    assert any(key.startswith("ng/h1.affine/in.") for key in arrays) == (rule.update == "ng")


@pytest.mark.parametrize("rule", RULES)
def test_after_a_reset_an_optimizer_is_a_new_one(rule):
    used, new = learner(rule), learner(rule)
    for number in range(3):
        used.step(batch_for(used.network, number))
    used.memory.reset()
    assert all(key == "momentum" and not value.any() for key, value in used.memory.arrays().items())
    new.params.copy_(used.params)
    for number in range(3, 6):
        for trainer in (used, new):
            trainer.num_minibatches = number
            trainer.step(batch_for(trainer.network, number))
    assert torch.equal(used.params, new.params)


@pytest.mark.parametrize(
    "rule", [UpdateRule(), UpdateRule(momentum=0.5), PLAIN, UpdateRule(backstitch_training_scale=0.3)]
)
@pytest.mark.parametrize("where", ["parameters", "derivative"])
def test_a_learner_that_left_the_finite_numbers_begins_again_as_a_new_one(rule, where, monkeypatch):
    layers = LAYERS.replace("relu-layer", "relu-batchnorm-layer")
    trainer, fresh = learner(rule, layers), learner(rule, layers)
    start = fresh.params.clone()
    first, bad, later = (batch_for(trainer.network, seed) for seed in (1, 2, 3))
    trainer.step(first)
    if where == "parameters":
        trainer.params[5] = float("nan")
    else:
        bad = replace(bad, weights=torch.full_like(bad.weights, 3e38))
    with pytest.raises(NotFiniteError):
        for _ in range(2):
            trainer.step(bad)
        trainer.check()
    trainer.restart(start)
    trainer.num_minibatches = fresh.num_minibatches = 0
    for batch in (first, later):
        assert trainer.step(batch) == fresh.step(batch)
    assert torch.equal(trainer.params, fresh.params)
    assert trainer.network.parameters.not_finite() is None


def test_memory_of_something_else_is_refused():
    trainer = learner(UpdateRule(momentum=0.5))
    for number in range(2):
        trainer.step(batch_for(trainer.network, number))
    good = trainer.memory.arrays()
    assert good["momentum"].shape == trainer.params.shape
    w = good["ng/h1.affine/in.w"]
    bad = {
        "ng/nobody/in.w": np.zeros((1, 2)),
        "momentum": good["momentum"][1:],
        "something": np.zeros(3),
        "ng/h1.affine/in.w": w[:, 1:],
        "ng/h1.affine/in.d": -good["ng/h1.affine/in.d"],
        "ng/h1.affine/out.w": np.full_like(good["ng/h1.affine/out.w"], np.nan),
        "ng/h1.affine/out.more": np.zeros(1),
        "ng/h1.affine/in.rho": np.array("x"),
    }
    for key, value in bad.items():
        with pytest.raises(InputError, match=key.rpartition(".")[0] or key):
            trainer.memory.load({**good, key: value})
    with pytest.raises(InputError, match="no estimate"):
        trainer.memory.load({key: value for key, value in good.items() if key != "ng/h1.affine/in.rho"})
    for rule in (UpdateRule(), UpdateRule(momentum=0.5, update="sgd"), UpdateRule(momentum=0.5, update="simple-ng")):
        with pytest.raises(InputError, match="of another network or another update"):
            learner(rule).memory.load(good)
    trainer.memory.load(good)


def estimate(seed, dim, rank, scale=1.0, alpha=4.0):
    """What natural gradient remembers of rows of a few strong directions."""
    rng = np.random.default_rng(seed)
    mix = scale * rng.standard_normal((dim, dim)) * np.exp(-np.arange(dim) / 4)[:, None]
    ng = OnlineNaturalGradient(rank, alpha=alpha)
    for _ in range(12):
        ng.precondition(torch.from_numpy((rng.standard_normal((50, dim)) @ mix).astype(np.float32)))
    return {f"ng/c/in.{key}": value for key, value in ng.state().items()}


def fisher(memory, key="ng/c/in"):
    """R' diag(d) R + rho I and R, written out: W = E^(1/2) R, e = 1 / (beta / d + 1)."""
    w, d, rho, alpha = (np.asarray(memory[f"{key}.{name}"], np.float64) for name in ("w", "d", "rho", "alpha"))
    beta = rho * (1 + alpha) + alpha * d.sum() / w.shape[1]
    r = w * np.sqrt(beta / d + 1)[:, None]
    return r.T @ np.diag(d) @ r + rho * np.eye(w.shape[1]), r


@pytest.mark.parametrize(("dim", "rank", "workers"), [(24, 5, 2), (12, 6, 4), (40, 3, 7), (9, 8, 3)])
@pytest.mark.parametrize("alpha", [4.0, 1.0])
def test_the_mean_is_the_nearest_estimate_to_the_mean_fisher_matrix(dim, rank, workers, alpha):
    rng = np.random.default_rng()
    scales = np.exp(rng.standard_normal(workers))
    memories = [estimate(rng.integers(1 << 31), dim, rank, scale, alpha) for scale in scales]
    mean = mean_memory(memories)
    dense = np.mean([fisher(memory)[0] for memory in memories], axis=0)
    found, r = fisher(mean)
    values, vectors = np.linalg.eigh(dense)
    values, vectors = values[::-1], vectors[:, ::-1]
    rho = values[rank:].mean()
    floor = 5e-4 * values[0]
    kept = np.maximum(values[:rank] - rho, floor) * vectors[:, :rank]
    wanted = kept @ vectors[:, :rank].T + max(rho, floor) * np.eye(dim)
    assert np.linalg.norm(found - wanted) <= 2e-3 * np.linalg.norm(wanted)
    assert np.abs(r @ r.T - np.eye(rank)).max() < 1e-4
    if rho > floor and values[rank - 1] - rho > floor:
        assert np.trace(found) == pytest.approx(np.trace(dense), rel=1e-3)
    assert mean["ng/c/in.calls"] == 12
    assert mean["ng/c/in.w"].dtype == np.float32
    again = mean_memory(memories)
    assert all(np.array_equal(mean[key], again[key]) for key in mean)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_mean_of_equal_memories_is_that_memory(workers):
    memory = {**estimate(3, 10, 4), "momentum": np.random.default_rng().standard_normal(50).astype(np.float32)}
    mean = mean_memory([memory] * workers)
    assert set(mean) == set(memory)
    assert all(np.array_equal(mean[key], memory[key]) and mean[key].dtype == memory[key].dtype for key in memory)


def test_momentum_is_a_float64_mean_rounded_once():
    momenta = [np.random.default_rng().standard_normal(1000).astype(np.float32) * 10.0**n for n in range(-3, 4)]
    mean = mean_memory([{"momentum": momentum.astype(np.float32)} for momentum in momenta])["momentum"]
    wanted = np.stack([m.astype(np.float32) for m in momenta]).astype(np.float64).cumsum(axis=0)[-1] / len(momenta)
    assert mean.dtype == np.float32
    assert np.array_equal(mean, wanted.astype(np.float32))


def test_estimates_that_not_all_have_are_averaged_over_those_that_have_them():
    one, two = estimate(1, 8, 3), estimate(2, 8, 3)
    two["ng/c/in.calls"] = np.array(40)
    only = {key.replace("/c/", "/d/"): value for key, value in two.items()}
    mean = mean_memory([one, {}, two | only])
    assert mean["ng/c/in.calls"] == 40
    pair = mean_memory([one, two])
    assert all(np.array_equal(mean[key], pair[key]) for key in pair)
    assert all(np.array_equal(mean[key], only[key]) for key in only)
    assert mean_memory([{}, {}]) == {}


def test_a_mean_memory_can_be_gone_on_from():
    trainers = [learner(UpdateRule(momentum=0.5), seed=seed) for seed in range(3)]
    for seed, trainer in enumerate(trainers):
        for number in range(5):
            trainer.step(batch_for(trainer.network, 10 * seed + number))
    mean = mean_memory([trainer.memory.arrays() for trainer in trainers])
    trainers[0].memory.load(mean)
    loaded = trainers[0].memory.arrays()
    assert all(np.array_equal(mean[key], loaded[key]) for key in mean)
    trainers[0].step(batch_for(trainers[0].network, 99))
    assert torch.isfinite(trainers[0].params).all()


def test_a_memory_that_is_not_finite_is_named():
    good = {"momentum": np.zeros(3, np.float32)}
    with pytest.raises(NotFiniteError, match=r"\[momentum\].*optimizer 2"):
        mean_memory([good, {"momentum": np.array([0.0, np.inf, 0.0], np.float32)}])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"update": "adam"}, "--update=adam; expected ng or simple-ng or sgd"),
        ({"compute_dtype": "float16"}, "--compute-dtype=float16; expected float32 or bfloat16"),
        ({"momentum": 1.0}, "--momentum=1.0; expected from 0 to below 1"),
        ({"momentum": -0.1}, "--momentum=-0.1"),
        ({"momentum": float("nan")}, "--momentum=nan"),
        ({"max_param_change": -1.0}, "--max-param-change=-1.0; expected 0 or more"),
        ({"l2_regularize_factor": float("inf")}, "--l2-regularize-factor=inf"),
        ({"backstitch_training_scale": -0.5}, "--backstitch-training-scale=-0.5"),
        ({"backstitch_training_interval": 0}, "--backstitch-training-interval=0; expected 1 or more"),
        ({"backstitch_training_scale": 0.3, "momentum": 0.5}, "expected one of them to be 0"),
    ],
)
def test_a_rule_checks_itself(values, message):
    with pytest.raises(UsageError, match=message):
        UpdateRule(**values)


def test_every_option_of_the_rule_has_its_help():
    assert all(option.metadata["help"] for option in fields(UpdateRule))
    for option in fields(UpdateRule):
        for choice in option.metadata.get("choices", ()):
            UpdateRule(**{option.name: choice})


def test_the_rule_needs_no_torch():
    code = "import sys, houseblend.train.update.rule; print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
