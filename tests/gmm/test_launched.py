"""Steps whose parts are jobs: what they need can be sent to another machine, and makes the bytes that one process makes."""

import shutil
import sys
from pathlib import Path

import pytest
import test_train_triphones
from golden_gmm import GMM, HMM
from test_train_gmm import SHORT, Killed, content, killed_at, made
from test_train_triphones import climb

from houseblend.base.workers import Forked, Workers
from houseblend.decode.decode_directory import decode_directory
from houseblend.decode.options import DecodeOptions, OutputOptions
from houseblend.decode.outputs import compute_outputs
from houseblend.feat.description import write_model_features
from houseblend.feat.options import Normalisation
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.gmm import train_triphones
from houseblend.gmm.align_directory import align_directory
from houseblend.gmm.options import AlignOptions
from houseblend.gmm.train_gmm import Task
from houseblend.gmm.train_mono import train_mono
from houseblend.gmm.working_files import WorkingFiles
from houseblend.jobs.parts import Launched

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "jobs"))
from at_once import AtOnce


@pytest.fixture
def alike(tmp_path):
    """Checks that a function of output directory and workers makes the same files by one process as by three jobs."""

    def check(name, make) -> None:
        for workers in (Forked(1), Launched(AtOnce(), tmp_path / "parts", 3)):
            make(made(tmp_path, f"{name}{workers.jobs}"), workers)
        assert content(tmp_path / f"{name}1")
        assert content(tmp_path / f"{name}1") == content(tmp_path / f"{name}3")

    return check


def test_training(digits, tmp_path, alike, monkeypatch):
    monkeypatch.setattr(train_triphones, "LEARN_AT", (2,))
    monkeypatch.setattr(train_triphones, "REALIGN", (2,))
    monkeypatch.setitem(test_train_triphones.SHORT, "num_iters", 3)
    monkeypatch.setitem(test_train_triphones.SHORT, "max_iter_inc", 2)
    data, lang = digits

    def task(out: Path, workers: Workers) -> Task:
        return Task(data, lang, out, AlignOptions(), workers)

    alike("mono", lambda *where: train_mono(task(*where), SHORT, Normalisation()))
    again, jobs = made(tmp_path, "again"), Launched(AtOnce(), tmp_path / "parts", 3)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, WorkingFiles, "save", 2)
        train_mono(task(again, jobs), SHORT, Normalisation())
    train_mono(task(again, Forked(1)), SHORT, Normalisation())  # goes on where it was killed, without the jobs
    assert content(again) == content(tmp_path / "mono1")
    shutil.copytree(tmp_path / "mono1", tmp_path / "mono")
    alike("lda", lambda *where: climb("lda", task(*where)))
    shutil.copytree(tmp_path / "lda1", tmp_path / "lda")
    alike("sat", lambda *where: climb("sat", task(*where)))


@pytest.fixture
def model(digits, tmp_path):
    """A function that makes a model directory of Kaldi's monophone tree."""

    def make(name: str, final: Path, pipeline: FeaturePipeline) -> Path:
        folder = made(tmp_path, name)
        shutil.copy(final, folder / "final.mdl")
        shutil.copy(HMM / "mono/tree", folder)
        shutil.copy(GMM.parent / "lang/phones.txt", folder)
        write_model_features(folder, digits[0], pipeline)
        return folder

    return make


def test_aligning_decoding_and_outputs(digits, tmp_path, alike, model):
    data, lang = digits
    lines = (data / "feats.scp").read_text().splitlines(keepends=True)
    (data / "feats.scp").write_text("".join(lines[::5]))
    graph = made(tmp_path, "graph")
    shutil.copytree(lang / "phones", graph / "phones")
    shutil.copy(HMM / "mono/HCLG.fst", graph)
    (graph / "num_pdfs").write_text("62\n")
    adapted = model("adapted", GMM / "mono/final.mdl", FeaturePipeline("mean", (Deltas(),)))
    shutil.copy(adapted / "final.mdl", adapted / "final.alimdl")
    dnn = model("dnn", GMM.parent / "nnet/A_prior.mdl", FeaturePipeline("mean"))
    alike("ali", lambda *where: align_directory(data, lang, adapted, where[0], AlignOptions(), 0, where[1]))
    for name, of in (("adapted", adapted), ("dnn", dnn)):
        alike(
            f"decode_{name}",
            lambda *where, of=of: decode_directory(data, graph, of, None, where[0], DecodeOptions(), 80, where[1]),
        )
    for wanted in (True, False):
        options = OutputOptions(log_likelihoods=wanted)
        out = made(tmp_path, f"out{wanted}")  # scripts hold absolute names: both are made in one folder
        seen = []
        for workers in (Forked(1), Launched(AtOnce(), tmp_path / "parts", 3)):
            compute_outputs(data, dnn, None, out, options, workers)
            seen.append(content(out))
        assert seen[0] == seen[1]
