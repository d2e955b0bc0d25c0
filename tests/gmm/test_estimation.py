"""Statistics, update and splitting: Kaldi's, definitions, and what is refused."""

import numpy as np
import pytest
from golden_gmm import GMM, parameters, random_mixtures, sub_features
from hypothesis import given, settings
from hypothesis import strategies as st

from houseblend.base.errors import InputError
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.estimate import mix_up, split_targets, update
from houseblend.gmm.model import read_model
from houseblend.gmm.options import SplitOptions, UpdateOptions
from houseblend.io.tables import open_table

MEMBERS = ("occupancy", "sums", "squares")


def accumulate(transitions, mixtures, items):
    stats = Accumulators.for_model(transitions, mixtures)
    with open_table(f"ark:{GMM}/sub_ali.ark", "int-vector") as ali:
        for key, feats in items:
            stats.add_alignment(transitions, mixtures, feats, ali[key], key)
    return stats


def flat(stats, name):
    return np.concatenate([part.ravel() for part in getattr(stats, name)])


def test_statistics_are_kaldis():
    stats = accumulate(*read_model(GMM / "mono" / "final.mdl"), sub_features())
    expected = Accumulators.read(GMM / "0.acc")
    assert (stats.transitions == expected.transitions).all()
    assert (stats.frames, stats.log_likelihood) == (expected.frames, pytest.approx(expected.log_likelihood, rel=1e-6))
    for name in MEMBERS:
        assert flat(stats, name) == pytest.approx(flat(expected, name), rel=1e-4, abs=1e-4), name


def test_statistics_of_parts_sum_to_those_of_the_whole():
    model, items = read_model(GMM / "mono" / "final.mdl"), list(sub_features())
    whole = accumulate(*model, items)
    total = accumulate(*model, items[:31])
    total.merge(accumulate(*model, items[31:]))
    assert total.frames == whole.frames
    for name in MEMBERS:
        assert flat(total, name) == pytest.approx(flat(whole, name), rel=1e-9)


def test_statistics_of_another_model_are_refused():
    mono, tri = (Accumulators.for_model(*read_model(GMM / name / "final.mdl")) for name in ("mono", "tri1"))
    with pytest.raises(InputError, match="other transition-ids: 236, not 132"):
        mono.merge(tri)


@pytest.mark.parametrize("ids", [[0], [133], [-1]])
def test_transition_ids_that_the_model_lacks_are_refused(ids):
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    stats = Accumulators.for_model(transitions, mixtures)
    with pytest.raises(InputError, match="utt1"):
        stats.add_alignment(transitions, mixtures, np.zeros((1, 39), np.float32), np.array(ids), "utt1")
    assert not stats.transitions.any()


@pytest.mark.parametrize("part", [0.001, 0.1, 0.6, 0.9999])
def test_truncated_statistics_are_refused(part, tmp_path):
    whole = (GMM / "0.acc").read_bytes()
    (tmp_path / "cut.acc").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError, match=r"cut\.acc"):
        Accumulators.read(tmp_path / "cut.acc")


def test_one_gaussian_gets_mean_and_variance_of_its_frames():
    noise = np.random.default_rng()
    transitions, _ = read_model(GMM / "mono" / "final.mdl")
    mixtures = random_mixtures(noise, [1] * transitions.num_pdfs, 3)
    feats = noise.normal(2.0, [0.5, 1.0, 1e-3], size=(40, 3)).astype(np.float32)
    stats = Accumulators.for_model(transitions, mixtures)
    stats.add_alignment(transitions, mixtures, feats, np.ones(40, dtype=np.int32))
    pdf = transitions.id_to_pdf[1]
    new = update(mixtures, stats, UpdateOptions())
    assert new.mixtures[pdf].means[0] == pytest.approx(feats.mean(axis=0), rel=1e-5)
    variances = np.maximum(feats.astype(np.float64).var(axis=0), 0.001)
    assert 1.0 / new.mixtures[pdf].inv_vars[0] == pytest.approx(variances, rel=1e-3)
    unseen = (pdf + 1) % transitions.num_pdfs
    assert parameters(new)[1].reshape(-1, 3)[unseen] == pytest.approx(mixtures.mixtures[unseen].means_invvars[0])


def test_an_update_makes_the_data_likelier():
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    items = list(sub_features())
    before = accumulate(transitions, mixtures, items)
    kept = UpdateOptions(remove_low_count_gaussians=False)
    after = accumulate(transitions, update(mixtures, before, kept), items)
    assert after.log_likelihood > before.log_likelihood


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e4, width=32), min_size=1, max_size=12), st.integers(1, 80), st.floats(0.1, 1.0))
def test_gaussians_are_shared_out_within_the_counts(occupancy, total, power):
    sizes = split_targets(np.array(occupancy), total, SplitOptions(power))
    assert min(sizes) >= 1
    assert sum(sizes) <= max(total, len(occupancy))
    for size, count in zip(sizes, occupancy, strict=True):
        assert size == 1 or size * 20.0 < count
    if sum(sizes) < total:
        assert all((size + 1) * 20.0 >= count for size, count in zip(sizes, occupancy, strict=True) if count > 0)


def test_equal_counts_are_served_as_by_kaldis_queue():
    """What GetSplitTargets, compiled by g++, makes of them."""
    assert split_targets(np.full(7, 500.0), 10, SplitOptions()) == [2, 1, 2, 1, 1, 2, 1]
    counts = np.array([500, 90, 500, 61, 500, 500, 90], dtype=np.float32)
    assert split_targets(counts, 12, SplitOptions()) == [2, 1, 2, 1, 2, 2, 2]


def test_split_mixtures_keep_weight_and_mean():
    noise = np.random.default_rng()
    mixtures = random_mixtures(noise, [1, 2, 3], 4)
    split = mix_up(mixtures, np.array([5000.0, 3000.0, 10.0]), 20, SplitOptions())
    assert split.num_gaussians == 22  # the third keeps three, though one is its share
    for before, after in zip(mixtures.mixtures, split.mixtures, strict=True):
        assert after.weights.sum() == pytest.approx(1.0, rel=1e-5)
        assert after.weights @ after.means == pytest.approx(before.weights @ before.means, rel=1e-4, abs=1e-5)
