"""Combination of nnet2's networks, and L-BFGS: closed forms and differences; Kaldi's combinations are among the golden rows."""

import numpy as np
import pytest
from some_nnet2 import components, example, parts, some_model, write_egs

from houseblend.base.errors import InputError
from houseblend.cli.nnet_combine_fast import main
from houseblend.nnet.formats.nnet2 import read_nnet2, write_nnet2_model
from houseblend.nnet.nnet2.network import Nnet2
from houseblend.train.lbfgs import Lbfgs
from houseblend.train.nnet2 import measure
from houseblend.train.nnet2_combine import _mixture, _objective, _preconditioner, combined
from houseblend.train.nnet2_options import CombineOptions

EXAMPLES = [(f"e{number}", example()) for number in range(30)]


def minimised(function, start: np.ndarray, calls: int, memory: int = 10) -> tuple[float, np.ndarray]:
    search = Lbfgs(start, memory, 0.01)
    for _ in range(calls):
        search.tell(*function(search.proposed))
    return search.best


@pytest.mark.parametrize("memory", [2, 10])
def test_a_quadratic_function_is_minimised(memory):
    rng = np.random.default_rng()
    root, place = rng.normal(size=(6, 6)), rng.normal(size=6)
    matrix = root @ root.T + np.eye(6)
    _, found = minimised(
        lambda x: (0.5 * (x - place) @ matrix @ (x - place), matrix @ (x - place)), rng.normal(size=6), 200, memory
    )
    np.testing.assert_allclose(found, place, atol=1e-6)


def test_rosenbrocks_valley_is_followed():
    def function(x):
        a, b = 1 - x[0], x[1] - x[0] ** 2
        return a**2 + 100 * b**2, np.array([-2 * a - 400 * b * x[0], 200 * b])

    _, found = minimised(function, np.array([-1.2, 1.0]), 100)
    np.testing.assert_allclose(found, [1, 1], atol=1e-5)


def test_a_search_begins_again_where_it_is_stuck():
    """The value has a kink that no gradient tells of: the best place stays."""
    value, found = minimised(lambda x: (abs(x).sum(), np.sign(x)), np.array([3.0, -2.0]), 60)
    assert value == pytest.approx(np.abs(found).sum())
    assert value < 5


def test_derivatives_are_differences():
    networks = [Nnet2(components()) for _ in range(2)]
    weights = np.random.default_rng().uniform(0.2, 0.8, size=(2, 3))
    value, gradient = _objective(networks, EXAMPLES, weights, 0.01)
    mixture = _mixture(networks, weights)
    penalty = sum(float(one.linear.square().sum() + one.bias.square().sum()) for one in mixture.trained)
    measured = measure(mixture, EXAMPLES)
    assert value == pytest.approx(measured.log_prob / len(EXAMPLES) - 0.005 * penalty, rel=1e-5)
    for place in np.ndindex(2, 3):
        values = []
        for step in (1e-2, -1e-2):
            moved = weights.copy()
            moved[place] += step
            moved_mixture = _mixture(networks, moved)
            penalty = sum(float(one.linear.square().sum() + one.bias.square().sum()) for one in moved_mixture.trained)
            found = measure(moved_mixture, EXAMPLES)
            values.append(found.log_prob / found.weight - 0.005 * penalty)
        assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-2, rel=0.05, abs=2e-3)
    root = _preconditioner(networks, EXAMPLES, weights)
    assert np.trace(root @ root.T) == pytest.approx(6 * 1.01)


def test_a_combination_fits_better_than_what_it_is_of():
    networks = [Nnet2(components()) for _ in range(3)]
    for network in networks[1:]:
        parts(network)[1] = parts(networks[0])[1]
    before = max(measure(network, EXAMPLES).log_prob for network in networks)
    found = combined(networks, EXAMPLES, CombineOptions(num_lbfgs_iters=12))
    assert measure(found, EXAMPLES).log_prob >= before - 1e-3
    same = combined(networks, EXAMPLES, CombineOptions(initial_model=1, num_lbfgs_iters=1))
    np.testing.assert_allclose(same.trained[0].linear, networks[1].trained[0].linear, atol=1e-5)
    mean = combined(networks, EXAMPLES, CombineOptions(initial_model=3, num_lbfgs_iters=1))
    wanted = sum(network.trained[2].bias for network in networks) / 3
    np.testing.assert_allclose(mean.trained[2].bias, wanted, atol=1e-5)


def test_what_cannot_be_combined_is_refused():
    networks = [Nnet2(components())]
    with pytest.raises(InputError, match="nothing to fit"):
        combined(networks, [], CombineOptions())
    with pytest.raises(InputError, match="other components"):
        combined([*networks, Nnet2(components(groups=True))], EXAMPLES, CombineOptions())


def test_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("1.mdl", "2.mdl"):
        write_nnet2_model(name, some_model())
    write_egs(tmp_path / "egs.ark", [one for _, one in EXAMPLES])
    assert main.main(["--num-lbfgs-iters=3", "1.mdl", "2.mdl", "ark:egs.ark", "3.mdl"]) == 0
    assert len(read_nnet2("3.mdl").trained) == 3
    assert main.main(["ark:egs.ark", "3.mdl"]) == 2
