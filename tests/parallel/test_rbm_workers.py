"""RBMs as learners of the core: several workers blend inside a round."""

import numpy as np
import pytest
import torch

from houseblend.nnet.rbm import Rbm
from houseblend.parallel.blending import Blending
from houseblend.parallel.group import Alone
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategy import Moment
from houseblend.parallel.task import POLICIES, MemoryPolicy
from houseblend.parallel.worker import Worker
from houseblend.train.rbm import RbmBatch, RbmTrainer
from houseblend.train.rbm_options import RbmRule

RULE = RbmRule(learn_rate=0.1, momentum_steps=4, momentum_step_period=64)
WORKERS, SIZE, STEPS, EVERY = 3, 8, 6, 2


def some_batches():
    """Those of each worker, at its own interval of the data."""
    return [
        [RbmBatch(torch.rand(SIZE, 5), SIZE * (STEPS * worker + step)) for step in range(STEPS)]
        for worker in range(WORKERS)
    ]


def blended(rbm, batches, policy):
    """The workers after a round, before its last blend."""
    strategy = Average(average_period=EVERY).at(Moment(WORKERS, 0.1, 0.0))
    shared = strategy.begin(rbm.flat())
    workers = {
        number: Worker(number, RbmTrainer(rbm, RULE, seed=1), iter(own), strategy, strategy.join(shared), policy)
        for number, own in enumerate(batches, start=1)
    }
    intervals = [(SIZE * STEPS * worker, SIZE * STEPS * (worker + 1)) for worker in range(WORKERS)]
    plan = RoundPlan(0, intervals, 0.1, SIZE, 0.0, 1, 0.0)
    blending = Blending(plan, MemoryPolicy(policy), strategy, Alone("local", WORKERS), shared)
    blending.train(workers)
    return workers, blending


@pytest.mark.parametrize("policy", POLICIES)
def test_blends_are_means_of_parameters_and_memory_is_treated_as_asked(policy):
    rbm, batches = Rbm(torch.randn(4, 5), torch.randn(5), torch.randn(4)), some_batches()
    workers, _ = blended(rbm, batches, policy)
    by_hand = [RbmTrainer(rbm, RULE, seed=1) for _ in range(WORKERS)]
    for step in range(STEPS):
        for trainer, own in zip(by_hand, batches, strict=True):
            trainer.step(own[step])
        if (step + 1) % EVERY == 0 and step + 1 < STEPS:
            mean = torch.stack([trainer.params.double() for trainer in by_hand]).mean(dim=0).float()
            momentum = np.mean([trainer.memory.arrays()["momentum"] for trainer in by_hand], axis=0)
            for trainer in by_hand:
                trainer.params.copy_(mean)
                if policy == "average":
                    trainer.memory.load({"momentum": momentum})
                elif policy == "reset":
                    trainer.memory.reset()
    for worker, trainer in zip(workers.values(), by_hand, strict=True):
        torch.testing.assert_close(worker.learner.params, trainer.params, rtol=1e-5, atol=1e-6)


def test_a_worker_that_is_not_finite_begins_again_from_the_mean_of_the_others():
    rbm, batches = Rbm(torch.randn(4, 5), torch.randn(5), torch.randn(4)), some_batches()
    batches[1][0].x.fill_(float("nan"))
    workers, blending = blended(rbm, batches, "keep")
    assert [(one.blend, one.worker) for one in blending.left_out] == [(1, 2)]
    assert not workers[2].failure
    assert torch.isfinite(workers[2].learner.params).all()
