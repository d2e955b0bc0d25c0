"""Programs of LDA, MLLT and fMLLR on the eighty digits: against each other, and their errors."""

import numpy as np
import pytest
from golden_gmm import GMM, sub_features

from houseblend.cli import (
    acc_lda,
    ali_to_post,
    gmm_acc_mllt,
    gmm_acc_stats_ali,
    gmm_acc_stats_twofeats,
    gmm_boost_silence,
    gmm_est_fmllr,
    gmm_est_fmllr_gpost,
    gmm_post_to_gpost,
)
from houseblend.feat.rearrange import transform_frames
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.lda import LdaStats
from houseblend.gmm.mllt import MlltStats
from houseblend.gmm.model import read_model
from houseblend.io.tables import read_table, write_table

MODEL = str(GMM / "mono" / "final.mdl")
SPK2UTT = f"--spk2utt=ark:{GMM}/sub_spk2utt"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with features (feats), the same in another order (turned) and moved (moved), posteriors (post)."""
    folder = tmp_path_factory.mktemp("digits")
    feats = dict(sub_features())
    matrix = np.eye(39, 40) + 0.05 * np.random.default_rng().normal(size=(39, 40))
    made = {
        "feats": feats, "turned": dict(reversed(feats.items())),
        "moved": {key: transform_frames(value, matrix) for key, value in feats.items()},
    }  # fmt: skip
    for name, table in made.items():
        with write_table(f"ark:{folder}/{name}", "matrix") as write:
            for key, value in table.items():
                write(key, value)
    assert ali_to_post.main.main([f"ark:{GMM}/sub_ali.ark", f"ark:{folder}/post"]) == 0
    return folder


@pytest.fixture
def run(digits, tmp_path):
    """`run(program, "--option", "ark:{digits}/feats", "{out}/trans")`: fills in the folders; the status must be as told."""

    def run(program, *words: str, status: int = 0) -> None:
        assert program.main.main([word.format(digits=digits, out=tmp_path) for word in words]) == status

    return run


def transforms(tmp_path, name="trans"):
    return dict(read_table(f"ark:{tmp_path}/{name}", "matrix"))


def test_a_speaker_has_one_transform_however_its_utterances_come(run, tmp_path):
    for feats, name in (("feats", "trans"), ("turned", "again")):
        run(gmm_est_fmllr, SPK2UTT, MODEL, f"ark:{{digits}}/{feats}", "ark:{digits}/post", f"ark:{{out}}/{name}")
    first, second = transforms(tmp_path), transforms(tmp_path, "again")
    assert list(first) == list(second) == ["george", "jackson", "lucas", "theo"]
    for key, matrix in first.items():
        assert matrix.shape == (39, 40)
        np.testing.assert_allclose(second[key], matrix, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("spk2utt", [True, False])
def test_posteriors_of_gaussians_lead_to_the_same_transforms(run, tmp_path, spk2utt):
    words = (
        *([SPK2UTT] if spk2utt else []),
        "--fmllr-update-type=diag",
        "--fmllr-min-count=30.5",
        MODEL,
        "ark:{digits}/feats",
    )
    run(gmm_est_fmllr, *words, "ark:{digits}/post", "ark:{out}/trans")
    for form in ("ark", "ark,t"):
        run(gmm_post_to_gpost, MODEL, "ark:{digits}/feats", "ark:{digits}/post", f"{form}:{{out}}/gpost")
        run(gmm_est_fmllr_gpost, *words, "ark:{out}/gpost", "ark:{out}/again")
        first, second = transforms(tmp_path), transforms(tmp_path, "again")
        assert list(first) == list(second)
        assert len(first) == (4 if spk2utt else 80)
        for key, matrix in first.items():
            np.testing.assert_allclose(second[key], matrix, rtol=1e-3, atol=1e-3)


def test_what_has_no_partner_is_skipped_and_counted(run, tmp_path, capsys):
    (tmp_path / "spk2utt").write_text("new\ngeorge george-0-10 nobody\n")
    (tmp_path / "post").write_text("george-0-10 [ 1 1 ]\n")
    words = (MODEL, "ark:{digits}/feats", "ark:{digits}/post", "ark:{out}/trans")
    run(gmm_est_fmllr, "--spk2utt=ark:{out}/spk2utt", "--fmllr-update-type=none", *words)
    assert "no speaker in ark:" in capsys.readouterr().err
    assert {key: matrix.tolist() for key, matrix in transforms(tmp_path).items()} == {
        "new": np.eye(39, 40).tolist(), "george": np.eye(39, 40).tolist(),
    }  # fmt: skip
    run(gmm_est_fmllr, MODEL, "ark:{digits}/feats", "ark:{out}/post", "ark:{out}/none", status=1)
    said = capsys.readouterr().err
    assert "1 in the posteriors" in said
    assert "no posteriors" in said
    assert not (tmp_path / "none").exists()
    run(gmm_est_fmllr, "--fmllr-update-type=half", *words, status=2)


def test_second_features_are_accumulated_by_the_gaussians_of_the_first(run, digits, tmp_path):
    run(gmm_acc_stats_ali, MODEL, "ark:{digits}/feats", f"ark:{GMM}/sub_ali.ark", "{out}/ali.acc")
    for second in ("feats", "moved"):
        words = ("ark:{digits}/feats", f"ark:{{digits}}/{second}", "ark:{digits}/post", f"{{out}}/{second}.acc")
        run(gmm_acc_stats_twofeats, MODEL, *words)
    one, two, moved = (Accumulators.read(tmp_path / f"{name}.acc") for name in ("ali", "feats", "moved"))
    np.testing.assert_array_equal(one.transitions, two.transitions)
    assert two.log_likelihood == pytest.approx(one.log_likelihood)
    assert two.frames == pytest.approx(one.frames)
    for name in ("occupancy", "sums", "squares"):
        mine, wanted = (np.concatenate(getattr(stats, name)) for stats in (two, one))
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-3)
    x, y = (
        np.concatenate([value for _, value in read_table(f"ark:{digits}/{name}", "matrix")])
        for name in ("feats", "moved")
    )
    matrix = np.linalg.lstsq(np.concatenate([x, np.ones((len(x), 1))], axis=1), y, rcond=None)[0]
    wanted = np.concatenate(two.sums) @ matrix[:-1] + np.concatenate(two.occupancy)[:, None] * matrix[-1]
    np.testing.assert_allclose(np.concatenate(moved.sums), wanted, atol=1e-4 * np.abs(wanted).max())


def test_pruned_statistics_are_right_on_average(run, tmp_path):
    feats_and_post = ("ark:{digits}/feats", "ark:{digits}/post")
    for threshold in ("0", "2"):
        run(acc_lda, f"--rand-prune={threshold}", MODEL, *feats_and_post, f"{{out}}/lda.{threshold}")
        run(gmm_acc_mllt, f"--rand-prune={threshold}", MODEL, *feats_and_post, f"{{out}}/mllt.{threshold}")
    exact, pruned = (LdaStats.load(tmp_path / f"lda.{threshold}") for threshold in "02")
    assert set(pruned.counts % 2) == {0.0}
    assert pruned.counts.sum() == pytest.approx(exact.counts.sum(), rel=0.1)
    exact, pruned = (MlltStats.load(tmp_path / f"mllt.{threshold}").rows for threshold in "02")
    assert exact.count == pytest.approx(3442)
    assert pruned.count == pytest.approx(3442, rel=0.1)
    np.testing.assert_allclose(np.trace(pruned.quadratic[0]), np.trace(exact.quadratic[0]), rtol=0.3)


def test_silence_is_boosted(run, tmp_path):
    run(gmm_boost_silence, "--boost=2.5", "1", MODEL, "{out}/boosted.mdl")
    (transitions, before), (_, after) = (read_model(path) for path in (MODEL, tmp_path / "boosted.mdl"))
    silent = {pdf for phone, _, pdf in transitions.states if phone == 1}
    assert 0 < len(silent) < before.num_pdfs
    for pdf, (old, new) in enumerate(zip(before.mixtures, after.mixtures, strict=True)):
        np.testing.assert_allclose(new.weights, old.weights * (2.5 if pdf in silent else 1.0), rtol=1e-6)
        raised = np.subtract(np.asarray(new.gconsts), np.asarray(old.gconsts))
        np.testing.assert_allclose(raised, np.log(2.5) if pdf in silent else 0.0, atol=1e-4)
    run(gmm_boost_silence, "--boost=0", "1", MODEL, "{out}/x.mdl", status=2)
    run(gmm_boost_silence, "one", MODEL, "{out}/x.mdl", status=2)
