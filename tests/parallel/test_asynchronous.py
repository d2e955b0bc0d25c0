"""Asynchronous methods in float64 on least squares, the server, and the virtual clock."""

import pytest
import thousand
import torch
from quadratic import DIM, Batch, Problem, Quadratic, blend

from houseblend.base.errors import UsageError
from houseblend.parallel.asynchronous.clock import Clock
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.server import Server, drive
from houseblend.parallel.strategies import ASYNCHRONOUS
from houseblend.parallel.strategies.asgd import Asgd
from houseblend.parallel.strategies.async_easgd import AsyncEasgd
from houseblend.parallel.strategies.averaged_asgd import AveragedAsgd
from houseblend.parallel.strategies.delayed_nesterov import DelayedNesterov
from houseblend.parallel.strategies.diloco import DiLoCo
from houseblend.parallel.strategy import Moment
from houseblend.parallel.worker import Given, Worker

UNEQUAL = Machine("1,1.5,0.7,3", 0.3, 0.2, 100.0)


def train(problem, strategy, machine=UNEQUAL, spoil=lambda worker: None):
    """Server and order of pushes after each round; `spoil` may change a worker before it trains."""
    servers, shared, owns, params = [], None, {}, {}
    for number in range(problem.rounds):
        now = strategy.at(Moment(problem.workers, problem.rate, number / problem.rounds))
        shared = now.begin(problem.start) if shared is None else shared
        steps = [len(data) for data in problem.data[number]]
        workers, turns = {}, {}
        for n, data in enumerate(problem.data[number], start=1):
            learner = Quadratic(params.get(n, shared["c"]), problem.rate)
            workers[n] = Worker(n, learner, iter(data), now, owns.get(n, now.join(shared)))
            spoil(workers[n])
            pushes = -(-len(data) // now.every)
            turns[n] = workers[n].train({"c": shared["c"]}, pushes * now.every, pushes)
        server = Server(now, shared)
        drive(server, turns, Clock(machine, steps, now.every, 8 * DIM, 1, number).order())
        shared = server.pushes.shared
        for n, worker in workers.items():
            owns[n], resumed = now.resume(shared, worker.own, worker.learner.params)
            params[n] = resumed.clone()
        servers.append(server)
    return servers


def expected(problem, orders, every, push, rejoin=False):
    """The models by a second, independent way: all workers' states in lists, each push one call of `push`."""
    c, p, models = problem.start.clone(), {}, []
    taken = {}
    for number, order in enumerate(orders):
        done = dict.fromkeys(range(1, problem.workers + 1), 0)
        for n in done:
            taken[n] = c
            if not rejoin or number == 0:
                p[n] = c
        for n in order:
            for batch in problem.data[number][n - 1][done[n] : done[n] + every]:
                p[n] = p[n] - problem.rate * Quadratic(p[n], 0.0).gradient(batch)
            done[n] += every
            c, p[n], taken[n] = push(c, p[n], taken[n])
        models.append(c)
    return models


def furthest(servers, models):
    pairs = zip(servers, models, strict=True)
    return max(float((server.pushes.shared["c"] - model).abs().max()) for server, model in pairs)


@pytest.mark.parametrize("every", [1, 5])
def test_asgd_adds_changes(every):
    problem = Problem(torch.seed() % 2**32, short=3)
    servers = train(problem, Asgd(every))
    orders = [server.pushes.order for server in servers]

    def push(c, p, taken):
        c = c + (p - taken)
        return c, c, c

    assert furthest(servers, expected(problem, orders, every, push)) < 1e-12


def test_compensated_asgd_adds_what_the_gradient_has_changed_by():
    problem, strength = Problem(torch.seed() % 2**32), 0.05
    servers = train(problem, Asgd(1, delay_compensation=strength))
    orders = [server.pushes.order for server in servers]

    def push(c, p, taken):
        g = (taken - p) / problem.rate
        c = c - problem.rate * (g + strength * g * g * (c - taken))
        return c, c, c

    assert furthest(servers, expected(problem, orders, 1, push)) < 1e-12
    assert furthest(train(problem, Asgd(1)), [server.pushes.shared["c"] for server in servers]) > 1e-6


@pytest.mark.parametrize("start", [0.0, 0.4])
def test_averaged_asgd_keeps_the_mean_of_what_the_server_had(start):
    problem = Problem(torch.seed() % 2**32)
    servers, seen = train(problem, AveragedAsgd(2, tail_start=start)), []

    def push(c, p, taken):
        seen.append(c + (p - taken))
        return seen[-1], seen[-1], seen[-1]

    orders = [server.pushes.order for server in servers]
    assert furthest(servers, expected(problem, orders, 2, push)) < 1e-12
    first = next(number for number in range(3) if number / 3 >= start) * len(orders[0])
    bar = AveragedAsgd(2).show(servers[-1].pushes.shared)
    assert (bar - torch.stack(seen[first:]).mean(0)).abs().max() < 1e-12


@pytest.mark.parametrize("every", [1, 5])
def test_async_easgd_is_algorithm_1(every):
    problem, beta = Problem(torch.seed() % 2**32, short=3), 0.8
    servers, alpha = train(problem, AsyncEasgd(every, moving_rate=beta)), beta / 4

    def push(c, p, taken):
        pull = alpha * (p - c)
        return c + pull, p - pull, c

    orders = [server.pushes.order for server in servers]
    assert furthest(servers, expected(problem, orders, every, push, rejoin=True)) < 1e-12


def test_delayed_nesterov_is_algorithm_3():
    problem, rate, beta = Problem(torch.seed() % 2**32), 0.5, 0.6
    servers = train(problem, DelayedNesterov(4, outer_learning_rate=rate, outer_momentum=beta))
    state = {"v": torch.zeros(DIM, dtype=torch.float64), "sum": torch.zeros(DIM, dtype=torch.float64), "t": 0}

    def push(c, p, taken):
        g = taken - p
        state["sum"], state["t"] = state["sum"] + g, state["t"] + 1
        if state["t"] % 4 == 0:
            state["v"] = beta * state["v"] + state["sum"] / 4
            c = c - rate * (beta * state["v"] + g / 4)
            state["sum"] = torch.zeros_like(g)
        else:
            c = c - rate * g / 4
        return c, c, c

    orders = [server.pushes.order for server in servers]
    assert furthest(servers, expected(problem, orders, 4, push)) < 1e-12


def test_delayed_nesterov_of_one_worker_is_diloco():
    problem = Problem(torch.seed() % 2**32, workers=1)
    servers = train(problem, DelayedNesterov(6, outer_learning_rate=0.5, outer_momentum=0.6))
    models = blend(problem, DiLoCo(6, outer_learning_rate=0.5, outer_momentum=0.6))
    assert furthest(servers, models) < 1e-12


@pytest.mark.parametrize("every", [1, 7])
def test_one_worker_is_plain_sgd_bit_for_bit(every):
    """In float32, where c + (p - c) is not p: a change is formed in float64."""
    problem = Problem(torch.seed() % 2**32, workers=1)
    problem.start = problem.start.float()
    for data in problem.data:
        data[0] = [Batch((x.float(), y.float())) for x, y in data[0]]
    plain = Quadratic(problem.start, problem.rate)
    models = []
    for data in problem.data:
        for batch in data[0]:
            plain.step(batch)
        models.append(plain.params.clone())
    servers = train(problem, Asgd(every))
    for server, model in zip(servers, models, strict=True):
        assert torch.equal(server.pushes.shared["c"], model)
        assert server.pushes.staleness == {0: len(server.pushes.order)}


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_no_argument_is_changed_in_place(name):
    strategy = ASYNCHRONOUS[name]().at(Moment(3, 0.1))
    shared = strategy.begin(torch.randn(5))
    sent, taken = torch.randn(5), torch.randn(5)
    for staleness in (0, 1, 2, 0):
        before = {key: value.clone() for key, value in shared.items()}
        copies = sent.clone(), taken.clone()
        after, reply = strategy.push(shared, sent, taken, staleness)
        assert all(torch.equal(before[key], shared[key]) for key in before)
        assert torch.equal(sent, copies[0])
        assert torch.equal(taken, copies[1])
        strategy.take({"c": reply}, {}, sent)
        assert torch.equal(sent, copies[0])
        shared = after


def test_a_push_that_is_not_finite_is_refused_and_its_worker_begins_again():
    problem = Problem(torch.seed() % 2**32, rounds=1)

    def spoil(worker):
        if worker.number == 2:
            step, count = worker.learner.step, iter(range(100))

            def sometimes(batch, pull=None):
                step(batch, pull)
                if next(count) == 4:
                    worker.learner.params[3] = torch.nan

            worker.learner.step = sometimes

    (server,) = train(problem, Asgd(1), spoil=spoil)
    pushes = server.pushes
    assert [(one.worker, pushes.order[: one.blend].count(2)) for one in pushes.refused] == [(2, 5)]
    assert torch.isfinite(pushes.shared["c"]).all()
    assert sum(pushes.staleness.values()) == len(pushes.order) - 1


def test_staleness_counts_the_pushes_of_others():
    server = Server(Asgd().at(Moment(3)), {"c": torch.zeros(2)})
    for worker in (1, 2, 3, 3, 1):
        server.push(worker, Given(torch.ones(2)))
    assert server.pushes.staleness == {0: 2, 1: 1, 2: 1, 3: 1}


def test_a_clock_of_equal_workers_takes_turns():
    assert list(Clock(Machine("2"), [3, 3, 2], 1, 100).order()) == [1, 2, 3, 1, 2, 3, 1, 2]


def test_a_clock_by_hand():
    """Minibatches of 1 and 2.5 s; 0.25 s over the link and 0.5 s through it, each way."""
    clock = Clock(Machine("1,2.5", 0.0, 0.25, 20.0), [3, 1], 1, 10)
    assert list(clock.order()) == [1, 2, 1, 1]
    # worker 1 sends at 1, 3.5 and 6; it has its answers 1.5 s later; worker 2 sends at 2.5 and finds the link free
    assert clock.waiting == [4.5, 1.5]
    assert clock.now == 6 + 0.5 + 0.25
    assert clock.training == [3.0, 2.5]


def test_a_link_carries_one_push_at_a_time():
    clock = Clock(Machine("1", 0.0, 0.0, 1.0), [1, 1, 1], 1, 10)
    assert list(clock.order()) == [1, 2, 3]
    assert clock.now == 31.0
    assert clock.waiting == [20.0, 30.0, 40.0]


def test_a_fast_worker_pushes_more_often():
    order = list(Clock(Machine("1,3"), [30, 30], 1, 0).order())
    assert order[:20].count(1) == 15
    assert len(order) == 60


def test_the_spread_of_speeds_has_the_mean_that_was_asked_for():
    clock = Clock(Machine("2", 0.5), [20_000], 1, 0, seed=int(torch.seed() % 1000))
    assert len(list(clock.order())) == 20_000
    assert clock.now / 20_000 == pytest.approx(2.0, rel=0.02)


def test_the_same_seed_gives_the_same_order():
    machine = Machine("1,1.1", 0.4)
    first, again, other = (list(Clock(machine, [50] * 5, 1, 0, seed).order()) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("words", [{"step_seconds": "1,x"}, {"step_seconds": "0"}, {"link_latency": -1.0}])
def test_bad_machines(words):
    with pytest.raises(UsageError):
        Machine(**words)


def test_a_thousand_workers():
    """As in tests/bench/bench_virtual.py, with fewer pushes: the same bits twice, and it learns."""
    batches = thousand.batches_of(5)
    first, again = thousand.train(batches, 20), thousand.train(batches, 20)
    assert torch.equal(first.shared["c"], again.shared["c"])
    assert len(first.order) == 20_000
    assert 500 < max(first.staleness) < 3000
    assert thousand.accuracy(first, batches) > 0.7
