"""The step compute_posteriors, and nnet3-compute as its help shows it, beside what Kaldi's programs gave."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from houseblend.feat.description import write_feature_record, write_model_features
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.io.tables import read_table, write_table

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "golden"
GMM, NNET = GOLDEN / "gmm", GOLDEN / "nnet"


@pytest.fixture
def data(tmp_path):
    """Eighty digits: raw features and statistics by speaker."""
    data = tmp_path / "data"
    data.mkdir()
    for source, target in (("sub", "feats"), ("sub_cmvn", "cmvn")):
        with write_table(f"ark,scp:{data}/{target}.ark,{data}/{target}.scp", "matrix") as write:
            for key, values in read_table(f"ark:{GMM}/{source}.ark", "matrix"):
                write(key, values)
    for name in ("utt2spk", "spk2utt"):
        shutil.copy(GMM / f"sub_{name}", data / name)
    write_feature_record(data, "mfcc", {"sample_frequency": 8000})
    return data


def model_directory(place, final, data, pipeline):
    place.mkdir(parents=True)
    shutil.copy(final, place / "final.mdl")
    shutil.copy(GOLDEN / "hmm" / "mono" / "tree", place)
    shutil.copy(GOLDEN / "lang" / "phones.txt", place)
    write_model_features(place, data, pipeline)
    return place


@pytest.fixture
def dnn(tmp_path, data):
    return model_directory(tmp_path / "exp" / "dnn", NNET / "A_prior.mdl", data, FeaturePipeline("mean"))


def table(path):
    """All matrices of a scp, read by another reader than ours."""
    return dict(kaldiio.load_scp(str(path)))


def test_log_likelihoods_are_kaldis(run_step, tmp_path, data, dnn):
    run_step("compute_posteriors", "--log-likelihoods=true", "data", "exp/dnn", "out", cwd=tmp_path, check=True)
    found = table(tmp_path / "out" / "loglikes.scp")
    assert list(found) == list(table(data / "feats.scp"))
    for key, expected in read_table(f"ark:{NNET}/A_loglike.ark", "matrix"):
        assert found[key] == pytest.approx(expected, abs=1e-3)
    assert "up to date" in run_step("compute_posteriors", "--log-likelihoods=true", data, dnn, tmp_path / "out").stderr


def test_posteriors_are_the_exponentials_of_kaldis_outputs(run_step, tmp_path, data, dnn):
    for jobs in (1, 3):
        run_step("compute_posteriors", f"--jobs={jobs}", data, dnn, tmp_path / f"out{jobs}", check=True)
    found = table(tmp_path / "out1" / "posteriors.scp")
    for key, outputs in read_table(f"ark:{NNET}/A_out.ark", "matrix"):
        assert found[key] == pytest.approx(np.exp(outputs), abs=1e-3)
    assert np.concatenate(list(found.values())).sum(axis=1) == pytest.approx(1, abs=1e-4)
    archives = [(tmp_path / name / "posteriors.ark").read_bytes() for name in ("out1", "out3")]
    assert archives[0] == archives[1]


def test_the_example_of_nnet3_compute_gives_the_same(run_step, run_program, tmp_path, data, dnn):
    run_step("compute_posteriors", "--log-likelihoods=true", data, dnn, tmp_path / "out", check=True)
    example = run_program("nnet3-compute", "--help").stdout.decode().partition("Example:")[2].strip()
    assert "--use-priors=true exp/dnn/final.mdl" in example
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("nnet3-compute", "apply-cmvn"):
        words = f'#!/bin/sh\nexec "{sys.executable}" "{REPOSITORY}/bin/{name}" "$@"\n'
        (programs / name).write_text(words)
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY / "src")}
    subprocess.run(["bash", "-c", example], cwd=tmp_path, env=environment, check=True)
    expected = table(tmp_path / "out" / "loglikes.scp")
    found = dict(read_table(f"ark:{tmp_path}/loglikes.ark", "matrix"))
    assert found.keys() == expected.keys()
    for key, values in found.items():
        assert values == pytest.approx(expected[key], abs=1e-5)


def test_deltas_and_variance_are_applied_where_the_model_records_them(run_step, run_program, tmp_path, data):
    gmm = model_directory(tmp_path / "gmm", GMM / "mono" / "final.mdl", data, FeaturePipeline("mean", (Deltas(),)))
    run_step("compute_posteriors", "--log-likelihoods=true", data, gmm, tmp_path / "out", check=True)
    feats = (
        f"ark:apply-cmvn --utt2spk=ark:{data}/utt2spk scp:{data}/cmvn.scp scp:{data}/feats.scp ark:{tmp_path}/norm.ark"
    )
    run_program(*feats.removeprefix("ark:").split(), check=True)
    run_program("add-deltas", f"ark:{tmp_path}/norm.ark", f"ark:{tmp_path}/deltas.ark", check=True)
    run_program(
        "gmm-compute-likes", gmm / "final.mdl", f"ark:{tmp_path}/deltas.ark", f"ark:{tmp_path}/likes.ark", check=True
    )
    expected = dict(read_table(f"ark:{tmp_path}/likes.ark", "matrix"))
    for key, values in table(tmp_path / "out" / "loglikes.scp").items():
        assert values == pytest.approx(expected[key], abs=1e-3)
    done = run_step("compute_posteriors", data, gmm, tmp_path / "posteriors")
    assert done.status == 1
    assert "a GMM has no posteriors; ask for --log-likelihoods=true" in done.stderr


def test_what_decode_refuses_is_refused(run_step, tmp_path, data, dnn):
    write_feature_record(data, "mfcc", {"sample_frequency": 16000})
    done = run_step("compute_posteriors", data, dnn, tmp_path / "out")
    assert done.status == 1
    assert "sample_frequency 16000 against 8000" in done.stderr
    assert not (tmp_path / "out" / "posteriors.ark").exists()
    (dnn / "feature.json").unlink()
    done = run_step("compute_posteriors", data, dnn, tmp_path / "out")
    assert (done.status, "feature.json" in done.stderr) == (1, True)


def test_models_without_priors_or_posteriors_are_refused(run_step, run_program, tmp_path, data, dnn):
    shutil.copy(NNET / "A.mdl", dnn / "final.mdl")
    done = run_step("compute_posteriors", "--log-likelihoods=true", data, dnn, tmp_path / "out")
    assert done.status == 1
    assert "no positive priors" in done.stderr
    run_step("compute_posteriors", data, dnn, tmp_path / "out", check=True)

    text = run_program("nnet3-am-copy", "--binary=false", NNET / "A.mdl", "-", check=True).stdout
    linear = text.replace(b"output-node name=output input=out.logsoftmax", b"output-node name=output input=out.affine")
    assert linear != text
    (dnn / "final.mdl").write_bytes(linear)
    done = run_step("compute_posteriors", data, dnn, tmp_path / "linear")
    assert done.status == 1
    assert "a frame's outputs sum to" in done.stderr
    assert "expected 1 (log-softmax)" in done.stderr
    assert not list((tmp_path / "linear").glob("posteriors*"))
