"""Strategies in float64: identities between them, each one's equations written out once more, purity, options."""

import copy
import dataclasses
import itertools

import pytest
import torch
from quadratic import DIM, Batch, Problem, Quadratic, blend

from houseblend.base.errors import UsageError
from houseblend.base.options import one_of
from houseblend.parallel.strategies import STRATEGIES
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategies.bmuf import Bmuf
from houseblend.parallel.strategies.diloco import DiLoCo
from houseblend.parallel.strategies.easgd import Easgd
from houseblend.parallel.strategies.hpsgd import Hpsgd
from houseblend.parallel.strategies.parle import Parle
from houseblend.parallel.strategies.post_local import PostLocal
from houseblend.parallel.strategies.slowmo import SlowMo
from houseblend.parallel.strategies.streaming import Streaming
from houseblend.parallel.strategies.tail import Tail
from houseblend.parallel.strategy import Moment, Strategy

PERIODS = [0, 1, 5, 24]


def furthest(one, other):
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


def local_sgd(problem, every, update):
    """Workers that go alone, and `update(workers' parameters) -> what each goes on from` where a blend is due."""
    params = [problem.start.clone() for _ in range(problem.workers)]
    models = []
    for number in range(problem.rounds):
        for step in range(1, problem.steps + 1):
            for worker, data in enumerate(problem.data[number]):
                if step <= len(data):
                    learner = Quadratic(params[worker], problem.rate)
                    learner.step(data[step - 1])
                    params[worker] = learner.params
            if step == problem.steps or (every and step % every == 0):
                params, model = update(params)
        models.append(model)
    return models


def mean_of(params):
    return torch.stack(params).mean(0)


@pytest.mark.parametrize("every", PERIODS)
@pytest.mark.parametrize("short", [0, 3])
def test_averaging_and_what_equals_it(every, short):
    problem = Problem(torch.seed() % 2**32, short=short)
    expected = local_sgd(problem, every, lambda p: ([mean_of(p)] * len(p), mean_of(p)))
    alike = [
        Average(every),
        Bmuf(every, block_momentum=0.0),
        Bmuf(every, block_momentum=0.0, block_nesterov=True),
        SlowMo(every, slow_momentum=0.0),
        DiLoCo(every, outer_learning_rate=1.0, outer_momentum=0.0),
        Streaming(every, fragments=1, fragment_lag=0, fragment_mixing=0.0, outer_learning_rate=1.0, outer_momentum=0.0),
        PostLocal(every, local_after=0.0),
    ]
    for strategy in alike:
        assert furthest(blend(problem, strategy), expected) < 1e-12, strategy


def test_a_mean_after_every_minibatch_is_a_step_on_the_mean_gradient():
    problem = Problem(torch.seed() % 2**32)
    p, models = problem.start.clone(), []
    for number in range(problem.rounds):
        for batches in zip(*problem.data[number], strict=True):
            p = p - problem.rate * mean_of([Quadratic(p, problem.rate).gradient(batch) for batch in batches])
        models.append(p)
    for strategy in (Average(1), PostLocal(16, local_after=1.0)):
        assert furthest(blend(problem, strategy), models) < 1e-12


@pytest.mark.parametrize(
    "strategy", [Average(5), Bmuf(5, block_momentum=0.0), SlowMo(5, slow_momentum=0.0), PostLocal(4)]
)
def test_one_worker_is_plain_sgd(strategy):
    problem = Problem(torch.seed() % 2**32, workers=1)
    assert furthest(blend(problem, strategy), local_sgd(problem, 0, lambda p: (p, p[0]))) < 1e-12


@pytest.mark.parametrize("every", PERIODS)
def test_bmuf_is_chen_and_huos(every):
    problem, beta, zeta = Problem(torch.seed() % 2**32, short=3), 0.6, 0.9
    state = {"w": problem.start.clone(), "delta": torch.zeros(DIM, dtype=torch.float64)}

    def classical(params):
        g = mean_of(params) - state["w"]
        state["delta"] = beta * state["delta"] + zeta * g
        state["w"] = state["w"] + state["delta"]
        return [state["w"]] * len(params), state["w"]

    expected = local_sgd(problem, every, classical)
    assert furthest(blend(problem, Bmuf(every, block_momentum=beta, block_learning_rate=zeta)), expected) < 1e-12

    state = {"w": problem.start.clone(), "delta": torch.zeros(DIM, dtype=torch.float64), "b": problem.start.clone()}

    def nesterov(params):
        g = mean_of(params) - state["b"]
        state["delta"] = beta * state["delta"] + zeta * g
        state["w"] = state["w"] + state["delta"]
        state["b"] = state["w"] + beta * state["delta"]
        return [state["b"]] * len(params), state["w"]

    expected = local_sgd(problem, every, nesterov)
    strategy = Bmuf(every, block_momentum=beta, block_learning_rate=zeta, block_nesterov=True)
    assert furthest(blend(problem, strategy), expected) < 1e-12


@pytest.mark.parametrize("every", PERIODS)
def test_slowmo_is_algorithm_1(every):
    problem, beta, alpha = Problem(torch.seed() % 2**32, short=3), 0.4, 0.8
    state = {"x": problem.start.clone(), "u": torch.zeros(DIM, dtype=torch.float64)}

    def slow(params):
        state["u"] = beta * state["u"] + (state["x"] - mean_of(params)) / problem.rate
        state["x"] = state["x"] - alpha * problem.rate * state["u"]
        return [state["x"]] * len(params), state["x"]

    expected = local_sgd(problem, every, slow)
    strategy = SlowMo(every, slow_momentum=beta, slow_learning_rate=alpha)
    assert furthest(blend(problem, strategy), expected) < 1e-12


@pytest.mark.parametrize("every", PERIODS)
def test_diloco_is_torchs_nesterov_outside(every):
    problem, rate, mu = Problem(torch.seed() % 2**32, short=3), 0.7, 0.6
    outer = torch.nn.Parameter(problem.start.clone())
    optimizer = torch.optim.SGD([outer], lr=rate, momentum=mu, nesterov=True)

    def step(params):
        outer.grad = outer.detach() - mean_of(params)
        optimizer.step()
        return [outer.detach().clone()] * len(params), outer.detach().clone()

    expected = local_sgd(problem, every, step)
    assert furthest(blend(problem, DiLoCo(every, outer_learning_rate=rate, outer_momentum=mu)), expected) < 1e-12


@pytest.mark.parametrize("every", PERIODS)
def test_streaming_of_one_fragment_that_is_waited_for_is_diloco(every):
    problem = Problem(torch.seed() % 2**32, short=3)
    found = blend(problem, Streaming(every, fragments=1, fragment_lag=0, fragment_mixing=0.0))
    assert furthest(found, blend(problem, DiLoCo(every))) < 1e-12


@pytest.mark.parametrize("every", [0, 5, 6])
@pytest.mark.parametrize("lag", [0, 1, 2])
def test_streaming_is_its_equations(every, lag):
    """Fragments of 4 of the 12 numbers in turn, over the rounds too; at the end of a round all that was given has arrived."""
    problem, rate, mu, a = Problem(torch.seed() % 2**32), 0.7, 0.6, 0.4
    c, b, turn = problem.start.clone(), torch.zeros_like(problem.start), 0
    p = [problem.start.clone() for _ in range(problem.workers)]
    expected = []
    for data in problem.data:
        under_way = []

        def arrive(under_way=under_way):
            i, mean = under_way.pop(0)
            g = c[i] - mean
            b[i] = mu * b[i] + g
            c[i] -= rate * (g + mu * b[i])
            for one in p:
                one[i] = (1 - a) * c[i] + a * one[i]

        for step in range(1, problem.steps + 1):
            for k in range(problem.workers):
                p[k] -= problem.rate * Quadratic(p[k], 0.0).gradient(data[k][step - 1])
            last = step == problem.steps
            if last or (every and step % every == 0):
                while last and under_way:
                    arrive()
                i = slice(4 * (turn % 3), 4 * (turn % 3) + 4)
                under_way.append((i, mean_of([one[i] for one in p])))
                turn += 1
                if last or len(under_way) > lag:
                    arrive()
        expected.append(c.clone())
    strategy = Streaming(
        every, fragments=3, fragment_lag=lag, fragment_mixing=a, outer_learning_rate=rate, outer_momentum=mu
    )
    assert furthest(blend(problem, strategy), expected) < 1e-12


@pytest.mark.parametrize("every", PERIODS)
def test_easgd_is_equations_5_and_6(every):
    problem, beta = Problem(torch.seed() % 2**32, short=3), 0.8
    centre = [problem.start.clone()]

    def elastic(params):
        alpha = beta / len(params)
        differences = [alpha * (p - centre[0]) for p in params]
        new = [p - e for p, e in zip(params, differences, strict=True)]
        centre[0] = centre[0] + sum(differences)
        return new, centre[0]

    expected = local_sgd(problem, every, elastic)
    assert furthest(blend(problem, Easgd(every, moving_rate=beta)), expected) < 1e-12


@pytest.mark.parametrize("workers", [1, 4])
def test_parle_is_its_equations(workers):
    problem = Problem(torch.seed() % 2**32, workers=workers)
    parle = Parle(6)
    x = [problem.start.clone() for _ in range(workers)]
    v = [torch.zeros_like(problem.start) for _ in range(workers)]
    expected = []
    for number in range(problem.rounds):
        seen = number / problem.rounds
        gamma, rho = 100 * 0.01**seen, 0.1**seen
        for begin in range(0, problem.steps, 6):
            z = []
            for a in range(workers):
                y, mean = x[a].clone(), x[a].clone()
                for batch in problem.data[number][a][begin : begin + 6]:
                    y = y - problem.rate * (Quadratic(y, 0.0).gradient(batch) + (y - x[a]) / gamma)
                    mean = 0.75 * mean + 0.25 * y
                z.append(mean)
            centre = mean_of(z)
            for a in range(workers):
                u = (x[a] - z[a]) + (x[a] - centre) / rho
                v[a] = 0.9 * v[a] + u
                x[a] = x[a] - 0.1 * (u + 0.9 * v[a])
        expected.append(mean_of(x))
    assert furthest(blend(problem, parle), expected) < 1e-12


def test_parle_without_pull_and_coupling_is_sgd_of_each_worker():
    """x -= 1 (x - z) with z = y is y: an outer step that changes nothing."""
    problem = Problem(torch.seed() % 2**32)
    alone = Parle(6, parle_rate=1.0, parle_momentum=0.0, parle_smoothing=0.0, gamma_start=0.0, rho_start=0.0)
    expected = local_sgd(problem, 0, lambda params: (params, mean_of(params)))
    assert furthest(blend(problem, alone), expected) < 1e-12


def test_parle_of_every_minibatch_without_pull_and_coupling_is_sgd_with_momentum():
    """x - z is then a step of plain SGD, and the outer step torch's Nesterov of each worker, of rate eta times the workers'."""
    problem, mu = Problem(torch.seed() % 2**32), 0.6
    strategy = Parle(1, parle_rate=0.8, parle_momentum=mu, parle_smoothing=0.0, gamma_start=0.0, rho_start=0.0)
    x = [torch.nn.Parameter(problem.start.clone()) for _ in range(problem.workers)]
    optimizers = [torch.optim.SGD([one], lr=0.8 * problem.rate, momentum=mu, nesterov=True) for one in x]
    expected = []
    for data in problem.data:
        for batches in zip(*data, strict=True):
            for one, batch, optimizer in zip(x, batches, optimizers, strict=True):
                one.grad = Quadratic(one.detach(), 0.0).gradient(batch)
                optimizer.step()
        expected.append(mean_of([one.detach() for one in x]))
    assert furthest(blend(problem, strategy), expected) < 1e-12


@pytest.mark.parametrize("coupling", [0.0, 0.5])
def test_parle_of_one_replica_is_entropy_sgd_without_noise(coupling):
    """x -= eta (x - mean of the inner loop); the mean of all z is its own, so that coupling is a larger eta."""
    problem, eta, gamma, a = Problem(torch.seed() % 2**32, workers=1), 0.6, 3.0, 0.75
    x, expected = problem.start.clone(), []
    for data in problem.data:
        for begin in range(0, problem.steps, 6):
            y = mean = x
            for batch in data[0][begin : begin + 6]:
                y = y - problem.rate * (Quadratic(y, 0.0).gradient(batch) + (y - x) / gamma)
                mean = a * mean + (1 - a) * y
            x = x - eta * (x - mean)
        expected.append(x)
    rho = 1 / coupling if coupling else 0.0
    strategy = Parle(
        6, parle_rate=eta / (1 + coupling), parle_momentum=0.0, parle_smoothing=a, gamma_start=gamma, gamma_end=gamma,
        rho_start=rho, rho_end=rho,
    )  # fmt: skip
    assert furthest(blend(problem, strategy), expected) < 1e-12


def test_parle_of_every_minibatch_is_elastic_sgd():
    """With L = 1 and no running mean: x -= eta (-(step) + r (x - mean of the stepped)), each worker by itself."""
    problem = Problem(torch.seed() % 2**32)
    elastic = Parle(
        1, parle_rate=1.0, parle_momentum=0.0, parle_smoothing=0.0, gamma_start=0.0, rho_start=4.0, rho_end=4.0
    )
    x, models = [problem.start] * problem.workers, []
    for data in problem.data:
        for batches in zip(*data, strict=True):
            y = [p - problem.rate * Quadratic(p, 0.0).gradient(batch) for p, batch in zip(x, batches, strict=True)]
            x = [after - (before - mean_of(y)) / 4 for before, after in zip(x, y, strict=True)]
        models.append(mean_of(x))
    assert furthest(blend(problem, elastic), models) < 1e-12


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_tail_averaging_is_the_mean_of_the_means_since_its_start(start):
    problem = Problem(torch.seed() % 2**32)
    means, expected = [], []

    def update(params):
        means.append(mean_of(params))
        return [means[-1]] * len(params), means[-1]

    local_sgd(problem, 6, update)
    for number in range(1, problem.rounds + 1):
        tail = [m for n, m in enumerate(means[: 4 * number]) if n // 4 / problem.rounds >= start]
        expected.append(mean_of(tail) if tail else means[4 * number - 1])
    assert furthest(blend(problem, Tail(6, tail_start=start)), expected) < 1e-12


@pytest.mark.parametrize("every", [0, 1, 5])
def test_hpsgd_without_a_lag_is_averaging_bit_for_bit(every):
    problem = Problem(torch.seed() % 2**32, short=3)
    found = blend(problem, Hpsgd(every, hpsgd_lag=0))
    assert all(torch.equal(one, other) for one, other in zip(found, blend(problem, Average(every)), strict=True))


def inside(params, groups):
    """Each worker at the mean of its group; groups as numbers of workers."""
    means = [mean_of(params[begin:end]) for begin, end in itertools.pairwise([0, *itertools.accumulate(groups)])]
    return [mean for mean, count in zip(means, groups, strict=True) for _ in range(count)]


@pytest.mark.parametrize("every", [0, 6])
def test_hierarchical_averaging_is_often_inside_a_group_and_rarely_among_all(every):
    problem, count = Problem(torch.seed() % 2**32, workers=5, short=3), itertools.count(1)

    def update(params):
        step = 2 * next(count)
        if step % problem.steps == 0 or (every and step % every == 0):
            return [mean_of(params)] * 5, mean_of(params)
        return inside(params, [2, 3]), None

    expected = local_sgd(problem, 2, update)
    assert furthest(blend(problem, Average(every, groups=2, group_period=2)), expected) < 1e-12
    same = blend(problem, Hpsgd(every, groups=2, group_period=2, hpsgd_lag=0))
    assert furthest(same, expected) < 1e-12


@pytest.mark.parametrize("kind", [Average, Bmuf, Easgd, Hpsgd, Parle])
def test_groups_of_one_worker_are_none(kind):
    problem = Problem(torch.seed() % 2**32)
    groups = blend(problem, kind(6, groups=problem.workers, group_period=2))
    assert furthest(groups, blend(problem, kind(6))) < 1e-12


def test_a_worker_that_is_not_finite_sits_out_until_the_next_blend_of_all():
    """Worker 1 is lost in step 8: the other of its group goes on alone, and both from the mean of three after step 12."""
    problem, count = Problem(torch.seed() % 2**32, rounds=1), itertools.count(1)
    problem.data[0][0][7][1][:] = torch.nan

    def sane(params):
        return [p for p in params if torch.isfinite(p).all()]

    def update(params):
        if 2 * next(count) in (12, 24):
            return [mean_of(sane(params))] * 4, mean_of(sane(params))
        means = inside([mean_of(sane(params[:2]))] * 2 + params[2:], [2, 2])
        return [m if torch.isfinite(p).all() else p for p, m in zip(params, means, strict=True)], None

    expected = local_sgd(problem, 2, update)
    assert furthest(blend(problem, Average(12, groups=2, group_period=2)), expected) < 1e-12


@pytest.mark.parametrize("lag", [1, 2])
@pytest.mark.parametrize("merge", ["keep", "overwrite"])
@pytest.mark.parametrize("groups", [(), (2, 2)])
def test_hpsgd_is_its_equations(lag, merge, groups):
    """Changes are sent every 6 steps, and merged so many blends later; all of them have arrived at the end of a round."""
    problem = Problem(torch.seed() % 2**32)
    c, n = problem.start.clone(), problem.workers
    p, base = [c.clone() for _ in range(n)], [c.clone() for _ in range(n)]
    expected = []
    for data in problem.data:
        under_way = []

        def arrive(under_way=under_way):
            nonlocal c
            change, snapshots = under_way.pop(0)
            c = c + change
            for a in range(n):
                if merge == "overwrite":
                    p[a], base[a] = c, c
                    continue
                shift = c - snapshots[a]
                p[a], base[a] = p[a] + shift, base[a] + shift
                for _, later in under_way:
                    later[a] = later[a] + shift

        for step in range(1, problem.steps + 1):
            for a in range(n):
                p[a] = p[a] - problem.rate * Quadratic(p[a], 0.0).gradient(data[a][step - 1])
            if groups and step % 2 == 0 and step % 6:
                p[:] = inside(p, groups)
            if step % 6 == 0:
                last = step == problem.steps
                while last and under_way:
                    arrive()
                change = mean_of([p[a] - base[a] for a in range(n)])
                under_way.append((change, [one.clone() for one in p]))
                base[:] = [one.clone() for one in p]
                if last or len(under_way) > lag:
                    arrive()
        expected.append(c)
    hierarchy = {"groups": 2, "group_period": 2} if groups else {}
    found = blend(problem, Hpsgd(6, **hierarchy, hpsgd_lag=lag, hpsgd_merge=merge))
    assert furthest(found, expected) < 1e-12


def test_hpsgds_merge_rules_compared():
    """Workers alike on h p^2 / 2, whose stretch between blends leaves rho of p. After B blends, one of them late:

    keep: rho^B, nothing is lost. overwrite: C' = C + (rho - 1) (C of the blend before), descent on delayed gradients. With d = 1 - rho
    its roots are (1 +- sqrt(1 - 4 d)) / 2, in the long run below rho while d < 0.38: a change that is counted from further away is larger,
    as with momentum. Then it swings, and as d goes to 1 it does not converge at all.
    """
    rho = torch.linspace(0.05, 0.95, DIM, dtype=torch.float64)
    problem = Problem(0, rounds=1, steps=6 * 20)
    curvature = (1 - rho ** (1 / 6)) / problem.rate
    batch = Batch((curvature.sqrt().diag(), torch.zeros(DIM, dtype=torch.float64)))
    problem.data = [[[batch] * problem.steps] * problem.workers]
    problem.start = torch.ones(DIM, dtype=torch.float64)
    (keep,) = blend(problem, Hpsgd(6, hpsgd_merge="keep"))
    (overwrite,) = blend(problem, Hpsgd(6, hpsgd_merge="overwrite"))
    assert furthest([keep], [rho**20]) < 1e-12
    c, older, old = problem.start, problem.start, rho
    for _ in range(19):
        c = c + (rho - 1) * older
        older, old = old, c
    assert furthest([overwrite], [c]) < 1e-12
    assert bool((keep.abs() < overwrite.abs())[rho < 0.5].all())
    assert bool((keep.abs() > overwrite.abs())[(rho > 0.7) & (rho < 0.9)].all())


@pytest.mark.parametrize("every", PERIODS)
def test_splashs_reweighting_is_a_rate_times_the_workers(every):
    """Each local sample counts as N (Zhang & Jordan 2015), then the mean: the house's rate of N times the effective one."""
    problem = Problem(torch.seed() % 2**32, short=3)
    n, effective = problem.workers, problem.rate / problem.workers
    problem.rate = effective
    weighted = copy.deepcopy(problem)
    for data in weighted.data:  # sqrt(N) on rows and targets is a weight of N on each sample
        for batches in data:
            batches[:] = [Batch((n**0.5 * x, n**0.5 * y)) for x, y in batches]
    problem.rate = n * effective
    assert furthest(blend(weighted, Average(every)), blend(problem, Average(every))) < 1e-12


def test_hpsgd_keeps_what_was_learnt_after_beginning_again():
    """Of two gives under way the first is left out: the worker goes on from c, and the second is merged as if given there."""
    one, two, learnt, mean = torch.randn(4, DIM, dtype=torch.float64)
    strategy = Hpsgd(1, hpsgd_lag=2)
    shared = strategy.begin(one)
    own = strategy.join(shared)
    for params in (one, two):
        own, _ = strategy.give(shared, own, params)
    own, params = strategy.rejoin(shared, own, mean)
    assert torch.equal(params, one)
    own, params = strategy.take({"c": mean}, own, params + learnt)
    assert furthest([params, own["base"]], [mean + learnt, mean]) < 1e-12


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_worker_whose_give_is_left_out_goes_on(name, lag):
    """Whatever is under way: it gives as many numbers as the others, and is finite at the end of the round."""
    problem = Problem(torch.seed() % 2**32, rounds=1)
    problem.data[0][2][7][1][:] = torch.nan
    kind = STRATEGIES[name]
    options = {one.name: lag for one in dataclasses.fields(kind) if one.name.endswith("_lag")}
    if lag and not options:
        pytest.skip("waits for every mean")
    (model,) = blend(problem, kind(average_period=3, **options))
    assert torch.isfinite(model).all()


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategies_are_pure(name):
    strategy = STRATEGIES[name]().at(Moment(3, 0.1, 0.2))
    params = torch.randn(DIM)
    shared = strategy.begin(params)
    own, sent = strategy.give(shared, strategy.join(shared), params)
    mean = torch.randn_like(sent)
    for call in (
        lambda: strategy.give(shared, own, params),
        lambda: strategy.blend(shared, mean),
        lambda: strategy.take(strategy.blend(shared, mean), own, params),
        lambda: strategy.show(shared, own, params) if shared else None,
        lambda: strategy.watch(own, params),
        lambda: strategy.pull(shared, own),
        lambda: strategy.rejoin(strategy.blend(shared, mean), own, mean),
    ):
        before = copy.deepcopy((shared, own, params, mean))
        once, twice = call(), call()
        assert repr(once) == repr(twice)
        assert repr((shared, own, params, mean)) == repr(before)
    assert dataclasses.is_dataclass(strategy)
    assert torch.equal(strategy.take(strategy.blend(shared, sent), own, params)[1], params), (
        "equals stay where they are"
    )


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("foo", {}, ["--strategy=foo", "average", "bmuf"]),
        ("average", {"block_momentum": 0.9}, ["--block-momentum", "--strategy=bmuf"]),
        ("bmuf", {"block_momentum": 1.0}, ["--block-momentum=1", "below 1"]),
        ("easgd", {"moving_rate": -0.1}, ["--moving-rate=-0.1"]),
        ("parle", {"gamma_end": -1.0}, ["--gamma-end=-1"]),
        ("tail", {"tail_start": 1.5}, ["--tail-start=1.5"]),
        ("hpsgd", {"hpsgd_lag": -1}, ["--hpsgd-lag=-1"]),
        ("streaming", {"fragments": 2, "fragment_lag": 2}, ["--fragment-lag=2", "below --fragments=2"]),
        ("streaming", {"fragment_mixing": 1.1}, ["--fragment-mixing=1.1"]),
        ("hpsgd", {"hpsgd_merge": "drop"}, ["--hpsgd-merge=drop", "overwrite"]),
        ("average", {"average_period": -1}, ["--average-period=-1"]),
        ("average", {"groups": 2}, ["--groups=2 --group-period=0", "or neither"]),
        ("average", {"average_period": 4, "groups": 2, "group_period": 4}, ["--group-period=4", "below"]),
    ],
)
def test_wrong_options_are_named(name, values, words):
    with pytest.raises(UsageError) as failure:
        one_of("strategy", name, STRATEGIES, Strategy, values)
    assert all(word in str(failure.value) for word in words)
