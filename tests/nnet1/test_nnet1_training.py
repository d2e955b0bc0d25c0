"""nnet1's updates against gradients in float64, its minibatches, and its cross-entropy; Kaldi's trajectories: tests/golden_whole."""

from typing import Any

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError, NotFiniteError, UsageError
from houseblend.nnet.nnet1.components import (
    AddShift,
    AffineTransform,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
    tensors,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm
from houseblend.train.nnet1 import CrossEntropy, Sgd, check_converging
from houseblend.train.nnet1_data import Frames, joined, minibatches
from houseblend.train.nnet1_options import PassOptions, SgdOptions, ShuffleOptions

DIM, CLASSES = 5, 7


def some_frames(size: int, soft: bool = True) -> Frames:
    """Random frames; if soft, of 0 to 3 targets whose weights do not sum to 1, and weights."""
    random = np.random.default_rng()
    counts = random.integers(0, 4, size) if soft else np.ones(size, np.int64)
    pdfs = np.concatenate([random.permutation(CLASSES)[:count] for count in counts]).astype(np.int64)
    shares = random.uniform(0.2, 0.9, len(pdfs)) if soft else np.ones(len(pdfs))
    weights = random.uniform(0.0, 2.0, size) if soft else np.ones(size)
    x_ND = random.standard_normal((size, DIM)).astype(np.float32)
    return Frames(x_ND, np.repeat(np.arange(size), counts), pdfs, shares.astype(np.float32), weights.astype(np.float32))


def dense(batch: Frames) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets [N, P] and weights [N] as nnet1 counts them, in float64."""
    targets = torch.zeros(len(batch), CLASSES, dtype=torch.float64)
    targets[batch.rows, batch.pdfs] = torch.from_numpy(batch.shares).double()
    return targets, torch.from_numpy(batch.weights).double() * targets.sum(1)


def some_network() -> Nnet1:
    """Everything that is trained, with rates of its own."""
    draw = torch.randn
    return Nnet1([
        AddShift(draw(DIM), 0.7), Rescale(draw(DIM), 0.6), LinearTransform(draw(4, DIM), 0.5), Tanh(4),
        AffineTransform(draw(6, 4), draw(6), 0.9, 0.3, max_norm=1.2), Sigmoid(6),
        AffineTransform(draw(CLASSES, 6), draw(CLASSES)), Softmax(CLASSES),
    ])  # fmt: skip


def reference_step(
    values: list[dict[str, torch.Tensor]], memory: dict, network: Nnet1, batch: Frames, options: SgdOptions
):
    """The same in float64, gradients by autograd: the derivative by the softmax's input is weight (y - target)."""
    for one in values:
        for tensor in one.values():
            tensor.requires_grad_(True)
    x = torch.from_numpy(batch.x_ND).double()
    for component, own in zip(network.components, values, strict=True):
        match component:
            case AddShift():
                x = x + own["shift"]
            case Rescale():
                x = x * own["scale"]
            case LinearTransform():
                x = x @ own["weights"].t()
            case AffineTransform():
                x = x @ own["weights"].t() + own["bias"]
            case Tanh():
                x = x.tanh()
            case Sigmoid():
                x = x.sigmoid()
    targets, weights = dense(batch)
    x.backward(weights[:, None] * (x.detach().softmax(1) - targets))
    rate, size = options.learn_rate, len(batch)
    components: Any = network.components
    for number, (component, own) in enumerate(zip(components, values, strict=True)):
        for name, trained in own.items():
            gradient: Any = trained.grad
            tensor = own[name] = trained.detach()
            coefficient = component.bias_learn_rate_coef if name == "bias" else component.learn_rate_coef
            if name in ("weights", "bias"):
                gradient = memory[number, name] = gradient + options.momentum * memory.get((number, name), 0.0)
            if name == "weights":
                penalty = rate * (coefficient if isinstance(component, AffineTransform) else 1.0)
                tensor -= penalty * options.l2_penalty * size * tensor
                step = penalty * options.l1_penalty * size * tensor.sign()
                after = tensor - penalty * gradient - step
                crossed = ((after > 0) != (tensor > 0)) & (tensor != 0) if options.l1_penalty else tensor != tensor
                tensor -= step
                tensor[crossed] = 0.0
                gradient[crossed] = 0.0
            tensor -= rate * coefficient * gradient
            if name == "weights" and getattr(component, "max_norm", 0.0):
                tensor /= (tensor.norm(dim=1, keepdim=True) / component.max_norm).clamp_min(1.0)


@pytest.mark.parametrize(
    "options",
    [
        SgdOptions(0.02),
        SgdOptions(0.01, momentum=0.8),
        SgdOptions(0.02, l2_penalty=0.01),
        SgdOptions(0.02, l1_penalty=0.005),
        SgdOptions(0.01, momentum=0.5, l2_penalty=0.01, l1_penalty=0.5),
    ],
    ids=str,
)
def test_updates_are_those_of_float64(options):
    network = some_network()
    values = [{name: tensor.double() for name, tensor in tensors(c).items()} for c in network.components]
    trainer, objective, memory = Sgd(network, options), CrossEntropy(CLASSES), {}
    for _ in range(5):
        batch = some_frames(9)
        trainer.step(batch, objective)
        reference_step(values, memory, network, batch, options)
    for number, (component, own) in enumerate(zip(network.components, values, strict=True)):
        for name, tensor in tensors(component).items():
            assert torch.allclose(tensor.double(), own[name], atol=1e-4), (number, name)


def test_cross_entropy_and_accuracy_are_those_of_dense_targets():
    objective, sums = CrossEntropy(CLASSES), torch.zeros(4, dtype=torch.float64)
    for _ in range(3):
        batch = some_frames(20)
        y = torch.randn(20, CLASSES).softmax(1)
        targets, weights = dense(batch)
        right = (y.argmax(1) == targets.argmax(1)) & (targets.sum(1) > 0)
        parts = [weights[:, None] * targets, -weights[:, None] * targets * y.double().log()]
        parts += [-weights[:, None] * torch.special.xlogy(targets, targets), (weights * right)[:, None]]
        sums += torch.stack([part.sum() for part in parts])
        wanted = weights[:, None] * (y.double() - targets)
        assert torch.allclose(objective.take(y.clone(), batch).double(), wanted, atol=1e-6)
    frames, cross_entropy, entropy, correct = sums
    assert objective.loss == pytest.approx(float((cross_entropy - entropy) / frames), rel=1e-5)
    assert objective.accuracy == pytest.approx(float(correct / frames), rel=1e-5)


def test_of_equal_targets_the_first_class_counts():
    batch = Frames(
        np.zeros((1, DIM), np.float32),
        np.zeros(2, np.int64),
        np.array([4, 2]),
        np.full(2, 0.5, np.float32),
        np.ones(1, np.float32),
    )
    objective = CrossEntropy(CLASSES)
    objective.take(torch.eye(CLASSES)[2:3].clone(), batch)
    assert objective.accuracy == 1.0


def test_minibatches_in_order_drop_the_last_rest():
    utterances = [some_frames(size) for size in (3, 1, 8, 5, 4)]
    whole = joined(utterances)
    for size in (4, 12):
        options = ShuffleOptions(minibatch_size=4, randomize=False, randomizer_size=size)
        got = joined(list(minibatches(utterances, options)))
        part = whole.between(0, 20)
        for name in ("x_ND", "rows", "pdfs", "shares", "weights"):
            assert np.array_equal(vars(got)[name], vars(part)[name]), name


def test_shuffling_keeps_frames_with_their_targets_and_repeats_by_its_seed():
    utterances = [some_frames(size) for size in (30, 20, 40, 10)]

    def all_of(seed: int) -> Frames:
        return joined(list(minibatches(utterances, ShuffleOptions(5, randomizer_size=25, randomizer_seed=seed))))

    def by_frame(frames: Frames) -> dict[bytes, list]:
        return {
            frames.x_ND[n].tobytes(): [frames.pdfs[frames.rows == n].tolist(), frames.weights[n]]
            for n in range(len(frames))
        }

    one, again, other, whole = all_of(1), all_of(1), all_of(2), joined(utterances)
    assert np.array_equal(one.x_ND, again.x_ND)
    assert not np.array_equal(one.x_ND, other.x_ND)
    assert not np.array_equal(one.x_ND, whole.x_ND)
    assert by_frame(one) == by_frame(whole)


@pytest.mark.parametrize(
    ("components", "what"),
    [
        (
            [Splice((-1, 1), 3), Softmax(6)],
            r"component 1, <Splice>, cannot be trained by the frame; put it into --feature-",
        ),
        (
            [Rbm(torch.ones(2, 3), torch.ones(3), torch.ones(2)), Softmax(2)],
            "<Rbm>, cannot be trained.*rbm-convert-to-nnet",
        ),
        ([Sigmoid(3)], "the last component is <Sigmoid>; expected <Softmax>"),
    ],
)
def test_what_cannot_be_trained_is_named(components, what):
    with pytest.raises(InputError, match=what):
        Sgd(Nnet1(components, "0.nnet"), SgdOptions())


def test_a_loss_that_is_not_finite_is_refused():
    objective = CrossEntropy(CLASSES)
    objective.take(torch.full((4, CLASSES), float("nan")), some_frames(4, soft=False))
    with pytest.raises(NotFiniteError, match=r"0.nnet: the loss is nan.*lower --learn-rate"):
        check_converging(objective, Nnet1([Softmax(CLASSES)], "0.nnet"))


@pytest.mark.parametrize(
    "make",
    [lambda: SgdOptions(momentum=1.0), lambda: SgdOptions(l1_penalty=-1.0), lambda: ShuffleOptions(minibatch_size=0),
     lambda: ShuffleOptions(minibatch_size=9, randomizer_size=8), lambda: PassOptions(objective_function="mse")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(make):
    with pytest.raises(UsageError):
        make()
