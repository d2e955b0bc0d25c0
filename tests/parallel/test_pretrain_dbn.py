"""Deep belief networks: the same bits on every exchange and after kills, and a DNN that begins with one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.base.errors import InputError, UsageError
from houseblend.frames.store import FrameStore
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.nnet.nnet1.components import Splice
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm
from houseblend.parallel.ledger import read_ledger
from houseblend.parallel.models.rbm import RbmModel
from houseblend.parallel.options import DbnOptions
from houseblend.parallel.pretrain_dbn import pretrain_dbn
from houseblend.parallel.train_dnn import train_dnn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_mpi import Run
from tiny import write_tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]
VALUES = {
    "hidden_layers": 2, "hidden_dim": 24, "context": 1, "workers": 3, "frames_per_round": 800, "rbm_minibatch_size": 32,
    "average_period": 4,
}  # fmt: skip
WORDS = [f"--{name.replace('_', '-')}={value}" for name, value in VALUES.items()]
DNN = {"hidden_layers": 2, "hidden_dim": 24, "context": 1, "layer": "sigmoid-layer", "num_epochs": 1, "final_workers": 2,
       "frames_per_round": 1500, "minibatch_size": 64, "combine_models": 9, "jobs": 1}  # fmt: skip


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return write_tiny_frames(tmp_path_factory.mktemp("store") / "frames", utterances=60)


@pytest.fixture(scope="module")
def dbn(frames, tmp_path_factory):
    """What one process makes."""
    out = tmp_path_factory.mktemp("alone") / "dbn"
    out.mkdir()
    pretrain_dbn(frames, out, {**VALUES, "jobs": 1})
    return out


def bits(out):
    return {name: (out / name).read_bytes() for name in ("final.feature_transform", "1.rbm", "2.rbm", "1.dbn", "2.dbn")}


def test_every_exchange_gives_the_same_bits(frames, dbn, tmp_path):
    (tmp_path / "two").mkdir()
    pretrain_dbn(frames, tmp_path / "two", {**VALUES, "jobs": 2})
    assert bits(tmp_path / "two") == bits(dbn)
    pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
    run = Run(
        sys.executable,
        REPOSITORY / "steps/pretrain_dbn",
        *WORDS,
        "--exchange=mpi",
        "--ranks=2",
        frames,
        tmp_path / "mpi",
    )
    assert run.end() == 0, run.log
    assert bits(tmp_path / "mpi") == bits(dbn)


def test_jobs_give_the_same_bits_as_processes(frames, tmp_path):
    values = {**VALUES, "average_period": 0, "hidden_layers": 1, "frames_per_round": 2000}
    for exchange in ("local", "files"):
        (tmp_path / exchange).mkdir()
        pretrain_dbn(frames, tmp_path / exchange, {**values, "exchange": exchange, "jobs": 2})
    assert (tmp_path / "files/1.dbn").read_bytes() == (tmp_path / "local/1.dbn").read_bytes()


@pytest.mark.parametrize("moment", [r"round 1: .*", r"RBM 1: [^\n]*\n(.*\n)*.*round 0: "])
def test_a_pretraining_that_was_killed_ends_at_the_same_bits(moment, frames, dbn, tmp_path):
    command = (sys.executable, REPOSITORY / "steps/pretrain_dbn", *WORDS, "--jobs=2", frames, tmp_path / "out")
    run = Run(*command)
    run.wait_for(moment)
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    run = Run(*command)
    assert run.end() == 0, run.log
    assert "continuing after round" in run.log
    assert bits(tmp_path / "out") == bits(dbn)


def test_the_input_is_normalised_and_a_layer_is_what_its_rbm_was(frames, dbn):
    store = FrameStore(frames).subset("train")
    x, _ = store.gather(np.arange(store.num_frames), 1, 1)
    transform = read_nnet1(dbn / "final.feature_transform").components
    y = torch.from_numpy(x).flatten(1)
    for component in transform[1:]:
        y = component.forward(y)
    assert float(y.mean(0).abs().max()) < 1e-4
    assert float((y.std(0, correction=0) - 1).abs().max()) < 1e-4
    rbm = read_nnet1(dbn / "2.rbm").components[0]
    assert isinstance(rbm, Rbm)
    assert (rbm.visible_type, rbm.hidden_type, rbm.weights.shape) == ("bern", "bern", (24, 24))
    affine = read_nnet1(dbn / "2.dbn").components[2]
    assert torch.equal(affine.weights, rbm.weights)
    assert torch.equal(affine.bias, rbm.hidden_bias)


def test_the_ledger_tells_of_reconstruction_and_free_energy(frames, dbn):
    for number in (1, 2):
        rounds = read_ledger(dbn / f"rbm{number}/ledger.jsonl")[0]
        measured = [record.measured for record in rounds]
        assert measured[-1].heldout_objective > -rounds[0].previous_loss, "the RBM has learnt"
        assert all(one.heldout_accuracy is None and one.heldout_free_energy is not None for one in measured)
        model = RbmModel.read(dbn / f"rbm{number}/final.nnet")
        found = model.measure(f"frames:{frames}:heldout")
        assert found.objective == measured[-1].heldout_objective
        assert found.free_energy == measured[-1].heldout_free_energy


def test_workers_that_are_blended_reconstruct_as_well_as_one(frames, dbn, tmp_path):
    values = {
        **VALUES,
        "hidden_layers": 1,
        "rbm_epochs": 12,
        "rbm_lrate_low": 0.05,
        "frames_per_round": 10_000,
        "jobs": 1,
    }

    def error(workers, seed):
        out = tmp_path / f"{workers}.{seed}"
        out.mkdir()
        pretrain_dbn(frames, out, {**values, "workers": workers, "seed": seed})
        return read_ledger(out / "rbm1/ledger.jsonl")[0][-1].measured.heldout_objective

    one, three = (np.mean([error(workers, seed) for seed in (1, 2)]) for workers in (1, 3))
    assert three == pytest.approx(one, rel=0.05)


def test_a_dnn_begins_with_the_layers_of_a_dbn(frames, dbn, tmp_path):
    (tmp_path / "dnn").mkdir()
    train_dnn(frames, tmp_path / "dnn", {**DNN, "init": dbn})
    network, layers = read_network(tmp_path / "dnn/0.raw"), read_nnet1(dbn / "2.dbn").components
    for number in (1, 2):
        affine = layers[2 * (number - 1)]
        assert torch.equal(network.parameters[f"hidden{number}.affine.linear"], affine.weights)
        assert torch.equal(network.parameters[f"hidden{number}.affine.bias"], affine.bias)
    shift, rescale = read_nnet1(dbn / "final.feature_transform").components[1:]
    scale = torch.diag(network.parameters["transform.linear"])
    assert torch.allclose(scale, rescale.scale)
    assert torch.allclose(network.parameters["transform.bias"], shift.shift * rescale.scale, atol=1e-6)
    assert (tmp_path / "dnn/final.mdl").exists()


def test_newbob_trains_a_dnn_from_a_dbn_to_its_accepted_model(frames, dbn, tmp_path):
    (tmp_path / "dnn").mkdir()
    values = {**DNN, "init": dbn, "schedule": "newbob", "update": "sgd", "num_epochs": 8, "final_workers": 1,
              "initial_effective_lrate": 0.02, "max_param_change": 0.0, "combine_models": 1, "frames_per_round": 6000}  # fmt: skip
    train_dnn(frames, tmp_path / "dnn", values)
    rounds = read_ledger(tmp_path / "dnn/ledger.jsonl")[0]
    losses = [rounds[0].previous_loss, *(-one.measured.heldout_objective for one in rounds)]
    assert min(losses) < losses[0] - 0.3
    for one in rounds:
        best = min(range(one.round + 1), key=lambda number: losses[number])
        assert one.plan.model == best, "every round is an epoch here"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_layers": 3}, r"dbn: no DBN of 3 layers; expected one of 1\.dbn, 2\.dbn; train with"),
        ({"hidden_dim": 25}, r"2\.dbn: \[hidden1\.affine\] 24 inputs and 24 outputs; expected 24 and 25"),
        ({"context": 2}, r"2\.dbn: \[transform\] splices 8 numbers at frames -1,0,1; expected 8 numbers at frames -2,"),
        ({"layer": "relu-layer"}, r"2\.dbn: 2 hidden layers: .*hidden1\.sigmoid"),
    ],
)
def test_a_dbn_that_does_not_fit_is_refused_by_name(values, message, frames, dbn, tmp_path):
    (tmp_path / "dnn").mkdir()
    with pytest.raises(InputError, match=message):
        train_dnn(frames, tmp_path / "dnn", {**DNN, "init": dbn, **values})


def test_what_is_no_rbm_on_spliced_frames_is_refused(dbn, tmp_path):
    rbm, splice = read_nnet1(dbn / "1.rbm").components[0], Splice((-1, 1), 12)
    for components in ([rbm], [splice, rbm], [Splice((-1, 0, 1), 8)]):
        write_nnet1(tmp_path / "x.nnet", Nnet1(components))
        with pytest.raises(InputError, match=r"x\.nnet: no RBM on spliced frames"):
            RbmModel.read(tmp_path / "x.nnet")


@pytest.mark.parametrize(
    "name", ["rbm_epochs", "rbm_lrate", "rbm_lrate_low", "rbm_minibatch_size", "workers", "l2_penalty"]
)
def test_options_of_rbms_without_sense_are_refused_by_name(name):
    with pytest.raises(UsageError, match=name.replace("_", "-")):
        DbnOptions.of({name: -1})


def test_the_step_refuses_them_before_it_touches_anything(frames, tmp_path):
    command = [
        sys.executable,
        str(REPOSITORY / "steps/pretrain_dbn"),
        "--workers=0",
        str(frames),
        str(tmp_path / "out"),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    )
    assert done.returncode == 2
    assert "--workers=0" in done.stderr
    assert not (tmp_path / "out").exists()
