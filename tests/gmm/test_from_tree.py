"""The first model of a new tree, and Gaussians split and merged: programs against closed forms."""

import sys
from pathlib import Path

import numpy as np
import pytest
from golden_gmm import GMM, HMM, LANG, parameters, random_mixtures, sub_features

from houseblend.base.errors import InputError
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.estimate import mix_up
from houseblend.gmm.from_tree import borrowed_mixtures, occupancy, single_gaussians
from houseblend.gmm.merge import merged, mix_down
from houseblend.gmm.model import read_model, write_model
from houseblend.gmm.options import SplitOptions
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency, Leaf, Split, Table
from houseblend.io.objects import open_output
from houseblend.io.tables import read_object, read_table, write_object

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tree"))
from random_stats import random_frames, statistics

from houseblend.tree.accumulate import Accumulator, Context

MONO, TRI = HMM / "mono/tree", HMM / "tri1/tree"


def digit_statistics(context=None):
    """Of the golden digits, aligned with the monophone model."""
    accumulator = Accumulator(TransitionModel.load(GMM / "mono/final.mdl"), context or Context(independent={1}))
    alignments = dict(read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"))
    for key, feats in sub_features():
        accumulator.add(feats, alignments[key], key)
    return accumulator.statistics()


@pytest.fixture(scope="module")
def digits():
    return digit_statistics()


def tree_over(phones):
    """Pdfs by the phone before, then by the pdf-class."""
    return ContextDependency(3, 1, Split(0, frozenset(phones), Leaf(0), Table(-1, (Leaf(1), Leaf(2)))))


def test_every_pdf_begins_with_its_frames():
    frames = random_frames(np.random.default_rng(1))
    tree, stats = tree_over([1, 2]), statistics(frames)
    mixtures, counts = single_gaussians(tree, stats, 0.5), occupancy(tree, stats)
    for pdf, mixture in enumerate(mixtures.mixtures):
        own = np.concatenate(
            [x for e, x in frames.items() if tree.compute([v for k, v in e if k >= 0], dict(e)[-1]) == pdf]
        )
        assert counts[pdf] == len(own)
        assert mixture.weights.tolist() == [1]
        assert mixture.means[0] == pytest.approx(own.mean(axis=0), rel=1e-4, abs=1e-4)
        assert 1 / mixture.inv_vars[0] == pytest.approx(np.maximum(own.var(axis=0), 0.5), rel=1e-4)


def test_a_pdf_without_frames_begins_with_all():
    frames = random_frames(np.random.default_rng(2), classes=1)
    mixtures = single_gaussians(tree_over([1, 2]), statistics(frames))
    everything = np.concatenate(list(frames.values()))
    assert mixtures.mixtures[2].means[0] == pytest.approx(everything.mean(axis=0), rel=1e-4, abs=1e-4)
    assert occupancy(tree_over([1, 2]), statistics(frames))[2] == 0


def test_a_triphone_takes_the_mixture_it_shares_most_frames_with(digits):
    """With a monophone tree: the pdf of the same phone and pdf-class."""
    mono, tri = ContextDependency.load(MONO), ContextDependency.load(TRI)
    old = read_model(GMM / "mono/final.mdl")[1]
    mixtures = borrowed_mixtures(tri, digits, mono, old)
    pdfs: dict[int, dict[int, float]] = {}
    for event, row in zip(digits.events, digits.moments, strict=True):
        values = dict(event)
        pdf = tri.compute([values.get(position, 0) for position in range(3)], values[-1])
        of_old = pdfs.setdefault(pdf, {})
        phone_pdf = mono.compute([values[1]], values[-1])
        of_old[phone_pdf] = of_old.get(phone_pdf, 0) + row[0]
    assert len(pdfs) > 100
    for pdf, of_old in pdfs.items():
        assert mixtures.mixtures[pdf] is old.mixtures[max(of_old, key=of_old.__getitem__)]
    with pytest.raises(InputError, match="1 phones to the left and 1 to the right"):
        borrowed_mixtures(mono, digit_statistics(Context(1, 0)), tri, read_model(GMM / "tri1/final.mdl")[1])


def test_the_same_tree_gives_its_model_back(digits):
    tri, old = ContextDependency.load(TRI), read_model(GMM / "tri1/final.mdl")[1]
    mixtures = borrowed_mixtures(tri, digits, tri, old)
    seen = occupancy(tri, digits) > 0
    assert [one is other for one, other, there in zip(mixtures.mixtures, old.mixtures, seen, strict=True) if there]
    assert all(one is other for one, other, there in zip(mixtures.mixtures, old.mixtures, seen, strict=True) if there)


def test_merged_gaussians_keep_mean_and_variance_of_the_mixture():
    noise = np.random.default_rng(4)
    mixture = random_mixtures(noise, [8], 5).mixtures[0]
    whole = [float(mixture.weights.sum()), mixture.weights @ mixture.means,
             mixture.weights @ (1 / mixture.inv_vars + mixture.means**2)]  # fmt: skip
    for size in (5, 2, 1):
        less = merged(mixture, size)
        assert len(less.weights) == size
        found = [less.weights.sum(), less.weights @ less.means, less.weights @ (1 / less.inv_vars + less.means**2)]
        for mine, expected in zip(found, whole, strict=True):
            assert mine == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert merged(mixture, 8) is mixture


def test_halves_of_a_gaussian_merge_again():
    noise = np.random.default_rng(5)
    before = random_mixtures(noise, [2, 3], 4)
    counts = np.array([1000.0, 2000.0])
    split = mix_up(before, counts, 7, SplitOptions(perturb_factor=1e-4))
    assert split.num_gaussians == 7
    again = mix_down(split, counts, 5, SplitOptions(power=1.0))
    assert [len(mixture.weights) for mixture in again.mixtures] == [2, 3]
    for mine, expected in zip(parameters(again), parameters(before), strict=True):
        order = np.argsort(mine), np.argsort(expected)
        assert mine[order[0]] == pytest.approx(expected[order[1]], rel=1e-3, abs=1e-3)


def test_programs_make_and_mix_the_first_model(run_program, tmp_path, digits):
    with open_output(tmp_path / "treeacc") as target:
        digits.write(target)
    occs, model = tmp_path / "occs", tmp_path / "1.mdl"
    run_program("gmm-init-model", f"--write-occs={occs}", TRI, tmp_path / "treeacc", LANG / "topo", model, check=True)
    transitions, mixtures = read_model(model)
    assert transitions.states == TransitionModel.load(GMM / "tri1/final.mdl").states
    assert mixtures.num_gaussians == mixtures.num_pdfs == transitions.num_pdfs
    assert read_object(str(occs), "vector").sum() == digits.moments[:, 0].sum() == 3442
    run_program("gmm-mixup", "--mix-up=200", model, occs, tmp_path / "2.mdl", check=True)
    mixed = mix_up(mixtures, read_object(str(occs), "vector"), 200, SplitOptions())
    for mine, expected in zip(parameters(read_model(tmp_path / "2.mdl")[1]), parameters(mixed), strict=True):
        assert (mine == expected).all()
    old = (MONO, GMM / "mono/final.mdl")
    words = (TRI, tmp_path / "treeacc", LANG / "topo", tmp_path / "3.mdl", *old)
    done = run_program("gmm-init-model", *words)
    assert done.status == 0
    assert "have no stats" in done.stderr
    done = run_program("gmm-init-model", *words[:-1])
    assert (done.status, "its tree and its model" in done.stderr) == (2, True)


def test_occupancies_of_another_model_are_refused(run_program, tmp_path):
    noise = np.random.default_rng(6)
    transitions = TransitionModel.load(GMM / "mono/final.mdl")
    write_model(tmp_path / "mdl", transitions, AmDiagGmm(random_mixtures(noise, [1] * 62, 3).mixtures))
    write_object(str(tmp_path / "occs"), "vector", np.ones(61, dtype=np.float32))
    done = run_program("gmm-mixup", "--mix-up=100", tmp_path / "mdl", tmp_path / "occs", tmp_path / "out")
    assert (done.status, (tmp_path / "out").exists()) == (1, False)
    assert "the frames of 61 pdfs; expected 62" in done.stderr
