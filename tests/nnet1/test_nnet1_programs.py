"""nnet1's programs: options, Kaldi's golden results, and what they refuse."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.io.tables import read_object, read_table, write_object, write_table
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.components import AffineTransform, Sigmoid, Softmax, marker, tensors
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.nnet1.priors import DISABLED

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet1"
TRANSFORM, INIT, M0 = (f"{GOLDEN}/{name}" for name in ("feature_transform", "init.nnet", "m0.nnet"))
FEATS, TARGETS = f"ark:{GOLDEN}/in.ark", f"ark:{GOLDEN}/targets.txt"
TRAIN = ("--randomize=false", "--minibatch-size=64", f"--feature-transform={TRANSFORM}")


def matrices(path: Path) -> dict[str, np.ndarray]:
    return dict(read_table(f"ark:{path}", "matrix"))


def first_utterances(folder: Path, number: int) -> str:
    """A table of some golden features."""
    with write_table(f"ark:{folder}/some.ark", "matrix") as write:
        for key, feats in list(read_table(FEATS, "matrix"))[:number]:
            write(key, feats)
    return f"ark:{folder}/some.ark"


def test_info_is_kaldis(call):
    assert call("nnet-info", INIT) == (GOLDEN / "init.info").read_text()


def test_info_of_a_transform(call):
    said = call("nnet-info", TRANSFORM).splitlines()
    assert said[4:6] == [
        "component 1 : <Splice>, input-dim 13, output-dim 143, ",
        "  frame_offsets [ -5 -4 -3 -2 -1 0 1 2 3 4 5 ]",
    ]
    assert said[3] == "number-of-parameters 0.000286 millions"
    assert re.fullmatch(r"  shift_data \( min \S+, max .* \) , lr-coef 0", said[7])


def test_initialize_writes_both_forms(call, tmp_path):
    for binary in ("true", "false"):
        call("nnet-initialize", f"--binary={binary}", "--seed=5", GOLDEN / "tanh.proto", tmp_path / binary)
    one, other = (read_nnet1(tmp_path / binary).components for binary in ("true", "false"))
    for mine, its in zip(one, other, strict=True):
        for name, values in tensors(mine).items():
            assert np.allclose(values, vars(its)[name], rtol=1e-6)
    assert (tmp_path / "false").read_text().startswith("<Nnet> \n<AffineTransform> 32 143 \n")


def test_copy_takes_components_away(call, tmp_path):
    call("nnet-copy", "--remove-last-components=1", M0, tmp_path / "nosoft")
    assert (tmp_path / "nosoft").read_bytes() == (GOLDEN / "nosoft.nnet").read_bytes()
    call("nnet-copy", "--remove-first-components=3", "--binary=false", GOLDEN / "concat.nnet", tmp_path / "rest")
    call("nnet-copy", "--binary=false", M0, tmp_path / "text")
    assert (tmp_path / "rest").read_bytes() == (tmp_path / "text").read_bytes()
    said = call("nnet-copy", "--remove-first-components=6", M0, tmp_path / "none", status=2)
    assert "of 6 components; expected one component left" in said


def test_concat_names_two_files_that_do_not_fit(call, tmp_path):
    call("nnet-concat", TRANSFORM, M0, tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == (GOLDEN / "concat.nnet").read_bytes()
    said = call("nnet-concat", M0, TRANSFORM, tmp_path / "none", status=1)
    assert f"{TRANSFORM}: takes 13 numbers a frame, the network before it, {M0}, gives 62; expected 62" in said
    assert not (tmp_path / "none").exists()
    assert "expected two networks to read" in call("nnet-concat", M0, tmp_path / "none", status=2)


def test_forward_with_priors(call, tmp_path):
    feats, (forward, posterior, plain) = first_utterances(tmp_path, 3), (tmp_path / name for name in ("a", "b", "c"))
    options = (f"--feature-transform={TRANSFORM}", "--use-gpu=no")
    counts = f"--class-frame-counts={GOLDEN}/counts"
    call("nnet-forward", *options, counts, "--apply-log=true", INIT, feats, f"ark:{forward}")
    for key, wanted in matrices(GOLDEN / "forward_prior.ark").items():
        assert np.allclose(matrices(forward)[key], wanted, atol=1e-5)
    call("nnet-forward", *options, "--no-softmax=true", INIT, feats, f"ark:{plain}")
    call(
        "nnet-forward",
        *options,
        counts,
        "--no-softmax=true",
        "--prior-scale=0.5",
        "--prior-floor=0.01",
        INIT,
        feats,
        f"ark:{posterior}",
    )
    shares = read_object(str(GOLDEN / "counts"), "vector").astype(np.float64)
    shares /= shares.sum()
    priors = np.where(shares < 0.01, DISABLED, np.log(shares))
    assert 0 < (shares < 0.01).sum() < len(shares)
    for key, wanted in matrices(plain).items():
        assert np.allclose(matrices(posterior)[key], wanted - 0.5 * priors, rtol=1e-5, atol=1e-4)


def test_forward_refuses(call, tmp_path):
    out = f"ark:{tmp_path}/out"
    assert "expected one of them" in call(
        "nnet-forward", "--apply-log=true", "--no-softmax=true", INIT, FEATS, out, status=2
    )
    said = call("nnet-forward", INIT, FEATS, out, status=1)
    assert "features of shape" in said
    assert "expected [at least 1, 143]" in said
    assert "no utterances were processed" in said
    said = call("nnet-forward", f"--feature-transform={M0}", INIT, FEATS, out, status=1)
    assert f"{INIT}: takes 143 numbers a frame, the network before it, {M0}, gives 62" in said
    write_object(str(tmp_path / "counts"), "vector", np.ones(5))
    said = call("nnet-forward", f"--class-frame-counts={tmp_path}/counts", INIT, FEATS, out, status=1)
    assert "counts: 5 counts; expected 62, the outputs of" in said
    write_object(str(tmp_path / "counts"), "vector", np.zeros(62))
    said = call("nnet-forward", f"--class-frame-counts={tmp_path}/counts", INIT, FEATS, out, status=1)
    assert "counts: no counts; expected numbers that are not below 0; run analyze-counts" in said


def test_forward_leaves_out_what_is_not_finite(call, tmp_path):
    feats = dict(list(read_table(FEATS, "matrix"))[:2])
    first, second = feats
    feats[first][1, 2] = np.nan
    with write_table(f"ark:{tmp_path}/in", "matrix") as write:
        for key, rows in feats.items():
            write(key, rows)
    said = call("nnet-forward", "--no-softmax=true", TRANSFORM, f"ark:{tmp_path}/in", f"ark:{tmp_path}/out")
    assert f"skipped [{first}]: NaN or infinity in the features" in said
    assert "the last component is <Rescale>, there is no <Softmax> to leave out" in said
    assert list(matrices(tmp_path / "out")) == [second]


def reported(said: str) -> tuple[float, float]:
    """Loss and accuracy as train_scheduler.sh finds them: the fourth word of the last line with AvgLoss:."""
    line = [line for line in said.splitlines() if "AvgLoss:" in line][-1].split()
    assert line[4].startswith("(Xent)")
    accuracy = re.search(r"^FRAME_ACCURACY >> (\S+)% <<$", said, flags=re.MULTILINE)
    assert accuracy
    return float(line[3]), float(accuracy[1])


def test_cross_validation_measures_and_writes_nothing(call, tmp_path):
    said = call("nnet-train-frmshuff", "--cross-validate=true", *TRAIN, "--verbose=1", FEATS, TARGETS, M0)
    assert reported(said) == reported((GOLDEN / "cv_m0.log").read_text())
    assert "Done 40 files, 0 with no tgt_mats, 0 with other errors. [CROSS-VALIDATION, NOT-RANDOMIZED" in said
    frames = re.search(r"^@@@ Frames per-class: (\[.*\])$", said, flags=re.MULTILINE)
    assert frames
    assert frames[0] in (GOLDEN / "cv_m0.log").read_text()
    said = call("nnet-train-frmshuff", "--cross-validate=true", FEATS, TARGETS, M0, tmp_path / "out", status=2)
    assert "expected no network to write" in said
    assert "expected a network to write" in call("nnet-train-frmshuff", FEATS, TARGETS, M0, status=2)


def test_shuffled_training_learns_and_repeats(call, tmp_path):
    options = ("--learn-rate=0.05", "--minibatch-size=16", "--randomizer-size=500", f"--feature-transform={TRANSFORM}")
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        said = call("nnet-train-frmshuff", *options, f"--randomizer-seed={seed}", FEATS, TARGETS, INIT, tmp_path / name)
        assert reported(said)[0] < 4.1
    assert "[TRAINING, RANDOMIZED, " in said
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_frames_without_weight_are_left_out(call, tmp_path):
    """Frames weights of 0 do what leaving the frames out does; weights of an utterance multiply those of its frames."""
    random = np.random.default_rng()
    feats, targets = dict(read_table(FEATS, "matrix")), dict(read_table(TARGETS, "posterior"))
    with (
        write_table(f"ark:{tmp_path}/weights", "vector") as weight,
        write_table(f"ark:{tmp_path}/utt", "float") as of_utterance,
        write_table(f"ark:{tmp_path}/half", "vector") as half,
        write_table(f"ark:{tmp_path}/feats", "matrix") as write,
        write_table(f"ark:{tmp_path}/targets", "posterior") as write_target,
    ):
        for key, rows in feats.items():
            kept = random.random(len(rows)) < 0.7
            weight(key, kept.astype(np.float32))
            of_utterance(key, 0.5)
            half(key, np.full(kept.sum(), 0.5, np.float32))
            write(key, rows[kept])
            write_target(key, [target for target, keep in zip(targets[key], kept, strict=True) if keep])
    affine = AffineTransform(torch.randn(62, 13) * 0.1, torch.zeros(62))
    write_nnet1(tmp_path / "net", Nnet1([affine, Softmax(62)]))
    options = ("--randomize=false", "--minibatch-size=50")
    call("nnet-train-frmshuff", *options, f"--frame-weights=ark:{tmp_path}/weights", f"--utt-weights=ark:{tmp_path}/utt",
         FEATS, TARGETS, tmp_path / "net", tmp_path / "one")  # fmt: skip
    call("nnet-train-frmshuff", *options, f"--frame-weights=ark:{tmp_path}/half", f"ark:{tmp_path}/feats",
         f"ark:{tmp_path}/targets", tmp_path / "net", tmp_path / "two")  # fmt: skip
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() != (tmp_path / "net").read_bytes()


@pytest.fixture
def spoiled(tmp_path):
    """A function that writes golden features and targets, changed, and returns their rspecifiers."""

    def write(change_feats, change_targets) -> tuple[str, str]:
        with (
            write_table(f"ark:{tmp_path}/f", "matrix") as feats,
            write_table(f"ark:{tmp_path}/t", "posterior") as targets,
        ):
            all_targets = dict(read_table(TARGETS, "posterior"))
            for number, (key, rows) in enumerate(read_table(FEATS, "matrix")):
                target = all_targets[key]
                feats(key, change_feats(rows) if number == 1 else rows)
                if (changed := change_targets(target) if number == 1 else target) is not None:
                    targets(key, changed)
        return f"ark:{tmp_path}/f", f"ark:{tmp_path}/t"

    return write


def same(value):
    return value


SPOILED = {
    "no targets": (same, lambda target: None, "missing targets", (39, 1, 0)),
    "a little short": (same, lambda target: target[:-4], "Done", (40, 0, 0)),
    "short": (
        same,
        lambda target: target[:-5],
        r"frames, \d+ of targets, \d+ of weights; expected differences below",
        (39, 0, 1),
    ),
    "another dim": (
        lambda rows: rows[:, :5],
        same,
        r"features of shape \(\d+, 5\); expected \[at least 1, 13\]",
        (39, 0, 1),
    ),
    "not finite": (lambda rows: rows * np.nan, same, "NaN or infinity in the features", (39, 0, 1)),
    "a class too many": (same, lambda target: [[(62, 1.0)], *target[1:]], "target 62; expected 0 to 61", (39, 0, 1)),
}


@pytest.mark.parametrize("case", SPOILED)
def test_utterances_that_cannot_be_used_are_counted(case, call, spoiled, tmp_path):
    change_feats, change_targets, message, (done, without, errors) = SPOILED[case]
    feats, targets = spoiled(change_feats, change_targets)
    said = call("nnet-train-frmshuff", *TRAIN, feats, targets, INIT, tmp_path / "out")
    assert re.search(message, said)
    assert f"Done {done} files, {without} with no tgt_mats, {errors} with other errors." in said


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--learn-rate=3e38"], 1, "in.*: the loss is .*lower --learn-rate|NaN or infinity"),
        (["--minibatch-size=5000"], 1, "no minibatch of 5000 frames; expected as many frames with targets"),
        (["--max-frames=10"], 1, "no minibatch of 64 frames"),
        (["--objective-function=mse"], 2, "mse"),
        (["--momentum=1"], 2, "momentum below 1"),
        ([f"--feature-transform={M0}"], 1, "takes 143 numbers a frame, the network before it, .*m0.nnet, gives 62"),
    ],
)
def test_a_failed_training_writes_nothing(options, status, message, call, tmp_path):
    said = call("nnet-train-frmshuff", *TRAIN, *options, FEATS, TARGETS, INIT, tmp_path / "out", status=status)
    assert re.search(message, said)
    assert not (tmp_path / "out").exists()


def test_cmvn_of_the_first_layers_outputs_is_kaldis(call, tmp_path):
    """The commands of the golden row, from Kaldi's RBM."""
    call("rbm-convert-to-nnet", GOLDEN / "gb.rbm", tmp_path / "gb.nnet")
    call("nnet-concat", TRANSFORM, tmp_path / "gb.nnet", tmp_path / "gb_ft")
    call("nnet-forward", tmp_path / "gb_ft", FEATS, f"ark:{tmp_path}/hidden.ark")
    call("compute-cmvn-stats", f"ark:{tmp_path}/hidden.ark", tmp_path / "stats")
    call("cmvn-to-nnet", tmp_path / "stats", tmp_path / "cmvn")
    ours, kaldis = (read_nnet1(path).components for path in (tmp_path / "cmvn", GOLDEN / "rbm_bb.cmvn"))
    for mine, its in zip(ours, kaldis, strict=True):
        assert vars(mine)["learn_rate_coef"] == vars(its)["learn_rate_coef"] == 0.0
        for name, values in tensors(mine).items():
            assert np.allclose(values, vars(its)[name], rtol=1e-4)
    assert (tmp_path / "cmvn").read_bytes().startswith(b"<Nnet> \n<AddShift>")


def test_cmvn_to_nnet_normalises(call, tmp_path):
    x = np.random.default_rng().normal(3.0, 2.0, (500, 3))
    x[:, 2] = 1.0
    stats = np.stack([np.append(x.sum(0), len(x)), np.append((x**2).sum(0), 0.0)])
    write_object(str(tmp_path / "stats"), "matrix", stats)
    said = call(
        "cmvn-to-nnet",
        "--std-dev=0.5",
        "--learn-rate-coef=0.25",
        "--var-floor=0.01",
        tmp_path / "stats",
        tmp_path / "cmvn",
    )
    assert "variances of 1 dims, of dim 2 first, are raised to 0.01" in said
    network = read_nnet1(tmp_path / "cmvn")
    y = network.compute(x.astype(np.float32))
    assert np.allclose(y.mean(0), 0.0, atol=1e-4)
    assert np.allclose(y.std(0)[:2], 0.5, atol=1e-4)
    assert vars(network.components[1])["scale"][2] == pytest.approx(5.0)
    assert [vars(component)["learn_rate_coef"] for component in network.components] == [0.25, 0.25]
    write_object(str(tmp_path / "stats"), "matrix", stats[:1])
    said = call("cmvn-to-nnet", tmp_path / "stats", tmp_path / "none", status=1)
    assert "stats: a matrix of 1 x 4; expected CMVN statistics with a count; run compute-cmvn-stats" in said


def test_rbm_convert_to_nnet(call, tmp_path):
    for name in ("gb", "bb"):
        call("rbm-convert-to-nnet", "--binary=false", GOLDEN / f"{name}.rbm", tmp_path / "layer")
        ours, kaldis = (read_nnet1(path).components for path in (tmp_path / "layer", GOLDEN / f"{name}.nnet"))
        assert " ".join(map(marker, ours)) == "<AffineTransform> <Sigmoid>"
        for mine, its in zip(ours, kaldis, strict=True):
            for key, values in tensors(mine).items():
                assert np.allclose(values, vars(its)[key], rtol=1e-6)
    said = call("rbm-convert-to-nnet", M0, tmp_path / "none", status=1)
    assert f"{M0}: the components are <AffineTransform> <Sigmoid>" in said
    write_nnet1(tmp_path / "two", Nnet1([Sigmoid(3)]))
    assert "expected one <Rbm>" in call("rbm-convert-to-nnet", tmp_path / "two", tmp_path / "none", status=1)


def test_analyze_counts(call, tmp_path):
    (tmp_path / "ali").write_text("a 0 1 1 3\nb 1\nc\nd 4 -1\n")
    (tmp_path / "phones").write_text("sil 0\none 1\ntwo 2\n")
    (tmp_path / "weights").write_text("a [ 1 0.5 0.25 2 ]\nb [ 4 ]\nc [ ]\n")
    (tmp_path / "utt").write_text("a 2\nb 0.5\nc 1\n")
    said = call(
        "analyze-counts",
        "--counts-dim=5",
        f"--symbol-table={tmp_path}/phones",
        f"ark:{tmp_path}/ali",
        tmp_path / "counts",
    )
    assert (tmp_path / "counts").read_text() == " [ 1.5 3.5 0.5 1.5 0.5 ]\n"
    assert "2 labels never occur, label 2 first" in said
    assert "skipped [d]: labels from -1 to 4" in said
    assert "3\t(0.6)\t1\t(one)" in said
    options = (f"--frame-weights=ark:{tmp_path}/weights", f"--utt-weights=ark:{tmp_path}/utt", "--binary=true")
    call("analyze-counts", *options, f"ark:{tmp_path}/ali", tmp_path / "counts")
    assert read_object(str(tmp_path / "counts"), "vector").tolist() == [2.5, 4.0, 0.5, 4.5]
