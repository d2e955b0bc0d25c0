"""The programs, as a user runs them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.io.tables import read_table
from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet"


def assert_close(mine, theirs):
    """All numbers equal within float32's rounding; Kaldi moves the last bits of averages, which it keeps as sums."""
    for spec, tensor in theirs.parameters.items():
        if spec.role == "counter":
            assert float(mine.parameters[spec.name].sum()) == pytest.approx(float(tensor.sum()))
        else:
            found = mine.parameters[spec.name]
            if spec.around:
                found, tensor = (v + net.parameters[spec.around] ** 2 for v, net in ((found, mine), (tensor, theirs)))
            assert torch.allclose(found, tensor, rtol=1e-6), spec.name


def test_init_info_copy_average(run_program, tmp_path):
    (tmp_path / "config").write_text(
        "# a small network\ninput dim=3 name=input\nrelu-layer name=h dim=8 input=Append(-1,0,1)\n"
        "output-layer name=output dim=4\n"
    )
    for seed in (1, 2):
        run_program("nnet3-init", f"--srand={seed}", tmp_path / "config", tmp_path / f"{seed}.raw", check=True)
    info = run_program("nnet3-info", tmp_path / "1.raw", check=True).stdout.decode()
    assert info.startswith("left-context: 1\nright-context: 1\nnum-parameters: 116\n")
    run_program(
        "nnet3-copy", "--binary=false", "--learning-rate=0.25", tmp_path / "1.raw", tmp_path / "1.txt", check=True
    )
    text = (tmp_path / "1.txt").read_text()
    assert text.startswith("<Nnet3> \n")
    assert text.count("<LearningRate> 0.25 ") == 2
    run_program("nnet3-average", tmp_path / "1.raw", tmp_path / "1.raw", tmp_path / "same.raw", check=True)
    assert (tmp_path / "same.raw").read_bytes() == (tmp_path / "1.raw").read_bytes()
    weighted = run_program("nnet3-average", "--weights=3:1", tmp_path / "1.raw", tmp_path / "2.raw", tmp_path / "w.raw")
    assert weighted.status == 0
    one, two, mean = (read_network(tmp_path / f"{name}.raw").parameters.flat for name in ("1", "2", "w"))
    assert torch.allclose(mean, 0.75 * one + 0.25 * two, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "outputs", "chunks"),
    [("A_m0_20", "A_out", (1024, 20)), ("B_m0_20", "B_out", (1024, 7)), ("B_test", "B_out_test20", (20,))],
)
def test_compute_equals_kaldi(network, outputs, chunks, run_program, tmp_path):
    for chunk in chunks:
        run_program(
            "nnet3-compute",
            f"--frames-per-chunk={chunk}",
            GOLDEN / f"{network}.raw",
            f"ark:{GOLDEN}/feats.ark",
            f"ark:{tmp_path}/out.ark",
            check=True,
        )
        got = dict(read_table(f"ark:{tmp_path}/out.ark", "matrix"))
        wanted = dict(read_table(f"ark:{GOLDEN}/{outputs}.ark", "matrix"))
        assert wanted
        for key, matrix in wanted.items():
            assert np.abs(got[key] - matrix).max() < 1e-3


def test_compute_skips_features_of_another_dim_and_fails_if_none_fit(run_program, tmp_path):
    bad = run_program("nnet3-compute", GOLDEN / "A_m0_20.raw", f"ark:{GOLDEN}/A_out.ark", f"ark:{tmp_path}/out.ark")
    assert bad.status == 1
    assert "features of shape" in bad.stderr


def test_acoustic_model_programs_equal_kaldi(run_program, tmp_path):
    run_program("nnet3-am-init", GOLDEN / "A.mdl", GOLDEN / "A_m0_20.raw", tmp_path / "A.mdl", check=True)
    assert_close(read_network(tmp_path / "A.mdl"), read_network(GOLDEN / "A.mdl"))
    run_program("nnet3-am-adjust-priors", tmp_path / "A.mdl", GOLDEN / "A_post.vec", tmp_path / "prior.mdl", check=True)
    priors = read_acoustic_model(tmp_path / "prior.mdl").priors
    assert priors == pytest.approx(read_acoustic_model(GOLDEN / "A_prior.mdl").priors, rel=1e-4)
    assert run_program("nnet3-am-info", tmp_path / "prior.mdl").stdout.decode().startswith("input-dim: 13\n")

    run_program(
        "nnet3-am-copy",
        f"--set-raw-nnet={GOLDEN}/A_avg.raw",
        "--learning-rate=0.003",
        GOLDEN / "A_prior.mdl",
        tmp_path / "set.mdl",
        check=True,
    )
    mine, theirs = read_network(tmp_path / "set.mdl"), read_network(GOLDEN / "A_set.mdl")
    assert [c.learning_rate for c in mine.updatable()] == [c.learning_rate for c in theirs.updatable()]
    assert_close(mine, theirs)
    run_program("nnet3-am-copy", "--raw", "--scale=0.5", GOLDEN / "A_set.mdl", tmp_path / "edit.raw", check=True)
    assert_close(read_network(tmp_path / "edit.raw"), read_network(GOLDEN / "A_edit.raw"))


def test_edits_of_batch_norm_equal_kaldi(run_program, tmp_path):
    """Averages, scales and test mode; the average's rate is set as that of the golden model was."""
    models = [GOLDEN / f"B_m0_{count}.raw" for count in (2, 5, 20)]
    run_program("nnet3-average", *models, tmp_path / "avg.raw", check=True)
    scale = ("--scale=0.5", "--learning-rate=0.003")
    run_program("nnet3-copy", *scale, tmp_path / "avg.raw", tmp_path / "edit.raw", check=True)
    run_program("nnet3-copy", "--prepare-for-test", GOLDEN / "B_m0_20.raw", tmp_path / "test.raw", check=True)
    for name in ("avg", "edit", "test"):
        mine, theirs = read_network(tmp_path / f"{name}.raw"), read_network(GOLDEN / f"B_{name}.raw")
        assert_close(mine, theirs)
        assert [c.test_mode for c in mine.batch_norms()] == [c.test_mode for c in theirs.batch_norms()]
        assert [c.learning_rate for c in mine.updatable()] == [c.learning_rate for c in theirs.updatable()]
    run_program("nnet3-copy", tmp_path / "test.raw", tmp_path / "again.raw", check=True)
    assert not any(c.test_mode for c in read_network(tmp_path / "again.raw").batch_norms())


def test_am_copy_prepares_for_test(run_program, tmp_path):
    model, out = GOLDEN / "B_prior.mdl", tmp_path / "test.mdl"
    run_program("nnet3-am-copy", "--prepare-for-test", model, out, check=True)
    assert all(c.test_mode for c in read_network(out).batch_norms())
    run_program("nnet3-am-adjust-priors", out, GOLDEN / "B_post.vec", tmp_path / "prior.mdl", check=True)
    priors = read_acoustic_model(tmp_path / "prior.mdl").priors
    assert priors == pytest.approx(read_acoustic_model(model).priors, rel=1e-4)


@pytest.mark.parametrize("net", ["A", "B"])
def test_log_likelihoods_equal_kaldi(net, run_program, tmp_path):
    arguments = ("--use-priors", GOLDEN / f"{net}_prior.mdl", f"ark:{GOLDEN}/feats.ark", f"ark:{tmp_path}/out.ark")
    run_program("nnet3-compute", *arguments, check=True)
    got = dict(read_table(f"ark:{tmp_path}/out.ark", "matrix"))
    for key, wanted in read_table(f"ark:{GOLDEN}/{net}_loglike.ark", "matrix"):
        assert np.abs(got[key] - wanted).max() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (("nnet3-init", "only-one"), 2, "expected"),
        (("nnet3-copy", "missing.raw", "out.raw"), 1, "missing.raw: no such file"),
        (("nnet3-average", "--weights=1:x", "a.raw", "b.raw", "c.raw"), 2, "--weights=1:x"),
        (("nnet3-copy", "--edits=remove-all", GOLDEN / "A_m0_0.raw", "o.raw"), 1, "remove-all"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(arguments, status, complaint, run_program, tmp_path):
    finished = run_program(*arguments, cwd=tmp_path)
    assert finished.status == status
    assert complaint in finished.stderr
    assert not list(tmp_path.iterdir())
