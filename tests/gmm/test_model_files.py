"""Model files: Kaldi's bytes, and what is refused."""

import gzip

import numpy as np
import pytest
from golden_gmm import GMM, both_models, parameters

from houseblend.base.errors import InputError
from houseblend.gmm.model import read_model, write_model


@both_models
def test_binary_models_come_back_byte_for_byte(name, tmp_path):
    write_model(tmp_path / "again.mdl", *read_model(GMM / name / "final.mdl"))
    assert (tmp_path / "again.mdl").read_bytes() == (GMM / name / "final.mdl").read_bytes()


def test_text_models_are_kaldis_and_are_read(tmp_path):
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    write_model(tmp_path / "final.txt", transitions, mixtures, binary=False)
    assert (tmp_path / "final.txt").read_bytes() == gzip.decompress((GMM / "mono" / "final.txt.gz").read_bytes())
    _, again = read_model(tmp_path / "final.txt")
    for mine, its in zip(parameters(again), parameters(mixtures), strict=True):
        assert mine == pytest.approx(its, rel=1e-6)


@pytest.mark.parametrize("part", [0.001, 0.02, 0.3, 0.7, 0.999])
def test_truncated_models_are_refused_by_name(part, tmp_path):
    whole = (GMM / "mono" / "final.mdl").read_bytes()
    (tmp_path / "cut.mdl").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError, match=r"cut\.mdl"):
        read_model(tmp_path / "cut.mdl")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_variances_that_are_none_are_refused(bad, tmp_path):
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    mixtures.mixtures[7].inv_vars[0, 3] = bad
    write_model(tmp_path / "bad.mdl", transitions, mixtures)
    with pytest.raises(InputError, match="pdf 7"):
        read_model(tmp_path / "bad.mdl")


def test_parts_that_do_not_belong_together_are_refused(tmp_path):
    transitions, _ = read_model(GMM / "mono" / "final.mdl")
    _, mixtures = read_model(GMM / "tri1" / "final.mdl")
    write_model(tmp_path / "mixed.mdl", transitions, mixtures)
    with pytest.raises(InputError, match="104 mixtures"):
        read_model(tmp_path / "mixed.mdl")
