"""CMVN, deltas, splicing and the pipeline against their definitions."""

import numpy as np
import pytest

from houseblend.base.errors import InputError, StaleError
from houseblend.feat.cmvn import apply_cmvn, cmvn_stats
from houseblend.feat.deltas import add_deltas, splice
from houseblend.feat.description import read_model_features, write_feature_record, write_model_features
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.io.tables import write_table


def random_feats(frames: int, dim: int = 5) -> np.ndarray:
    """Fresh features, float32, shape [frames, dim]."""
    return np.random.default_rng().normal(3.0, 2.0, size=(frames, dim)).astype(np.float32)


def test_statistics_add_up_and_normalise():
    one, two = random_feats(70), random_feats(30)
    stats = cmvn_stats(one) + cmvn_stats(two)
    np.testing.assert_allclose(stats, cmvn_stats(np.concatenate([one, two])), rtol=1e-12)
    both = np.concatenate([apply_cmvn(one, stats, norm_vars=True), apply_cmvn(two, stats, norm_vars=True)])
    np.testing.assert_allclose(both.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(both.std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("norm_vars", [False, True])
def test_reverse_undoes(norm_vars):
    feats = random_feats(40)
    stats = cmvn_stats(feats)
    there = apply_cmvn(feats, stats, norm_vars)
    np.testing.assert_allclose(apply_cmvn(there, stats, norm_vars, reverse=True), feats, rtol=1e-5, atol=1e-5)


def test_constant_features_stay_finite():
    feats = np.full((10, 3), 7.0, dtype=np.float32)
    assert np.isfinite(apply_cmvn(feats, cmvn_stats(feats), norm_vars=True)).all()


def test_statistics_that_do_not_fit_are_refused():
    feats = random_feats(10)
    with pytest.raises(InputError, match=r"shape \(2, 4\) for features of dimension 5"):
        apply_cmvn(feats, np.ones((2, 4)))
    with pytest.raises(InputError, match="count 0"):
        apply_cmvn(feats, np.zeros((2, 6)))


def test_deltas_of_a_ramp_are_its_slope():
    ramp = np.arange(20, dtype=np.float32)[:, None] * np.float32([1.0, -2.0])
    feats = add_deltas(ramp, order=2, window=2)
    assert feats.shape == (20, 6)
    np.testing.assert_array_equal(feats[:, :2], ramp)
    np.testing.assert_allclose(feats[4:-4, 2:4], np.tile([1.0, -2.0], (12, 1)), atol=1e-5)
    np.testing.assert_allclose(feats[4:-4, 4:], 0, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_spliced_frames_stand_where_they_should(frames):
    feats = random_feats(frames)
    spliced = splice(feats, 3, 1)
    for t in range(frames):
        wanted = [feats[min(max(t + offset, 0), frames - 1)] for offset in range(-3, 2)]
        np.testing.assert_array_equal(spliced[t], np.concatenate(wanted))


def data_dir(folder, **options):
    """A data directory with features of two speakers; returns it with the features by utterance."""
    folder.mkdir()
    feats = {"s1-a": random_feats(30), "s1-b": random_feats(20), "s2-a": random_feats(25)}
    (folder / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in feats))
    with write_table(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp", "matrix") as write:
        for key, value in feats.items():
            write(key, value)
    with write_table(f"ark,scp:{folder}/cmvn.ark,{folder}/cmvn.scp", "matrix") as write:
        write("s1", cmvn_stats(feats["s1-a"]) + cmvn_stats(feats["s1-b"]))
        write("s2", cmvn_stats(feats["s2-a"]))
    write_feature_record(folder, "mfcc", options)
    return folder, feats


def test_the_pipeline_normalises_by_speaker_and_adds_deltas(tmp_path):
    folder, feats = data_dir(tmp_path / "data")
    read = dict(FeaturePipeline("mean-var", (Deltas(1),)).read(folder))
    assert list(read) == list(feats)
    stats = cmvn_stats(np.concatenate([feats["s1-a"], feats["s1-b"]]))
    np.testing.assert_array_equal(read["s1-b"], add_deltas(apply_cmvn(feats["s1-b"], stats, norm_vars=True), 1))
    for key, value in FeaturePipeline(cmvn="none").read(folder):
        np.testing.assert_array_equal(value, feats[key])


def test_features_that_are_not_finite_are_refused(tmp_path):
    folder, feats = data_dir(tmp_path / "data")
    feats["s1-b"][3, 2] = np.nan
    with write_table(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp", "matrix") as write:
        for key, value in feats.items():
            write(key, value)
    with pytest.raises(InputError, match=r"feats.scp: \[s1-b\].*not finite"):
        list(FeaturePipeline("mean").read(folder))


def test_a_model_refuses_features_made_otherwise(tmp_path):
    data, _ = data_dir(tmp_path / "data", num_ceps=13)
    other, _ = data_dir(tmp_path / "other", num_ceps=20)
    model = tmp_path / "model"
    model.mkdir()
    pipeline = FeaturePipeline("mean", (Deltas(),))
    write_model_features(model, data, pipeline)
    assert read_model_features(model, "gmm", data) == pipeline
    with pytest.raises(StaleError, match="num_ceps 20 against 13"):
        read_model_features(model, "gmm", other)
