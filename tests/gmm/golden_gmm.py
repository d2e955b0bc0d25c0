"""The golden files of GMMs, and what several tests ask of them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from houseblend.feat.cmvn import apply_cmvn
from houseblend.feat.deltas import add_deltas
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.gmm.model import read_model
from houseblend.io.tables import read_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GMM, HMM, LANG = GOLDEN / "gmm", GOLDEN / "hmm", GOLDEN / "lang"
both_models = pytest.mark.parametrize("name", ["mono", "tri1"])


def unpacked(name, folder):
    """A golden .gz file, unpacked into a folder."""
    path = folder / name.removesuffix(".gz").replace("/", "_")
    path.write_bytes(gzip.decompress((GMM / name).read_bytes()))
    return path


def sub_features():
    """Key and features, [T, 39], of the 80 digits."""
    speakers = dict(read_table(f"ark:{GMM}/sub_utt2spk", "token"))
    stats = dict(read_table(f"ark:{GMM}/sub_cmvn.ark", "matrix"))
    for key, feats in read_table(f"ark:{GMM}/sub.ark", "matrix"):
        yield key, add_deltas(apply_cmvn(feats, stats[speakers[key]], norm_vars=False), 2)


def parameters(mixtures):
    """All weights, means over variances, inverse variances and constants, one behind the other."""
    return [
        np.concatenate([np.ravel(getattr(mixture, name)) for mixture in mixtures.mixtures])
        for name in ("weights", "means_invvars", "inv_vars", "gconsts")
    ]


def assert_same_model(path, expected_path, relative=1e-3):
    """Sizes equal; transition probabilities and Gaussians within the relative tolerance."""
    transitions, mixtures = read_model(path)
    expected_transitions, expected = read_model(expected_path)
    assert [len(m.weights) for m in mixtures.mixtures] == [len(m.weights) for m in expected.mixtures]
    assert transitions.log_probs == pytest.approx(expected_transitions.log_probs, abs=1e-5)
    for mine, its in zip(parameters(mixtures), parameters(expected), strict=True):
        assert mine == pytest.approx(its, rel=relative)


def random_mixtures(noise, sizes, dim):
    """Mixtures of the sizes wanted with random parameters."""
    return AmDiagGmm(
        [
            DiagGmm.from_moments(
                noise.dirichlet(np.ones(size)), noise.normal(size=(size, dim)), noise.uniform(0.3, 3.0, (size, dim))
            )
            for size in sizes
        ]
    )
