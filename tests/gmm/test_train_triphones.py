"""The rungs above monophones: the models of Kaldi's scripts, command by command, and the same bits wherever they are killed."""

import dataclasses
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from golden_gmm import GMM, HMM, parameters
from test_train_gmm import Killed, content, killed_at, made

from houseblend.base.errors import InputError, UsageError
from houseblend.base.workers import Forked
from houseblend.cli import (
    acc_lda,
    acc_tree_stats,
    add_deltas,
    ali_to_post,
    apply_cmvn,
    build_tree,
    cluster_phones,
    compile_questions,
    compile_train_graphs,
    compose_transforms,
    convert_ali,
    est_lda,
    est_mllt,
    gmm_acc_mllt,
    gmm_acc_stats_ali,
    gmm_acc_stats_twofeats,
    gmm_align_compiled,
    gmm_est,
    gmm_est_fmllr,
    gmm_init_model,
    gmm_mixup,
    gmm_transform_means,
    splice_feats,
    transform_feats,
    weight_silence_post,
)
from houseblend.feat.description import read_speakers
from houseblend.feat.options import Normalisation
from houseblend.gmm import train_triphones
from houseblend.gmm.model import read_model
from houseblend.gmm.options import AlignOptions, LdaOptions, SatOptions, TriphoneOptions
from houseblend.gmm.train_gmm import Task
from houseblend.gmm.train_triphones import Source, train_deltas, train_lda_mllt, train_sat
from houseblend.gmm.working_files import WorkingFiles
from houseblend.io.directories import validate_ali
from houseblend.io.tables import read_object, read_table

SHORT = {"num_iters": 5, "max_iter_inc": 3, "totgauss": 90}
LEAVES, DIM = 50, 20
LEARN_AT, REALIGN = (2, 4), (3,)


@pytest.fixture(autouse=True)
def _two_lessons(monkeypatch):
    monkeypatch.setattr(train_triphones, "LEARN_AT", LEARN_AT)
    monkeypatch.setattr(train_triphones, "REALIGN", REALIGN)


@pytest.fixture
def task(digits, tmp_path):
    """Training on the digits; the model and alignment that Kaldi made of them lie in `mono` beside the output."""
    data, lang = digits
    mono = made(tmp_path, "mono")
    shutil.copy(GMM / "mono" / "final.mdl", mono)
    shutil.copy(HMM / "mono" / "tree", mono)
    shutil.copy(lang / "phones.txt", mono)
    (mono / "ali.1.gz").write_bytes(gzip.compress((GMM / "sub_ali.ark").read_bytes()))
    return Task(data, lang, made(tmp_path, "out"), AlignOptions(), Forked(1))


def climb(rung, task, out=None, workers=None):
    """Train a rung, its older alignment that of `mono`, or of `lda` if it is SAT."""
    task = dataclasses.replace(task, out=out or task.out, workers=workers or task.workers)
    source = Source(task.data.parent / ("lda" if rung == "sat" else "mono"), LEAVES)
    if rung == "deltas":
        train_deltas(task, source, TriphoneOptions(**SHORT), Normalisation())
    elif rung == "lda":
        train_lda_mllt(task, source, LdaOptions(**SHORT, dim=DIM), Normalisation())
    else:
        train_sat(task, source, SatOptions(**SHORT))


class Script:
    """What Kaldi's train_deltas.sh, train_lda_mllt.sh and train_sat.sh run, with one job."""

    def __init__(self, rung: str, task: Task, ali: Path, folder: Path) -> None:
        self.rung, self.task, self.ali, self.folder = rung, task, ali, folder
        (folder / "ali").write_bytes(gzip.decompress((ali / "ali.1.gz").read_bytes()))
        words = {word: number for word, number in map(str.split, (task.lang / "words.txt").read_text().splitlines())}
        lines = map(str.split, (task.data / "text").read_text().splitlines())
        (folder / "text").write_text("".join(f"{key} {words[word]}\n" for key, word in lines))
        self.owners = f"--utt2spk=ark:{task.data}/utt2spk"

    def run(self, program, *words: str) -> None:
        """Run a program; {} is the script's folder, {ali}, {data} and {lang} those of its arguments."""
        places = {"ali": self.ali, "data": self.task.data, "lang": self.task.lang}
        assert program.main.main([word.replace("{}", str(self.folder)).format(**places) for word in words]) == 0

    def posteriors(self, model: str) -> None:
        self.run(ali_to_post, "ark:{}/ali", "ark:{}/all.post")
        self.run(weight_silence_post, "0.0", "1", model, "ark:{}/all.post", "ark:{}/post")

    def features(self, model: str | None) -> None:
        """Write plain and feats; `model` is what fMLLR fits the speakers to, for the first time None."""
        self.run(apply_cmvn, self.owners, "scp:{data}/cmvn.scp", "scp:{data}/feats.scp", "ark:{}/cmvn")
        if self.rung == "deltas":
            self.run(add_deltas, "ark:{}/cmvn", "ark:{}/feats")
            return
        self.run(splice_feats, "ark:{}/cmvn", "ark:{}/spliced")
        if self.rung == "lda":
            self.posteriors("{ali}/final.mdl")
            self.run(acc_lda, "--rand-prune=4.0", "{ali}/final.mdl", "ark:{}/spliced", "ark:{}/post", "{}/lda.acc")
            self.run(est_lda, f"--dim={DIM}", "--write-full-matrix={}/full.mat", "{}/mat", "{}/lda.acc")
            self.run(transform_feats, "{}/mat", "ark:{}/spliced", "ark:{}/feats")
        else:
            self.run(transform_feats, "{ali}/final.mat", "ark:{}/spliced", "ark:{}/plain")
            self.fmllr("{ali}/final.mdl", "plain", "trans")
            self.run(transform_feats, self.owners, "ark:{}/trans", "ark:{}/plain", "ark:{}/feats")

    def fmllr(self, model: str, feats: str, trans: str) -> None:
        self.posteriors(model)
        words = ("--spk2utt=ark:{data}/spk2utt", model, "ark:{}/" + feats, "ark:{}/post", "ark:{}/" + trans)
        self.run(gmm_est_fmllr, *words)

    def begin(self) -> None:
        self.features(None)
        self.run(acc_tree_stats, "--ci-phones=1", "{ali}/final.mdl", "ark:{}/feats", "ark:{}/ali", "{}/treeacc")
        self.run(cluster_phones, "{}/treeacc", "{lang}/phones/sets.int", "{}/asked")
        with (self.folder / "asked").open("a") as asked:
            asked.write((self.task.lang / "phones/extra_questions.int").read_text())
        self.run(compile_questions, "{lang}/topo", "{}/asked", "{}/questions")
        words = ("{}/treeacc", "{lang}/phones/roots.int", "{}/questions", "{lang}/topo", "{}/tree")
        self.run(build_tree, f"--max-leaves={LEAVES}", *words)
        self.run(gmm_init_model, "--write-occs={}/occs", "{}/tree", "{}/treeacc", "{lang}/topo", "{}/1.mdl")
        if self.rung == "deltas":
            self.run(gmm_mixup, f"--mix-up={LEAVES}", "{}/1.mdl", "{}/occs", "{}/1.mdl")
        self.run(convert_ali, "{ali}/final.mdl", "{}/1.mdl", "{}/tree", "ark:{}/ali", "ark:{}/new")
        (self.folder / "new").replace(self.folder / "ali")
        disambiguation = "--read-disambig-syms={lang}/phones/disambig.int"
        words = ("{}/tree", "{}/1.mdl", "{lang}/L.fst", "ark:{}/text", "ark:{}/fsts")
        self.run(compile_train_graphs, disambiguation, *words)

    def learn(self, model: str) -> None:
        if self.rung == "lda":
            self.posteriors(model)
            self.run(gmm_acc_mllt, "--rand-prune=4.0", model, "ark:{}/feats", "ark:{}/post", "{}/macc")
            self.run(est_mllt, "{}/new", "{}/macc")
            self.run(gmm_transform_means, "{}/new", model, model)
            self.run(compose_transforms, "{}/new", "{}/mat", "{}/mat")
            self.run(transform_feats, "{}/mat", "ark:{}/spliced", "ark:{}/feats")
        elif self.rung == "sat":
            self.fmllr(model, "feats", "more")
            self.run(compose_transforms, "--b-is-affine=true", "ark:{}/more", "ark:{}/trans", "ark:{}/both")
            (self.folder / "both").replace(self.folder / "trans")
            self.run(transform_feats, self.owners, "ark:{}/trans", "ark:{}/plain", "ark:{}/feats")

    def train(self) -> None:
        self.begin()
        gaussians, power = LEAVES, "--power=0.2" if self.rung == "sat" else "--power=0.25"
        for x in range(1, SHORT["num_iters"]):
            model = f"{{}}/{x}.mdl"
            if x in REALIGN:
                scales = ("--transition-scale=1.0", "--acoustic-scale=0.1", "--self-loop-scale=0.1")
                words = ("--beam=10", "--retry-beam=40", model, "ark:{}/fsts", "ark:{}/feats", "ark:{}/ali")
                self.run(gmm_align_compiled, *scales, *words)
            if x in LEARN_AT:
                self.learn(model)
            self.run(gmm_acc_stats_ali, model, "ark:{}/feats", "ark:{}/ali", "{}/acc")
            self.run(gmm_est, f"--mix-up={gaussians}", power, model, "{}/acc", f"{{}}/{x + 1}.mdl")
            if x <= SHORT["max_iter_inc"]:
                gaussians += (SHORT["totgauss"] - LEAVES) // SHORT["max_iter_inc"]
        if self.rung == "sat":
            model = f"{{}}/{SHORT['num_iters']}.mdl"
            self.run(ali_to_post, "ark:{}/ali", "ark:{}/all.post")
            words = (model, "ark:{}/feats", "ark:{}/plain", "ark:{}/all.post", "{}/acc")
            self.run(gmm_acc_stats_twofeats, *words)
            self.run(gmm_est, power, "--remove-low-count-gaussians=false", model, "{}/acc", "{}/alimdl")


def assert_alike(path, expected_path):
    """Sizes are equal; means differ by less than a fiftieth of a standard deviation: programs pass on float32 sums."""
    (transitions, mixtures), (expected_transitions, expected) = read_model(path), read_model(expected_path)
    assert [len(one.weights) for one in mixtures.mixtures] == [len(one.weights) for one in expected.mixtures]
    np.testing.assert_allclose(transitions.log_probs, expected_transitions.log_probs, atol=1e-4)
    (weights, means, inverse, _), (its_weights, its_means, its_inverse, _) = map(parameters, (mixtures, expected))
    np.testing.assert_allclose(weights, its_weights, atol=1e-3)
    np.testing.assert_allclose(inverse, its_inverse, rtol=0.02)
    np.testing.assert_allclose(means / np.sqrt(inverse), its_means / np.sqrt(its_inverse), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("rung", ["deltas", "lda", "sat"])
def test_a_rung_is_kaldis_script(rung, task, tmp_path):
    lda = made(tmp_path, "lda")
    if rung == "sat":
        climb("lda", task, lda)
    climb(rung, task)
    validate_ali(task.out)
    ali = lda if rung == "sat" else tmp_path / "mono"
    script = Script(rung, task, ali, made(tmp_path, "script"))
    script.train()
    assert (task.out / "tree").read_bytes() == (script.folder / "tree").read_bytes()
    assert_alike(task.out / "final.mdl", script.folder / f"{SHORT['num_iters']}.mdl")
    mine, its = (
        dict(read_table(f"ark:{place}", "int-vector")) for place in (task.out / "ali.1.gz", script.folder / "ali")
    )
    assert {key: ids.tolist() for key, ids in mine.items()} == {key: ids.tolist() for key, ids in its.items()}
    if rung == "lda":
        for name, its_name in (("final.mat", "mat"), ("full.mat", "full.mat")):
            mine, its = (read_object(str(place), "matrix") for place in (task.out / name, script.folder / its_name))
            np.testing.assert_allclose(np.abs(mine[:DIM]), np.abs(its[:DIM]), rtol=1e-3, atol=1e-3)
    if rung == "sat":
        assert (task.out / "full.mat").read_bytes() == (lda / "full.mat").read_bytes()
        assert_alike(task.out / "final.alimdl", script.folder / "alimdl")
        trans, wanted = (read_speakers([place]).matrices for place in (task.out / "trans.1", script.folder / "trans"))
        assert list(trans) == ["george", "jackson", "lucas", "theo"]
        for speaker, matrix in trans.items():
            np.testing.assert_allclose(matrix, wanted[speaker], rtol=1e-2, atol=1e-2)


def test_killed_anywhere_it_goes_on_to_the_same_bits(task, tmp_path, monkeypatch):
    lda = made(tmp_path, "lda")
    climb("lda", task, lda)
    climb("sat", task)
    for rung, whole in (("lda", lda), ("sat", task.out)):
        out = made(tmp_path, f"{rung}_again")
        for when in (1, 2):
            with monkeypatch.context() as patch, pytest.raises(Killed):
                killed_at(patch, WorkingFiles, "save", when)
                climb(rung, task, out, Forked(when))
        climb(rung, task, out)
        assert content(out) == content(whole)
    shutil.copy(task.out / "trans.1", lda)  # SAT begins with the transforms of the alignment, if there are any
    monkeypatch.setattr(train_triphones, "fmllr_of_alignment", None)
    climb("sat", task, made(tmp_path, "other"))
    assert content(tmp_path / "other") != content(task.out)


def test_what_cannot_be_trained_is_named(task, tmp_path):
    source = Source(tmp_path / "mono", LEAVES)
    for leaves in (0, 91):
        with pytest.raises(UsageError, match=f"{leaves} leaves and 90 Gaussians"):
            train_deltas(task, Source(tmp_path / "mono", leaves), TriphoneOptions(**SHORT), Normalisation())
    with pytest.raises(UsageError, match="--dim=62 of 62 classes; expected 1 to 61"):
        train_lda_mllt(task, source, LdaOptions(**SHORT, dim=62), Normalisation())
    with pytest.raises(UsageError, match="--num-iters=1; expected 2 or more"):
        TriphoneOptions(num_iters=1)
    whole = (tmp_path / "mono" / "ali.1.gz").read_bytes()
    cut = gzip.decompress(whole).replace(b"george-0-10 ", b"other ").replace(b"george-1-10 ", b"george-0-10 ")
    (tmp_path / "mono" / "ali.1.gz").write_bytes(gzip.compress(cut))
    with pytest.raises(InputError, match=r"\[george-0-10\] \d+ aligned frames, \d+ frames of features; align"):
        climb("deltas", task)
    names = (tmp_path / "mono" / "phones.txt").read_text()
    (tmp_path / "mono" / "phones.txt").write_text(names.replace("\nAH ", "\nAX "))
    with pytest.raises(InputError, match=r"phones.txt: \[A[HX]\] the phones have other numbers"):
        climb("deltas", task)
    (tmp_path / "mono" / "phones.txt").write_text(names)
    (tmp_path / "mono" / "ali.1.gz").write_bytes(gzip.compress(b"other \0B\x04\1\0\0\0\x04\1\0\0\0"))
    with pytest.raises(InputError, match=r"mono: no alignment of this data; align "):
        climb("deltas", task)
