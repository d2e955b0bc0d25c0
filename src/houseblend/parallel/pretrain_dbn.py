"""Pretraining of a deep belief network: RBM upon RBM on a frame store, each in rounds as a network is (Hinton et al. 2006).

Rates, epochs and initial weights are those of Kaldi's steps/nnet/pretrain_dbn.sh.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from houseblend.base.log import log
from houseblend.base.options import chosen
from houseblend.base.seeds import seed_of
from houseblend.feat.description import copy_model_features
from houseblend.frames.store import FrameStore
from houseblend.gmm.lda import mean_variance_transform
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.components import AddShift, AffineTransform, Layer, Rescale, Sigmoid, Splice
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm
from houseblend.parallel.exchanges import exchange_of
from houseblend.parallel.models.rbm import RbmModel
from houseblend.parallel.options import DbnOptions, ExchangeOptions
from houseblend.parallel.progress import TrainingProgress
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.rounds import Experiment, run_rounds
from houseblend.train.transform import gather_lda_stats

SMALLEST_MEAN = 1e-4
"""Of a unit that a bias is made of: log(p / (1 - p)) must be finite."""


def pretrain_dbn(frames: Path, out: Path, values: Mapping[str, Any]) -> None:
    """Train the RBMs one after the other; writes final.feature_transform, and N.rbm and N.dbn of every layer N.

    Args:
        frames: the frame store.
        out: experiment directory; an unfinished training in it is continued.
        values: options by name; see `DbnOptions` and `ExchangeOptions`.

    Raises:
        InputError, UsageError: bad data or options.
        RoundRefusedError: a round gave no model.
    """
    options = DbnOptions.of(values)
    store = FrameStore(frames)
    torch.set_num_threads(1)  # threads of this process would not survive in those forked from it
    below: list[Layer] = _feature_transform(store, frames, out, options.network.context)
    exchange = exchange_of(chosen(ExchangeOptions, values), options.run.reduction, options.machine)
    num_frames = store.subset("train").num_frames
    schedules = [options.schedule(number, num_frames) for number in range(1, options.hidden_layers + 1)]
    with TrainingProgress(sum(schedule.total_frames for schedule in schedules)) as progress:
        for number, schedule in enumerate(schedules, start=1):
            experiment = _experiment(frames, out, options, number, below)
            rounds = run_rounds(experiment, schedule, exchange, progress.round_done, progress.trained)
            rbm = _finish(experiment, out, number, below, rounds)
            below = [*below, AffineTransform(rbm.weights, rbm.hidden_bias), Sigmoid(len(rbm.hidden_bias))]
    copy_model_features(frames, out)


def _feature_transform(store: FrameStore, frames: Path, out: Path, context: int) -> list[Layer]:
    """Splicing, and mean 0 and variance 1 of every number, as Gaussian visible units of variance 1 need it."""
    path = out / "final.feature_transform"
    if not path.exists():
        stats = gather_lda_stats(f"frames:{frames}:train", (context, context), store.num_pdfs)
        matrix = mean_variance_transform(stats).astype(np.float64)
        scale = np.diag(matrix)
        shift = torch.from_numpy((matrix[:, -1] / scale).astype(np.float32))
        splice = Splice(tuple(range(-context, context + 1)), store.dim)
        rescale = Rescale(torch.from_numpy(scale.astype(np.float32)), 0.0)
        write_nnet1(path, Nnet1([splice, AddShift(shift, 0.0), rescale]))
    return read_nnet1(path).layers


def _experiment(frames: Path, out: Path, options: DbnOptions, number: int, below: list[Layer]) -> Experiment:
    folder = out / f"rbm{number}"
    folder.mkdir(exist_ok=True)

    def model_of(previous: Any, num_layers: int) -> RbmModel:
        if previous is not None:
            return previous
        return RbmModel(Nnet1([*below, _initial(frames, out, options, number, below)]))

    run = options.run
    return Experiment(
        folder, frames, options.rule, options.strategy, options.memory, options.gate, run.seed, 1, run.device,
        run.threads_per_worker, model_of, "rbm",
    )  # fmt: skip


def _initial(frames: Path, out: Path, options: DbnOptions, number: int, below: list[Layer]) -> Rbm:
    """Small random weights; above the first layer, a visible bias that gives back the mean of its units (Hinton 2010, 8.1)."""
    visible = below[-1].output_dim
    random = np.random.Generator(np.random.Philox(key=seed_of(options.run.seed, "init", f"rbm{number}")))
    shape = (options.network.hidden_dim, visible)
    weights = torch.from_numpy(options.rbm.rbm_weight_stddev * random.standard_normal(shape, dtype=np.float32))
    bias = torch.zeros(visible)
    if number > 1:
        mean = RbmModel.read(_last_model(out, number - 1)).mean_hidden(f"frames:{frames}:combine")
        bias = torch.logit(mean, eps=SMALLEST_MEAN).float()
    return Rbm(weights, bias, torch.zeros(shape[0]), "gauss" if number == 1 else "bern", "bern")


def _last_model(out: Path, number: int) -> Path:
    """The whole chain up to an RBM."""
    return out / f"rbm{number}" / "final.nnet"


def _finish(experiment: Experiment, out: Path, number: int, below: list[Layer], rounds: list[RoundRecord]) -> Rbm:
    """Keep the RBM alone, and the layers up to it as the network that a DNN begins from."""
    chain = read_nnet1(experiment.model(len(rounds)))
    rbm = chain.components[-1]
    assert isinstance(rbm, Rbm)
    write_nnet1(_last_model(out, number), chain)
    write_nnet1(out / f"{number}.rbm", Nnet1([rbm]))
    hidden = [layer for layer in below if isinstance(layer, AffineTransform | Sigmoid)]
    write_nnet1(
        out / f"{number}.dbn",
        Nnet1([*hidden, AffineTransform(rbm.weights, rbm.hidden_bias), Sigmoid(len(rbm.hidden_bias))]),
    )
    measured = rounds[-1].measured
    log(
        f"RBM {number}: squared reconstruction error a unit {-measured.train_objective:.4f} in training, "
        f"{-measured.heldout_objective:.4f} held out; free energy held out less that in training {measured.free_energy_gap:+.3f}"
    )
    return rbm
