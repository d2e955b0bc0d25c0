"""Programs on GMMs, run as a user does: Kaldi's output, and their errors."""

import gzip

import numpy as np
import pytest
from golden_gmm import GMM, HMM, LANG, assert_same_model, both_models, unpacked

from houseblend.cli import gmm_init_model_flat
from houseblend.gmm.model import read_model
from houseblend.io.tables import read_table

F = (
    f"ark:bin/apply-cmvn --utt2spk=ark:{GMM}/sub_utt2spk ark:{GMM}/sub_cmvn.ark ark:{GMM}/sub.ark ark:- "
    "| bin/add-deltas ark:- ark:- |"
)
HERE = LANG.parents[2]


def test_models_are_copied_and_described(run_program, tmp_path):
    mono = GMM / "mono"
    run_program("gmm-copy", mono / "final.mdl", tmp_path / "copy.mdl", check=True)
    assert (tmp_path / "copy.mdl").read_bytes() == (mono / "final.mdl").read_bytes()
    text = run_program("gmm-copy", "--binary=false", mono / "final.mdl", "-", check=True).stdout
    assert text == gzip.decompress((mono / "final.txt.gz").read_bytes())
    lines = run_program("gmm-info", mono / "final.mdl", check=True).stdout.decode().splitlines()
    assert lines[:2] == ["number of phones 20", "number of pdfs 62"]
    assert lines[-2:] == ["feature dimension 39", "number of gaussians 242"]


@both_models
def test_likelihoods_and_alignments_are_kaldis(name, run_program, tmp_path):
    model, feats = GMM / name / "final.mdl", f"ark:{GMM}/feats.ark"
    run_program("gmm-compute-likes", model, feats, f"ark:{tmp_path}/likes", check=True)
    likes = dict(read_table(f"ark:{tmp_path}/likes", "matrix"))
    assert len(likes) == 12
    for key, expected in read_table(f"ark:{HMM}/{name}/likes.ark", "matrix"):
        assert likes[key] == pytest.approx(expected, abs=2e-3)
    graphs = f"ark:{tmp_path}/graphs"
    run_program(
        "compile-train-graphs", HMM / name / "tree", model, LANG / "L.fst", f"ark:{HMM}/text.int", graphs, check=True
    )
    run_program(
        "gmm-align-compiled", "--transition-scale=1.0", "--self-loop-scale=0.1", "--acoustic-scale=0.1", "--beam=10",
        "--retry-beam=40", f"--write-per-frame-acoustic-loglikes=ark:{tmp_path}/scores", model, graphs, feats,
        f"ark,t:{tmp_path}/ali.txt", check=True,
    )  # fmt: skip
    assert (tmp_path / "ali.txt").read_bytes() == (HMM / name / "ali.txt").read_bytes()
    scores = dict(read_table(f"ark:{tmp_path}/scores", "vector"))
    for key, expected in read_table(f"ark:{GMM}/{name}/ali.scores", "vector"):
        assert scores[key] == pytest.approx(expected, abs=2e-3)


def test_equal_alignments_are_kaldis(run_program, tmp_path):
    model, graphs = GMM / "mono" / "final.mdl", f"ark:{tmp_path}/graphs"
    run_program(
        "compile-train-graphs", HMM / "mono" / "tree", model, LANG / "L.fst", f"ark:{HMM}/text.int", graphs, check=True
    )
    run_program("align-equal-compiled", graphs, f"ark:{GMM}/feats.ark", f"ark,t:{tmp_path}/equal.txt", check=True)
    assert (tmp_path / "equal.txt").read_bytes() == (GMM / "mono" / "equal.txt").read_bytes()


def test_one_iteration_of_training_is_kaldis(run_program, tmp_path):
    model = GMM / "mono" / "final.mdl"
    run_program(
        "gmm-acc-stats-ali", model, F, f"ark:{GMM}/sub_ali.ark", tmp_path / "1.acc", cwd=HERE, check=True
    )  # fmt: skip
    run_program("gmm-est", model, tmp_path / "1.acc", tmp_path / "1.mdl", check=True)
    assert_same_model(tmp_path / "1.mdl", unpacked("1.mdl.txt.gz", tmp_path))


def test_update_and_splitting_are_kaldis(run_program, tmp_path):
    model, acc = GMM / "mono" / "final.mdl", GMM / "0.acc"
    options = ("--mix-up=300", "--perturb-factor=0.0", f"--write-occs={tmp_path}/occs", "--binary=false")
    run_program("gmm-est", *options, model, acc, tmp_path / "mix.txt", check=True)
    assert_same_model(tmp_path / "mix.txt", unpacked("mix.mdl.txt.gz", tmp_path))
    occupancy = [float(word) for word in (tmp_path / "occs").read_text().split()[1:-1]]
    assert (len(occupancy), sum(occupancy)) == (62, pytest.approx(3442.0))


def test_halves_move_apart_as_in_kaldi(run_program, tmp_path):
    options = ("--mix-up=300", "--binary=false")
    run_program("gmm-est", *options, GMM / "mono" / "final.mdl", GMM / "0.acc", tmp_path / "mixed.txt", check=True)
    assert_same_model(tmp_path / "mixed.txt", unpacked("mixed.mdl.txt.gz", tmp_path))


def test_sums_of_statistics_are_kaldis_bytes(run_program, tmp_path):
    run_program("gmm-sum-accs", tmp_path / "0.acc", GMM / "0.acc", check=True)
    assert (tmp_path / "0.acc").read_bytes() == (GMM / "0.acc").read_bytes()
    run_program("gmm-sum-accs", "--binary=false", tmp_path / "2.acc", GMM / "0.acc", check=True)
    assert (tmp_path / "2.acc").read_bytes() == gzip.decompress((GMM / "0.acc.txt.gz").read_bytes())


def test_statistics_of_another_model_fail(run_program, tmp_path):
    done = run_program("gmm-est", GMM / "tri1" / "final.mdl", GMM / "0.acc", tmp_path / "1.mdl")
    assert (done.status, list(tmp_path.iterdir())) == (1, [])
    assert "statistics of different models" in done.stderr


def test_flat_model_has_the_features_moments(run_program, tmp_path):
    feats = f"ark:{GMM}/feats.ark"
    arguments = (LANG / "topo", 39, tmp_path / "0.mdl", tmp_path / "tree")
    sets = f"--shared-phones={LANG}/phones/sets.int"
    run_program("gmm-init-mono", sets, f"--train-feats={feats}", *arguments, check=True)
    assert (tmp_path / "tree").read_bytes() == (HMM / "mono" / "tree").read_bytes()
    transitions, mixtures = read_model(tmp_path / "0.mdl")
    frames = np.concatenate([values for _, values in read_table(feats, "matrix")][:10])
    for mixture in mixtures.mixtures:
        assert mixture.means[0] == pytest.approx(frames.mean(axis=0), abs=1e-4)
        assert 1.0 / mixture.inv_vars[0] == pytest.approx(frames.var(axis=0), rel=1e-3)
    assert transitions.num_ids == read_model(GMM / "mono" / "final.mdl")[0].num_ids
    done = run_program("gmm-init-mono", f"--train-feats={feats}", LANG / "topo", 13, tmp_path / "x", tmp_path / "y")
    assert (done.status, "dimension 39" in done.stderr) == (1, True)


def test_utterances_without_partner_are_skipped_and_counted(run_program, tmp_path):
    (tmp_path / "ali").write_text("george-1-01 1 1\nnobody 1 1\n")
    arguments = (GMM / "mono" / "final.mdl", f"ark:{GMM}/feats.ark", f"ark:{tmp_path}/ali", tmp_path / "acc")
    done = run_program("gmm-acc-stats-ali", *arguments)
    assert (done.status, (tmp_path / "acc").exists()) == (1, False)
    assert "no utterances were processed" in done.stderr
    assert "[george-1-01]" in done.stderr


def test_sets_that_miss_a_phone_are_refused(run_program, tmp_path):
    sets = (LANG / "phones" / "sets.int").read_text().splitlines()
    for text, word in (("\n".join([*sets[:-1], ""]), "every phone"), ("1 2\nx 3\n", "sets:2")):
        (tmp_path / "sets").write_text(text)
        arguments = (f"--shared-phones={tmp_path}/sets", LANG / "topo", 39, tmp_path / "mdl", tmp_path / "tree")
        done = run_program("gmm-init-mono", *arguments)
        assert (done.status, word in done.stderr) == (1, True), done.stderr


def test_a_flat_model_of_a_tree(tmp_path):
    tree, topology = GMM.parent / "hmm" / "tri1" / "tree", LANG / "topo"
    words = [str(tree), str(topology), f"{tmp_path}/1.mdl"]
    assert gmm_init_model_flat.main.main([*words, f"ark:{GMM}/feats.ark"]) == 0
    _, mixtures = read_model(tmp_path / "1.mdl")
    assert mixtures.num_pdfs == read_model(GMM / "tri1" / "final.mdl")[1].num_pdfs
    frames = np.concatenate([values for _, values in read_table(f"ark:{GMM}/feats.ark", "matrix")]).astype(np.float64)
    for mixture in mixtures.mixtures:
        np.testing.assert_allclose(mixture.means[0], frames.mean(axis=0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(1 / mixture.inv_vars[0], frames.var(axis=0), rtol=1e-4)
    assert gmm_init_model_flat.main.main(["--dim=7", *words]) == 0
    assert read_model(tmp_path / "1.mdl")[1].dim == 7
    assert gmm_init_model_flat.main.main(["--dim=0", *words]) == 2
