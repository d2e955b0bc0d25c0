"""`houseblend.blend`: the models that the house's own driver gives, the same bits on any number of ranks, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend import STRATEGIES, blend
from houseblend.base.errors import InputError, NotFiniteError, UsageError

sys.path.insert(0, str(Path(__file__).resolve().parent))
import quadratic
import torch_ranks

HERE = Path(__file__).resolve().parent


class Line(torch.nn.Module):
    """Least squares as in `quadratic`."""

    def __init__(self, start):
        super().__init__()
        self.p = torch.nn.Parameter(start.float().clone())


def half_squares(model, batch):
    x, y = batch
    return (x.float() @ model.p - y.float()).square().sum() / 2


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_the_model_of_the_houses_own_driver(name):
    problem = quadratic.Problem(int(np.random.default_rng().integers(1 << 31)), short=3)
    strategy = STRATEGIES[name](average_period=4)
    model = Line(problem.start)
    told = blend(
        model, half_squares, lambda parameters: torch.optim.SGD(parameters, lr=problem.rate),
        lambda worker, number: problem.data[number][worker - 1], strategy, workers=4, rounds=problem.rounds,
    )  # fmt: skip
    for expected, one in zip(quadratic.blend(problem, strategy), told, strict=True):
        torch.testing.assert_close(model.p.detach().double(), expected, rtol=1e-4, atol=1e-5)
        assert one.left_out == []


def test_the_bits_are_those_of_one_process_on_ranks_of_mpi(tmp_path):
    pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
    mpiexec, out = Path(sys.executable).with_name("mpiexec"), tmp_path / "hashes.json"
    command = [mpiexec, "-n", 2, sys.executable, "-m", "mpi4py", HERE / "torch_ranks.py", out]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1] / "src")}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    refused = found.pop("refused")
    assert (
        refused == "ranks begin with different models or random seeds; call torch.manual_seed before the model is made"
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = torch_ranks.train_all()
    torch.set_num_threads(threads)
    assert found == expected
    assert len({bits for bits, _ in expected.values()}) == len(torch_ranks.CASES)


def train_line(loss, **more):
    problem = quadratic.Problem(1)
    model = Line(problem.start)
    words = {"strategy": STRATEGIES["average"](average_period=4), "workers": 4, **more}
    optimizer = words.pop("optimizer", lambda parameters: torch.optim.SGD(parameters, lr=problem.rate))
    return model, list(blend(model, loss, optimizer, lambda w, n: problem.data[n][w - 1], **words))


def test_a_worker_that_is_not_finite_is_left_out_and_told():
    steps = iter(range(1000))
    model, (told,) = train_line(lambda *words: half_squares(*words) * (float("nan") if next(steps) == 1 else 1.0))
    assert [(one.blend, one.worker) for one in told.left_out] == [(1, 1)]
    assert torch.isfinite(model.p).all()
    assert set(told.losses) == set(told.distances) == {1, 2, 3, 4}
    with pytest.raises(NotFiniteError, match="no worker gave finite numbers"):
        train_line(lambda *words: half_squares(*words) * float("nan"))


def test_one_worker_is_plain_training_with_any_optimizer():
    found, _ = train_line(half_squares, workers=1, rounds=3, optimizer=torch.optim.Adam)
    problem = quadratic.Problem(1)
    model = Line(problem.start)
    adam = torch.optim.Adam(model.parameters())
    for batch in (batch for number in range(3) for batch in problem.data[number][0]):
        adam.zero_grad()
        half_squares(model, batch).backward()
        adam.step()
    assert torch.equal(found.p, model.p)


def test_the_mean_of_optimizers_memories_is_what_all_go_on_with():
    found, _ = train_line(
        half_squares, optimizer=torch.optim.Adam, optimizer_memory="average", strategy=STRATEGIES["average"](1)
    )
    problem = quadratic.Problem(1)
    model, moments = Line(problem.start), [torch.zeros(quadratic.DIM), torch.zeros(quadratic.DIM)]
    for step, batches in enumerate(zip(*problem.data[0], strict=True), start=1):
        grads = torch.stack([torch.autograd.grad(half_squares(model, batch), model.p)[0] for batch in batches])
        each = [0.9 * moments[0] + 0.1 * grads, 0.999 * moments[1] + 0.001 * grads**2]
        scaled = each[0] / (1 - 0.9**step) / ((each[1] / (1 - 0.999**step)).sqrt() + 1e-8)
        model.p.data -= 0.001 * scaled.mean(0)
        moments = [moment.mean(0) for moment in each]
    torch.testing.assert_close(found.p, model.p, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_blended_is_refused():
    empty = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(InputError, match="no kind; expected torch.float32"):
        next(blend(empty, half_squares, torch.optim.SGD, lambda w, n: [], STRATEGIES["average"](), workers=2))
    double = torch.nn.Linear(2, 2).double()
    with pytest.raises(InputError, match="torch.float64 on cpu; expected torch.float32"):
        next(blend(double, half_squares, torch.optim.SGD, lambda w, n: [], STRATEGIES["average"](), workers=2))
    with pytest.raises(UsageError, match="optimizer-memory"):
        train_line(half_squares, optimizer_memory="forget")
