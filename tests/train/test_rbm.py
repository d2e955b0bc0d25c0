"""Contrastive divergence against exact enumeration, against its update written out in float64, and in parts."""

import itertools

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError, NotFiniteError, UsageError
from houseblend.base.seeds import seed_of
from houseblend.nnet import philox
from houseblend.nnet.rbm import Rbm, UnitType
from houseblend.parallel.worker import Learner
from houseblend.train.rbm import LOWERED, RbmBatch, RbmTrainer
from houseblend.train.rbm_options import RbmRule

PLAIN = RbmRule(learn_rate=1.0, momentum=0.0, momentum_max=0.0, l2_penalty=0.0)
FULL = RbmRule(
    learn_rate=0.05, momentum=0.5, momentum_max=0.9, momentum_steps=3, momentum_step_period=16, l2_penalty=0.01
)
VISIBLE = pytest.mark.parametrize("visible_type", ["gauss", "bern"])


def random_rbm(visible, hidden, visible_type: UnitType = "bern", hidden_type: UnitType = "bern", scale=1.0):
    return Rbm(
        scale * torch.randn(hidden, visible), torch.randn(visible), torch.randn(hidden), visible_type, hidden_type
    )


def random_frames(count, rbm):
    visible = len(rbm.visible_bias)
    return torch.randn(count, visible) if rbm.visible_type == "gauss" else torch.rand(count, visible)


def batches_of(frames, size, position=0):
    return [RbmBatch(part.contiguous(), position + size * n) for n, part in enumerate(frames.split(size))]


def binary(units):
    """All states, [2^units, units]."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=units)))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def numbers_of(rbm):
    return rbm.weights.double().numpy(), rbm.visible_bias.double().numpy(), rbm.hidden_bias.double().numpy()


def expected_change(rbm, frame):
    """Mean and variance of a frame's h0 v0' - h1 v1', v0 - v1, h0 - h1 over all samples of the hidden units, flat; sampling or not."""
    w, b, c = numbers_of(rbm)
    h0 = sigmoid(c + w @ frame)

    def change(sample):
        v1 = b + sample @ w
        v1 = v1 if rbm.visible_type == "gauss" else sigmoid(v1)
        h1 = sigmoid(c + w @ v1)
        return np.concatenate([(np.outer(h0, frame) - np.outer(h1, v1)).ravel(), frame - v1, h0 - h1])

    states = binary(len(c))
    chances = np.prod(np.where(states == 1.0, h0, 1.0 - h0), axis=1)
    changes = np.array([change(state) for state in states])
    mean = chances @ changes
    return mean, chances @ (changes - mean) ** 2, change(h0)


def deviations(visible_type, seed):
    """Of the mean change over 10,000 draws from that over all samples, and from that without sampling, in standard errors."""
    rbm = random_rbm(3, 2, visible_type)
    frames, draws = 3.0 * torch.randn(4, 3) if visible_type == "gauss" else torch.rand(4, 3), 2500
    trainer = RbmTrainer(rbm, PLAIN, seed)
    trainer.step(RbmBatch(frames.repeat(draws, 1), 0))
    assert trainer.memory.lowered == (0, 0)  # the explosion guard has not acted
    change = (trainer.params.double() - rbm.flat().double()).numpy()
    exact = [expected_change(rbm, frame.double().numpy()) for frame in frames]
    mean, variance, without_sampling = (np.mean(values, axis=0) for values in zip(*exact, strict=True))
    error = np.sqrt(variance / (draws * len(frames))) + 1e-7
    return np.abs((change - mean) / error).max(), np.abs((change - without_sampling) / error).max()


@VISIBLE
def test_the_mean_change_is_that_of_an_exact_enumeration(visible_type):
    found, _ = deviations(visible_type, int(np.random.default_rng().integers(1 << 31)))
    assert found < 5.0  # of 11 numbers; chance alone does it once in 160,000 runs


@VISIBLE
def test_the_enumeration_tells_samples_from_means(visible_type):
    torch.manual_seed(1)
    found, without_sampling = deviations(visible_type, seed=2)
    assert found < 4.0 < 8.0 < without_sampling


@VISIBLE
@pytest.mark.parametrize("hidden_type", ["bern", "gauss"])
def test_free_energy_is_that_of_the_energies_of_all_hidden_states(visible_type, hidden_type):
    rbm = random_rbm(4, 3, visible_type, hidden_type, scale=0.3)
    frames = random_frames(5, rbm)
    v, (w, b, c) = frames.double().numpy(), numbers_of(rbm)
    states = (
        binary(3) if hidden_type == "bern" else np.stack(np.meshgrid(*[np.linspace(-9, 9, 61)] * 3), -1).reshape(-1, 3)
    )
    own = -states @ c if hidden_type == "bern" else ((states - c) ** 2).sum(1) / 2
    visible = -v @ b if visible_type == "bern" else ((v - b) ** 2).sum(1) / 2
    energies = visible[:, None] + own - v @ w.T @ states.T
    exact = -np.log(np.exp(-energies).sum(axis=1))
    found = rbm.free_energy(frames).double().numpy()
    np.testing.assert_allclose(found - found[0], exact - exact[0], atol=1e-5)
    assert hidden_type == "gauss" or found[0] == pytest.approx(exact[0], abs=1e-5)


def likelihood_and_gradient(rbm, patterns):
    """Mean log-likelihood of patterns by enumeration of all visible states, and the norm of its gradient."""
    flat = rbm.flat().double().requires_grad_()
    other = rbm.over(flat)
    all_states = torch.from_numpy(binary(len(rbm.visible_bias)))
    value = -other.free_energy(patterns.double()).mean() - torch.logsumexp(-other.free_energy(all_states), dim=0)
    value.backward()
    assert flat.grad is not None
    return value.item(), flat.grad.norm().item()


def test_the_likelihood_rises_and_its_gradient_falls():
    patterns = torch.tensor([[0, 0, 0, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.float32)
    rbm = Rbm(0.1 * torch.randn(4, 5), torch.zeros(5), torch.zeros(4))
    # Without L2 the bias of CD-1 would grow with the weights, and its end would not be the likelihood's.
    rule = RbmRule(learn_rate=0.2, momentum_steps=1, momentum_step_period=1 << 40, l2_penalty=0.01)
    trainer, frames = RbmTrainer(rbm, rule), patterns.repeat(20, 1)
    path = [likelihood_and_gradient(rbm, patterns)]
    for minibatch in range(1200):
        trainer.step(RbmBatch(frames, minibatch * len(frames)))
        if minibatch % 300 == 299:
            path.append(likelihood_and_gradient(trainer.rbm, patterns))
    values, gradients = zip(*path, strict=True)
    assert list(values) == sorted(values)
    assert values[-1] > values[0] + 1.5  # nats: from 5 log 2 = 3.5 below 0 towards log 3 = 1.1
    assert gradients[-1] < 0.75 * gradients[0]


class InFloat64:
    """The update written out, minibatch by minibatch, with the same random numbers."""

    def __init__(self, rbm, rule, seed):
        self.rbm, self.rule, self.key = rbm, rule, seed_of(seed, "hidden")
        self.p = list(numbers_of(rbm))
        self.d = [np.zeros_like(one) for one in self.p]

    def step(self, batch, pull):
        rule, (w, b, c), v0 = self.rule, self.p, batch.x.double().numpy()
        uniform = np.empty((len(v0), len(c)), np.float32)
        philox.uniform(self.key, batch.position, uniform)
        n = min(batch.position // rule.momentum_step_period, rule.momentum_steps)
        ramp = rule.momentum + n * (rule.momentum_max - rule.momentum) / rule.momentum_steps
        rate, momentum = rule.learn_rate * (1 - ramp), rule.momentum_max if rule.with_bug else ramp
        h0 = sigmoid(c + v0 @ w.T)
        v1 = b + (uniform < h0) @ w
        v1 = v1 if self.rbm.visible_type == "gauss" else sigmoid(v1)
        h1 = sigmoid(c + v1 @ w.T)
        slopes = [(h0.T @ v0 - h1.T @ v1) / len(v0) - rule.l2_penalty * w, (v0 - v1).mean(0), (h0 - h1).mean(0)]
        if pull is not None:
            anchor = numbers_of(self.rbm.over(pull[0]))
            slopes = [slope + pull[1] * (a - p) for slope, a, p in zip(slopes, anchor, self.p, strict=True)]
        self.d = [momentum * d + rate * slope for d, slope in zip(self.d, slopes, strict=True)]
        self.p = [p + d for p, d in zip(self.p, self.d, strict=True)]
        return ((v0 - v1) ** 2).sum() / 2


@VISIBLE
@pytest.mark.parametrize("with_bug", [False, True])
@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_update_written_out(visible_type, with_bug, strength):
    rbm = random_rbm(6, 5, visible_type, scale=0.3)
    rule = RbmRule(**{**vars(FULL), "with_bug": with_bug})
    trainer, exact = RbmTrainer(rbm, rule, seed=3), InFloat64(rbm, rule, seed=3)
    pull = (torch.randn_like(rbm.flat()), strength) if strength else None
    for batch in batches_of(random_frames(62, rbm), 8, position=7):  # the last one is smaller
        objective = trainer.step(batch, pull)
        assert -objective == pytest.approx(exact.step(batch, pull), rel=1e-5)
    np.testing.assert_allclose(trainer.params.numpy(), np.concatenate([p.ravel() for p in exact.p]), atol=2e-6)
    assert (trainer.reconstruction.frames, trainer.num_minibatches) == (62, 8)


def test_samples_and_normal_noise_of_hidden_units_have_their_moments():
    rbm = Rbm(torch.zeros(3, 2), torch.zeros(2), torch.tensor([-2.0, 0.0, 1.5]), "gauss", "gauss")
    rbm.weights[:, 0] = torch.tensor([1.0, 10.0, 100.0])
    trainer = RbmTrainer(rbm, PLAIN)
    chain = trainer._sample(RbmBatch(torch.zeros(40_000, 2), 0))  # v1[:, 0] is W' (c + noise)
    assert float(chain.v1[:, 0].mean()) == pytest.approx(148.0, abs=5 * 100.5 / 200)
    assert float(chain.v1[:, 0].std()) == pytest.approx(100.5, rel=0.02)


def exploding():
    rbm = random_rbm(6, 5, "gauss", scale=3.0)
    return RbmTrainer(rbm, FULL, seed=1)


def test_an_rbm_that_is_about_to_explode_is_scaled_down_and_learns_slower_for_a_while(capfd):
    trainer = exploding()
    before, frames = trainer.params.clone(), 0.1 * torch.randn(8, 6)
    trainer.memory.momentum.fill_(0.5)
    chain = trainer._sample(RbmBatch(frames, 16))
    ratio = chain.v0.double().std(correction=0) / chain.v1.double().std(correction=0)
    assert ratio < 0.5
    assert trainer.step(RbmBatch(frames, 16)) < 0
    torch.testing.assert_close(trainer.params, before * ratio.float())
    assert not trainer.memory.momentum.any()
    assert "scaled down" in capfd.readouterr().err
    assert trainer.reconstruction.frames == 8

    def change(position, lowered):
        other = RbmTrainer(random_rbm(6, 5, "gauss", scale=0.1), FULL)
        other.memory.load({"lowered": np.array(lowered)})
        torch.manual_seed(0)
        other.params.copy_(0.1 * torch.randn(len(other.params)))
        start = other.params.clone()
        other.step(RbmBatch(torch.randn(8, 6), position))
        return other.params - start

    step, times = trainer.memory.lowered
    assert (step, times) == (1, 1)
    torch.testing.assert_close(change(24, (1, 1)), LOWERED * change(24, (0, 0)), rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(change(32, (1, 1)), change(32, (0, 0)))


def test_bernoulli_units_need_no_guard(capfd):
    trainer = RbmTrainer(random_rbm(6, 5, scale=9.0), FULL)
    trainer.step(RbmBatch(torch.full((8, 6), 0.5), 0))
    assert trainer.memory.lowered == (0, 0)
    assert capfd.readouterr().err == ""


@VISIBLE
def test_two_trainers_one_after_the_other_are_one(visible_type):
    rbm = random_rbm(9, 7, visible_type, scale=0.3)
    batches = batches_of(random_frames(96, rbm), 12)
    whole = RbmTrainer(rbm, FULL, seed=5)
    for batch in batches:
        whole.step(batch)
    first, second = RbmTrainer(rbm, FULL, seed=5), RbmTrainer(rbm, FULL, seed=5)
    for batch in batches[:3]:
        first.step(batch)
    second.params.copy_(first.params)
    second.memory.load(first.memory.arrays())
    for batch in batches[3:]:
        second.step(batch)
    assert torch.equal(second.params, whole.params)
    assert second.memory.arrays()["momentum"].any()


def test_a_frames_samples_are_the_same_in_whatever_minibatch():
    rbm = random_rbm(5, 7)
    frames = random_frames(20, rbm)
    whole = RbmTrainer(rbm, FULL, seed=2)._sample(RbmBatch(frames, 40)).v1
    part = RbmTrainer(rbm, FULL, seed=2)._sample(RbmBatch(frames[6:11], 46)).v1
    torch.testing.assert_close(part, whole[6:11], rtol=1e-5, atol=1e-6)
    other = RbmTrainer(rbm, FULL, seed=3)._sample(RbmBatch(frames, 40)).v1
    assert not torch.allclose(other, whole, atol=1e-2)


def test_flat_and_back():
    rbm = random_rbm(4, 3, "gauss")
    flat = rbm.flat()
    other = rbm.over(flat)
    assert (other.visible_type, other.hidden_type) == ("gauss", "bern")
    for name in ("weights", "visible_bias", "hidden_bias"):
        assert torch.equal(getattr(other, name), getattr(rbm, name))
    flat.zero_()
    assert not other.weights.any()
    assert rbm.weights.all()


def test_it_is_a_learner_that_can_begin_again():
    trainer = RbmTrainer(random_rbm(4, 3), FULL)
    learner: Learner = trainer
    start = trainer.params.clone()
    trainer.step(RbmBatch(torch.rand(8, 4), 0))
    assert learner.memory.arrays()["momentum"].any()
    learner.restart(start)
    assert torch.equal(learner.params, start)
    assert not learner.memory.arrays()["momentum"].any()
    with pytest.raises(InputError, match="another RBM"):
        learner.memory.load({"momentum": np.zeros(3, np.float32)})


@pytest.mark.parametrize("place", [0, -1])
def test_numbers_that_are_not_finite_are_an_error(place):
    trainer = RbmTrainer(random_rbm(4, 3), FULL)
    trainer.params[place] = float("nan")
    with pytest.raises(NotFiniteError, match="minibatch 0: data and reconstruction are .*nan.*; lower"):
        trainer.step(RbmBatch(torch.rand(8, 4), 0))


@pytest.mark.parametrize(
    "values",
    [
        {"learn_rate": -0.1},
        {"momentum": 1.0},
        {"momentum_max": -0.1},
        {"momentum_steps": 0},
        {"l2_penalty": float("nan")},
    ],
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(UsageError, match=f"--{next(iter(values)).replace('_', '-')}="):
        RbmRule(**values)
