"""LDA's statistics against sums written out; the transforms are tested against Kaldi's in tests/train."""

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.cli import est_lda
from houseblend.gmm.lda import LdaStats, lda, scaled_within, with_offset
from houseblend.io.objects import open_input, open_output
from houseblend.io.tables import read_object


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


def frames_of_classes(frames: int, dim: int, classes: int):
    """Statistics of random frames of random classes that lie apart, and both."""
    rng = np.random.default_rng()
    labels = rng.integers(classes, size=frames)
    mixing = (
        rng.uniform(0.5, 2.0, (dim, 1)) * np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    )  # of condition 4 at most
    x = rng.standard_normal((frames, dim)) @ mixing + rng.standard_normal((classes, dim))[labels]
    stats = LdaStats.zeros(classes, dim)
    stats.add(x, labels, np.ones(frames))
    return stats, x, labels


def test_directions_are_white_inside_classes_and_sorted_between_them():
    stats, x, labels = frames_of_classes(500, 6, 4)
    rows, spread, mean = lda(stats)
    means = np.stack([x[labels == label].mean(axis=0) for label in range(4)])[labels]
    inside, between = np.cov((x - means).T, bias=True), np.cov(means.T, bias=True)
    np.testing.assert_allclose(rows @ inside @ rows.T, np.eye(6), atol=1e-9)
    np.testing.assert_allclose(rows @ between @ rows.T, np.diag(spread), atol=1e-9)
    assert (np.diff(spread) <= 1e-9).all()
    np.testing.assert_allclose(spread[3:], 0, atol=1e-9)  # classes lie in a space of one dimension less
    moved = x @ with_offset(rows, mean)[:, :6].T + with_offset(rows, mean)[:, 6]
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=1e-9)
    scaled = x @ scaled_within(rows, spread, 0.25).T
    np.testing.assert_allclose(np.var(scaled, axis=0), 0.25 + spread, atol=1e-9)


def test_statistics_that_tell_nothing_are_refused():
    with pytest.raises(InputError, match="of no frames"):
        lda(LdaStats.zeros(3, 4))
    stats = LdaStats.zeros(3, 4)
    stats.add(np.zeros((5, 4)), np.array([0, 1, 2, 1, 0]), np.ones(5))
    with pytest.raises(InputError, match="without variance"):
        lda(stats)


def test_directions_without_variance_come_last(capsys):
    stats, x, labels = frames_of_classes(500, 6, 4)
    x[:, 2] = 0.0
    stats = LdaStats.zeros(4, 6)
    stats.add(x, labels, np.ones(500))
    rows, spread, _ = lda(stats)
    assert "is added to every variance" in capsys.readouterr().err
    assert np.isfinite(rows).all()
    assert np.abs(rows[:3, 2]).max() < 1e-6 * np.abs(rows).max()
    assert spread[0] > 0.01


def test_several_statistics_are_one_and_the_dimension_is_bounded(tmp_path, capsys):
    stats, x, labels = frames_of_classes(500, 6, 4)
    names = []
    for number, part in enumerate(np.array_split(np.arange(500), 3)):
        of_part = LdaStats.zeros(4, 6)
        of_part.add(x[part], labels[part], np.ones(len(part)))
        names.append(f"{tmp_path}/{number}.acc")
        with open_output(names[-1], binary=bool(number)) as target:
            of_part.write(target)
    words = ["--remove-offset=true", f"--write-full-matrix={tmp_path}/full.mat", f"{tmp_path}/lda.mat", *names]
    assert est_lda.main.main(["--dim=3", *words]) == 0
    matrix, full = (read_object(f"{tmp_path}/{name}.mat", "matrix") for name in ("lda", "full"))
    np.testing.assert_array_equal(matrix, full[:3])
    wanted = with_offset(lda(stats)[0], lda(stats)[2])
    np.testing.assert_allclose(np.abs(matrix), np.abs(wanted[:3]), rtol=1e-3, atol=1e-3)
    for dim, status in ((4, 2), (6, 2), (0, 2)):
        assert est_lda.main.main([f"--dim={dim}", *words]) == status
    assert "--dim=4 of 6 dimensions and 4 classes; expected 1 to 3" in capsys.readouterr().err
    assert est_lda.main.main(["--dim=6", "--allow-large-dim=true", *words]) == 0
    with open_output(f"{tmp_path}/other.acc") as target:
        LdaStats.zeros(5, 6).write(target)
    assert est_lda.main.main(["--dim=3", *words, f"{tmp_path}/other.acc"]) == 1
    assert "other.acc: statistics of 5 classes and 6 dimensions; expected 4 classes" in capsys.readouterr().err
