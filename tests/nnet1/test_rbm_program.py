"""rbm-train-cd1-frmshuff: options, the log, and what it refuses; its results beside Kaldi's: tests/golden_whole."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.io.tables import write_table
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm, UnitType
from houseblend.train.nnet1_data import Frames, joined, minibatches
from houseblend.train.nnet1_options import ShuffleOptions

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet1"
TRAIN = "rbm-train-cd1-frmshuff"
DIM, HIDDEN, LENGTHS = 5, 4, (30, 21, 44)


@pytest.fixture
def files(tmp_path):
    """Specifiers of an RBM and of features, and the folder."""

    def make(visible_type: UnitType = "gauss", scale: float = 1.0) -> tuple[Path, str]:
        rbm = Rbm(0.1 * torch.randn(HIDDEN, DIM), torch.zeros(DIM), torch.zeros(HIDDEN), visible_type)
        write_nnet1(tmp_path / "init", Nnet1([rbm]))
        with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
            for number, length in enumerate(LENGTHS):
                feats = scale * np.random.default_rng().standard_normal((length, DIM))
                write(f"u{number}", (feats if visible_type == "gauss" else np.abs(np.tanh(feats))).astype(np.float32))
        return tmp_path / "init", f"ark:{tmp_path}/feats.ark"

    return make


def test_the_same_command_makes_the_same_bytes(files, call, tmp_path):
    init, feats = files()
    made = []
    for number, options in enumerate(([], [], ["--randomizer-seed=3"], ["--with-bug=false"])):
        call(TRAIN, "--minibatch-size=10", "--num-iters=2", *options, init, feats, tmp_path / f"{number}")
        made.append((tmp_path / f"{number}").read_bytes())
    assert made[0] == made[1]
    assert len(set(made)) == 3
    assert made[0].startswith(b"<Nnet> \n<Rbm> 4 5 \ngauss bern")
    call(TRAIN, "--minibatch-size=10", "--num-iters=2", "--binary=true", init, feats, tmp_path / "binary")
    one, other = (read_nnet1(tmp_path / name).rbm for name in ("0", "binary"))
    torch.testing.assert_close(one.weights, other.weights)


def test_the_log_is_as_kaldis(files, call, tmp_path):
    init, feats = files()
    said = call(TRAIN, "--minibatch-size=10", "--num-iters=3", "--loss-report-frames=99", init, feats, tmp_path / "1")
    assert [line for line in said.splitlines() if "Iteration" in line][-1].endswith("Iteration 3/3")
    reports = re.findall(r"ProgressLoss\[last 0h of 0h\]: (\S+) \(Mse\)", said)
    assert f"progress: [{' '.join(reports)} ]" in said
    assert len(reports) == 2  # of 280 frames, each after 100
    assert re.search(r"AvgLoss: (\S+) \(Mse\), \[RMS (\S+), frames 280\]", said)
    assert "Done 3 iterations, 9 files, skipped 0 files." in said
    assert "progress: []" in call(TRAIN, "--loss-report-frames=0", "--minibatch-size=10", init, feats, tmp_path / "1")


def test_what_a_pass_leaves_over_begins_the_next():
    utterances = [Frames.without_targets(np.random.default_rng().random((size, 2), np.float32)) for size in (5, 4)]
    options = ShuffleOptions(minibatch_size=4, randomize=False)
    got = joined(list(minibatches(utterances, options, passes=3))).x_ND
    assert np.array_equal(got, np.concatenate([part.x_ND for part in utterances * 3])[:24])


def test_utterances_that_are_too_long_are_left_out(files, call, tmp_path):
    init, feats = files()
    said = call(TRAIN, "--max-frames=40", "--minibatch-size=10", init, feats, tmp_path / "1")
    assert "skipped [u2]: 44 frames; expected at most --max-frames=40" in said
    assert "2 files, skipped 1 files" in said


def test_features_that_are_not_normalised_are_refused(files, call, tmp_path):
    init, feats = files(scale=7.0)
    said = call(TRAIN, "--learn-rate=1e-5", "--minibatch-size=50", init, feats, tmp_path / "1", status=1)
    told = re.search(
        r"feats.ark: frames are \S+ from mean 0, their variance is (\S+); expected mean 0 and .*; put what cmvn-to-nnet",
        said,
    )
    # Of 250 numbers of variance 49: six standard errors each way.
    assert told
    assert 22 < float(told[1]) < 76
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--minibatch-size=1000"], "no minibatch of 1000 frames; expected as many frames; check the warnings above"),
        ([f"--feature-transform={GOLDEN}/feature_transform"], "takes 5 numbers a frame, the network before it"),
        (["--learn-rate=1e30", "--minibatch-size=10"], r"minibatch \d: data and reconstruction are .* apart"),
    ],
)
def test_what_cannot_be_learnt_is_named_and_nothing_is_written(options, what, files, call, tmp_path):
    init, feats = files()
    assert re.search(what, call(TRAIN, *options, init, feats, tmp_path / "1", status=1))
    assert not (tmp_path / "1").exists()


def test_other_networks_are_refused(files, call, tmp_path):
    _, feats = files()
    said = call(TRAIN, GOLDEN / "splice.nnet", feats, tmp_path / "1", status=1)
    assert "splice.nnet: the components are <Splice>; expected one <Rbm>; name the file of an RBM" in said


@pytest.mark.parametrize("option", ["--momentum=1", "--num-iters=0", "--minibatch-size=0", "--learn-rate=-1"])
def test_options_out_of_range_are_wrong_usage(option, files, call, tmp_path):
    init, feats = files()
    assert option in call(TRAIN, option, init, feats, tmp_path / "1", status=2)
