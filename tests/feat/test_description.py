"""What directories say of their features, in Kaldi's files and in ours."""

import json

import numpy as np
import pytest

from houseblend.base.errors import InputError, StaleError
from houseblend.feat.cmvn import apply_cmvn
from houseblend.feat.deltas import add_deltas, splice
from houseblend.feat.description import (
    copy_model_features,
    find_speakers,
    is_adapted,
    read_feature_record,
    read_model_features,
    write_feature_record,
    write_model_features,
)
from houseblend.feat.pipeline import Deltas, FeaturePipeline, Features, LinearTransform, SpeakerTransforms, Splice
from houseblend.io.tables import write_object, write_table

CHANCE = np.random.default_rng(7)


def random_feats():
    """Features of two speakers by utterance."""
    return {key: CHANCE.normal(size=(frames, 5)).astype(np.float32) for key, frames in (("s1-a", 9), ("s2-a", 6))}


def write_data(folder, feats, stats=None):
    """A plain data directory; statistics of CMVN by speaker are those given, or of no effect."""
    folder.mkdir()
    (folder / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in feats))
    with write_table(f"ark,scp:{folder}/raw.ark,{folder}/feats.scp", "matrix") as write:
        for key, value in feats.items():
            write(key, value)
    with write_table(f"ark,scp:{folder}/raw_cmvn.ark,{folder}/cmvn.scp", "matrix") as write:
        for key in feats:
            write(key[:2], FAKE if stats is None else stats)
    return folder


FAKE = np.array([[0.0] * 5 + [1.0], [1.0] * 5 + [0.0]])
"""What compute_cmvn_stats.sh --fake writes for 5 numbers a frame."""


def model(folder, **files):
    """A directory with these files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "kind", "expected"),
    [
        ({}, "gmm", FeaturePipeline("mean", (Deltas(2, 2),))),
        ({"cmvn_opts": "\n"}, "gmm", FeaturePipeline("mean", (Deltas(2, 2),))),
        ({"cmvn_opts": "--norm-vars=true"}, "gmm", FeaturePipeline("mean-var", (Deltas(2, 2),))),
        ({"cmvn_opts": "--norm_vars=t --norm-vars=false"}, "gmm", FeaturePipeline("mean", (Deltas(2, 2),))),
        ({"cmvn_opts": "--norm-means=false --norm-vars=false\n"}, "gmm", FeaturePipeline("none", (Deltas(2, 2),))),
        ({"delta_opts": "--delta-order=1"}, "gmm", FeaturePipeline("mean", (Deltas(1, 2),))),
        ({"delta_opts": "--delta-window=3 --delta-order=3\n"}, "gmm", FeaturePipeline("mean", (Deltas(3, 3),))),
        ({"delta_order": "0\n"}, "gmm", FeaturePipeline("mean", (Deltas(0, 2),))),
        ({"splice_opts": "--left-context=3"}, "gmm", FeaturePipeline("mean", (Deltas(2, 2),))),
        ({}, "nnet3", FeaturePipeline("none")),
        ({"cmvn_opts": "\n", "splice_opts": "--left-context=3", "delta_opts": "--bad"}, "nnet3", FeaturePipeline("mean")),
        ({"cmvn_opts": "--norm-vars", "frame_subsampling_factor": "1\n"}, "nnet3", FeaturePipeline("mean-var")),
    ],
)  # fmt: skip
def test_kaldis_files_say_what_is_done_to_features(files, kind, expected, tmp_path):
    assert read_model_features(model(tmp_path / "model", **files), kind) == expected


@pytest.mark.parametrize(
    ("options", "left", "right"), [(None, 4, 4), ("\n", 4, 4), ("--left-context=3 --right-context=2\n", 3, 2)]
)
@pytest.mark.parametrize("offset", [0, 1])
def test_a_final_mat_transforms_spliced_frames(options, left, right, offset, tmp_path):
    feats, stats = random_feats(), np.concatenate([CHANCE.uniform(1, 2, (2, 5)), [[3.0], [0.0]]], axis=1)
    data = write_data(tmp_path / "data", feats, stats)
    folder = model(tmp_path / "model", **({} if options is None else {"splice_opts": options}), delta_opts="--bad")
    matrix = CHANCE.normal(size=(7, 5 * (left + 1 + right) + offset)).astype(np.float32)
    write_object(str(folder / "final.mat"), "matrix", matrix)
    for key, found in read_model_features(folder, "gmm", data).read(data):
        spliced = splice(apply_cmvn(feats[key], stats), left, right)
        wanted = spliced @ matrix[:, : spliced.shape[1]].T + (matrix[:, -1] if offset else 0)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_final_mat_that_does_not_fit_names_the_utterance(tmp_path):
    data, folder = write_data(tmp_path / "data", random_feats()), model(tmp_path / "model")
    write_object(str(folder / "final.mat"), "matrix", np.ones((2, 7), np.float32))
    with pytest.raises(InputError, match=r"feats.scp: \[s1-a\] a transform with 7 columns; expected 45 or 46"):
        list(read_model_features(folder, "gmm", data).read(data))


def test_fake_statistics_change_nothing(tmp_path):
    feats = random_feats()
    data = write_data(tmp_path / "data", feats)
    for cmvn in ("mean", "mean-var"):
        for key, found in FeaturePipeline(cmvn).read(data):
            np.testing.assert_array_equal(found, feats[key])


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        ({"cmvn_opts": "--norm-means=false --norm-vars=true"}, "gmm", "cmvn_opts: variances are normalised without means"),
        ({"cmvn_opts": "--skip-dims=13:14"}, "gmm", "cmvn_opts: found '--skip-dims=13:14'; expected --norm-means= --norm-vars="),
        ({"cmvn_opts": "norm-means=true"}, "nnet3", "cmvn_opts: found 'norm-means=true'"),
        ({"cmvn_opts": "--norm-means=no"}, "gmm", "cmvn_opts: found 'no'; expected true or false"),
        ({"delta_opts": "--delta-order=-1"}, "gmm", "delta_opts: found '-1'; expected 0 to 9"),
        ({"delta_opts": "--delta-window=0"}, "gmm", "delta_opts: found '0'; expected 1 to 999"),
        ({"delta_order": ""}, "gmm", "delta_order: found ''; expected 0 to 9"),
        ({"splice_opts": "--left-context", "final.mat": " [ 1 2\n 3 4 ]\n"}, "gmm", "splice_opts: found ''; expected 0 to 999"),
        ({"final.mat": "[ 1"}, "gmm", "final.mat"),
        ({"online_cmvn": ""}, "nnet3", "online_cmvn: the network was trained with online CMVN"),
        ({"final.ie.id": "1"}, "nnet3", "final.ie.id: the network was trained with i-vectors"),
        ({"frame_subsampling_factor": "3\n"}, "nnet3", "frame_subsampling_factor: a network that scores one frame of 3"),
        ({"feature.json": "{"}, "gmm", "feature.json: no JSON"),
    ],
)  # fmt: skip
def test_files_that_ask_for_what_there_is_not_are_named(files, kind, message, tmp_path):
    with pytest.raises(InputError) as failure:
        read_model_features(model(tmp_path / "model", **files), kind)
    assert message in str(failure.value)


@pytest.mark.parametrize(
    ("pipeline", "files"),
    [
        (FeaturePipeline("none"), {"cmvn_opts": "--norm-means=false --norm-vars=false\n"}),
        (FeaturePipeline("mean"), {"cmvn_opts": "--norm-means=true --norm-vars=false\n"}),
        (
            FeaturePipeline("mean-var", (Deltas(1, 3),)),
            {"cmvn_opts": "--norm-means=true --norm-vars=true\n", "delta_opts": "--delta-order=1 --delta-window=3\n"},
        ),
    ],
)
def test_our_models_say_the_same_in_kaldis_files(pipeline, files, tmp_path):
    data, mine, copy = write_data(tmp_path / "data", random_feats()), model(tmp_path / "mine"), model(tmp_path / "copy")
    write_model_features(mine, data, pipeline)
    copy_model_features(mine, copy)
    for folder in (mine, copy):
        assert {path.name: path.read_text() for path in folder.iterdir() if path.name != "feature.json"} == files
        assert read_model_features(folder, "gmm" if pipeline.transforms else "nnet3", data) == pipeline


def test_a_transform_is_kept(tmp_path):
    feats = random_feats()
    data, folder = write_data(tmp_path / "data", feats), model(tmp_path / "model")
    pipeline = FeaturePipeline("mean", (Splice(1, 0), LinearTransform(CHANCE.normal(size=(3, 10)).astype(np.float32))))
    write_model_features(folder, data, pipeline)
    mine = dict(read_model_features(folder, "gmm", data).read(data))
    for key, wanted in pipeline.read(data):
        np.testing.assert_array_equal(mine[key], wanted)
        assert mine[key].shape == (len(feats[key]), 3)


def test_features_made_elsewhere_are_known_by_their_content(tmp_path):
    feats = random_feats()
    one, same = write_data(tmp_path / "one", feats), write_data(tmp_path / "same", feats)
    feats["s2-a"][3, 1] += 1e-3
    other = write_data(tmp_path / "other", feats)
    prints = []
    for data in (one, same, other):
        assert read_feature_record(data)["kind"] == "external"
        folder = model(tmp_path / f"{data.name}-model")
        prints.append(write_model_features(folder, data, FeaturePipeline("mean"))["fingerprint"])
        assert read_feature_record(folder)["fingerprint"] == prints[-1]
    assert prints[0] == prints[1] != prints[2]
    assert read_model_features(tmp_path / "one-model", "nnet3", other) == FeaturePipeline("mean")


def test_features_of_another_kind_are_refused_on_both_sides(tmp_path):
    external, mfcc = write_data(tmp_path / "external", random_feats()), write_data(tmp_path / "mfcc", random_feats())
    write_feature_record(mfcc, "mfcc", {"num_ceps": 5})
    for data in (external, mfcc):
        write_model_features(model(tmp_path / f"{data.name}-model"), data, FeaturePipeline("mean", (Deltas(),)))
    model(tmp_path / "kaldi-model", cmvn_opts="\n")
    for name, data, message in (
        ("mfcc", external, "external against mfcc"), ("external", mfcc, "mfcc against external"),
        ("kaldi", mfcc, "mfcc against external"),
    ):  # fmt: skip
        with pytest.raises(StaleError, match=message):
            read_model_features(tmp_path / f"{name}-model", "gmm", data)
    for name, data in (("mfcc", mfcc), ("external", external), ("kaldi", external)):
        deltas = dict(read_model_features(tmp_path / f"{name}-model", "gmm", data).read(data))
        raw = dict(FeaturePipeline("mean").read(data))
        np.testing.assert_array_equal(deltas["s1-a"], add_deltas(raw["s1-a"], 2))


def test_a_model_of_ours_without_its_options_is_refused(tmp_path):
    folder = model(tmp_path / "model")
    write_feature_record(folder, "mfcc", {})
    record = json.loads((folder / "feature.json").read_text())
    (folder / "feature.json").write_text(json.dumps({**record, "pipeline": {"cmvn": "none", "delta_order": 2}}))
    with pytest.raises(InputError, match="cmvn_opts: no such file; run the step that wrote the directory again"):
        read_model_features(folder, "gmm")


def test_models_of_adapted_features_are_told_by_their_files(tmp_path):
    for name, adapted in (("trans.1", True), ("final.alimdl", True), ("trans.old", False), ("final.mat", False)):
        assert is_adapted(model(tmp_path / name, **{name: ""})) is adapted


def test_transforms_of_speakers_come_last(tmp_path):
    feats = random_feats()
    data, folder = write_data(tmp_path / "data", feats), model(tmp_path / "model")
    matrix, offsets = CHANCE.normal(size=(4, 45)).astype(np.float32), {"s1": 3.0, "s2": -5.0}
    speakers = SpeakerTransforms({key: np.eye(4, 5, dtype=np.float32) * 2 for key in offsets})
    for key, offset in offsets.items():
        speakers.matrices[key][:, 4] = offset
    pipeline = FeaturePipeline("mean", (Splice(), LinearTransform(matrix), speakers))
    write_model_features(folder, data, pipeline)
    found = find_speakers(folder)
    assert found is not None
    for key, x in read_model_features(folder, "nnet3", data).followed_by(found).read(data):
        np.testing.assert_allclose(x, 2 * splice(feats[key], 4, 4) @ matrix.T + offsets[key[:2]], rtol=1e-4, atol=1e-4)
    features = Features(data, pipeline)
    assert features.by_speaker() == {"s1": ["s1-a"], "s2": ["s2-a"]}
    with pytest.raises(InputError, match=r"feats.scp: \[s2-a\] no transform of speaker s2"):
        features.through(FeaturePipeline("mean", (SpeakerTransforms({}),)))["s2-a"]
