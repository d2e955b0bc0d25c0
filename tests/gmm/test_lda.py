"""LDA's statistics against sums written out; the transforms are tested against Kaldi's in tests/train."""

import numpy as np
import pytest

from houseblend.gmm.lda import LdaStats
from houseblend.io.objects import open_input, open_output


@pytest.mark.parametrize(("rows", "dim", "classes"), [(40, 5, 3), (7, 4, 10), (1, 2, 1)])
def test_statistics_are_weighted_sums_by_class_however_the_rows_come(rows, dim, classes, tmp_path):
    rng = np.random.default_rng()
    x, labels, weights = rng.standard_normal((rows, dim)), rng.integers(classes, size=rows), rng.random(rows)
    stats = LdaStats.zeros(classes, dim)
    for part in np.array_split(np.arange(rows), min(rows, 3)):
        stats.add(x[part].astype(np.float32), labels[part], weights[part].astype(np.float32))
    one_hot = np.eye(classes)[labels] * weights[:, None]
    np.testing.assert_allclose(stats.counts, one_hot.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(stats.sums, one_hot.T @ x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(stats.second, (x * weights[:, None]).T @ x, rtol=1e-5, atol=1e-6)
    with open_output(tmp_path / "acc") as target:
        stats.write(target)
    with open_input(tmp_path / "acc") as source:
        again = LdaStats.read(source)
    np.testing.assert_allclose(again.second, stats.second, rtol=1e-5, atol=1e-5)
