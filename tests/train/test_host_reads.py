"""The host does not wait for a step: what the device has to say of minibatches is read of many at once."""

import math
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from test_optimizer import LAYERS, PLAIN, batch_for, learner
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from houseblend.base.errors import NotFiniteError
from houseblend.train import trainer as trainer_module
from houseblend.train.trainer import READ_EVERY
from houseblend.train.update.rule import UpdateRule

NORMED = LAYERS.replace("relu-layer", "relu-batchnorm-dropout-layer")
LIMITED = replace(PLAIN, max_param_change=0.01)


class Scalars(TorchDispatchMode):
    """Notices a number that becomes Python's: `item`, `float`, `if`, a factor that is a tensor; and copies to the host."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        copies = func is torch.ops.aten._to_copy.default and args[0].device.type != "cpu"
        if func is torch.ops.aten._local_scalar_dense.default or (copies and kwargs["device"].type == "cpu"):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


class Arrays(TorchFunctionMode):
    """Notices a tensor that becomes numpy's, or a list."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.Tensor.numpy, torch.Tensor.tolist):
            self.found.append(func.__name__)
        return func(*args, **(kwargs or {}))


@contextmanager
def noticed():
    found = []
    with Scalars(found), Arrays(found):
        yield found


def test_reads_are_noticed():
    x = torch.randn(3)
    with noticed() as found:
        float(x[0])
        bool(x[1] > 0)
        x.numpy()
        x.tolist()
        x.add_(x, alpha=x[2])
    assert len(found) == 5


def train(trainer, minibatches, first=0):
    for number in range(first, first + minibatches):
        trainer.step(batch_for(trainer.network, number))


SGD = {
    "plain": PLAIN,
    "limited": LIMITED,
    "momentum": replace(LIMITED, momentum=0.9),
    "backstitch": replace(LIMITED, backstitch_training_scale=0.3),
    "bfloat16": replace(PLAIN, compute_dtype="bfloat16"),
    "simple-ng": UpdateRule(update="simple-ng"),
}


@pytest.mark.parametrize("rule", SGD.values(), ids=SGD)
@pytest.mark.parametrize("layers", [LAYERS, NORMED], ids=["relu", "batchnorm-dropout"])
def test_a_step_without_estimates_reads_nothing(rule, layers):
    trainer = learner(rule, layers)
    for component in trainer.network.updatable():
        component.l2_regularize = 0.1
    batches = [batch_for(trainer.network, number) for number in range(9)]
    trainer.step(batches[0])  # counters are known from here on
    with noticed() as found:
        for batch in batches[1:]:
            trainer.step(batch, (torch.zeros_like(trainer.params), 0.1))
    assert found == []
    with noticed() as found:
        trainer.check()
    assert len(found) == 1


def test_natural_gradient_reads_once_for_all_layers_when_the_estimates_learn():
    trainer = learner(UpdateRule(), NORMED)
    batches = [batch_for(trainer.network, number, 64) for number in range(24)]
    reads = []
    for batch in batches:
        with noticed() as found:
            trainer.step(batch)
        reads.append(len(found))
    learns = [number <= 10 or (number - 10) % 4 == 0 for number in range(24)]
    assert reads[1:] == [int(one) for one in learns[1:]]


def test_the_host_reads_when_many_minibatches_are_unread(monkeypatch):
    trainer = learner(LIMITED)
    batches = [batch_for(trainer.network, number) for number in range(READ_EVERY)]
    train(trainer, 1)
    trainer.check()
    with noticed() as found:
        for batch in batches[1:]:
            trainer.step(batch)
        assert found == []
        trainer.step(batches[0])
    assert found == ["tolist"]
    assert trainer.frames == 24 * (READ_EVERY + 1)
    assert trainer.counts.max_change_global == READ_EVERY + 1


@pytest.mark.parametrize("rule", [*SGD.values(), UpdateRule(), UpdateRule(backstitch_training_scale=0.3)])
@pytest.mark.parametrize("bad", [0, 3])
def test_the_first_minibatch_that_is_not_finite_is_named_and_nothing_counts_from_there_on(rule, bad):
    trainer, sane = learner(rule), learner(rule)
    for number in range(6):
        batch = batch_for(trainer.network, number)
        if number < bad:
            sane.step(batch)
        if number == bad:
            batch.x_NWD[2, 1, 3] = math.nan
        trainer.step(batch)
    with pytest.raises(NotFiniteError, match=rf"minibatch {bad}: .*nan; lower the learning rate"):
        trainer.check()
    assert trainer.num_minibatches == bad
    assert (trainer.objective, trainer.counts) == (sane.objective, sane.counts)
    trainer.check()


def test_what_is_not_finite_is_found_at_the_latest_after_so_many_minibatches(monkeypatch):
    monkeypatch.setattr(trainer_module, "READ_EVERY", 5)
    trainer = learner(PLAIN)
    train(trainer, 1)
    trainer.params[5] = math.nan
    with pytest.raises(NotFiniteError, match="minibatch 1: the objective is nan"):
        train(trainer, 4, first=1)


def test_counts_are_in_the_buffer_when_it_is_asked_for():
    trainer = learner(PLAIN, NORMED)
    train(trainer, 4)
    norm = next(iter(trainer.network.batch_norms()))
    count = norm.count.value
    assert 0.0 < count < 4 * 24
    assert sum(trainer.network.parameters[f"{norm.name}.count"].tolist()) == count
    trainer.network.parameters[f"{norm.name}.count"].zero_()
    assert norm.count.value == 0.0
