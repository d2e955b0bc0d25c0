"""Training of a DNN from a frame store to a model that decodes alone: rounds, combination, priors."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.base.options import chosen
from houseblend.feat.description import copy_model_features
from houseblend.frames.store import FrameStore
from houseblend.gmm.lda import lda_transform, mean_variance_transform
from houseblend.gmm.options import InputTransformOptions
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_output
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.formats.nnet1 import read_nnet1
from houseblend.nnet.formats.nnet3 import write_acoustic_model
from houseblend.nnet.network import Network
from houseblend.nnet.nnet1.convert import start_from
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.products import warn_of_slow_bfloat16
from houseblend.parallel.exchanges import exchange_of
from houseblend.parallel.model import Model
from houseblend.parallel.models.network import NetworkModel
from houseblend.parallel.network_config import NetworkConfig, check_layer
from houseblend.parallel.options import DnnOptions, ExchangeOptions, NetworkOptions
from houseblend.parallel.progress import TrainingProgress
from houseblend.parallel.records import RoundRecord
from houseblend.parallel.rounds import Experiment, combined_models, run_rounds
from houseblend.train.combine import average_posteriors, combine
from houseblend.train.transform import gather_lda_stats


def train_dnn(frames: Path, out: Path, values: Mapping[str, Any]) -> None:
    """Train and write final.mdl, with tree, phones.txt and feature.json beside it.

    Args:
        frames: the frame store.
        out: experiment directory; an unfinished training in it is continued.
        values: options by name; see `DnnOptions` and `ExchangeOptions`.

    Raises:
        InputError, UsageError: bad data or options.
        RoundRefusedError: a round gave no model.
    """
    options = DnnOptions.of(values, FrameStore(frames).subset("train").num_frames)
    experiment, rounds = train_rounds(frames, out, options, chosen(ExchangeOptions, values), out / "transform.mat")
    _finish(experiment, combined_models(experiment, rounds, options.schedule.stands(rounds)[0]))


def train_rounds(
    frames: Path, out: Path, options: DnnOptions, execution: ExchangeOptions, transform: Path
) -> tuple[Experiment, list[RoundRecord]]:
    """All rounds of a training, without what comes after them.

    Args:
        frames: the frame store.
        out: experiment directory; what is unfinished in it is continued.
        options: what the model depends on.
        execution: how workers are run.
        transform: file of the input transform, which is estimated if it is not there.

    Raises:
        InputError, UsageError: bad data or options.
        RoundRefusedError: a round gave no model.
    """
    check_layer(options.network.layer, options.network.hidden_dim, options.network.layer_options)
    warn_of_slow_bfloat16(options.rule.compute_dtype, options.run.device)
    torch.set_num_threads(1)  # threads of this process would not survive in those forked from it
    config = _network_config(frames, transform, options.network)

    def model_of(previous: Model | None, num_layers: int) -> Model:
        if previous is None:
            return NetworkModel(_initial(config, num_layers, options))
        assert isinstance(previous, NetworkModel)
        has = sum(1 for component in previous.network.components if component.name.endswith(".affine")) - 1
        if has == num_layers:
            return previous
        return NetworkModel(config.grown(previous.network, num_layers, options.run.seed))

    run, schedule = options.run, options.schedule
    experiment = Experiment(
        out, frames, options.rule, options.strategy, options.memory, options.gate, run.seed, run.combine_models, run.device,
        run.threads_per_worker, model_of,
    )  # fmt: skip
    log(
        f"{schedule.num_rounds} rounds over {schedule.total_frames} frames, {schedule.workers(0)} to "
        f"{schedule.final_workers} workers, {options.strategy}"
    )
    with TrainingProgress(schedule.total_frames) as progress:
        exchange = exchange_of(execution, run.reduction, options.machine)
        return experiment, run_rounds(experiment, schedule, exchange, progress.round_done, progress.trained)


def _network_config(frames: Path, path: Path, options: NetworkOptions) -> NetworkConfig:
    """Estimate the input transform if it is not there yet, and put together the network's configuration."""
    store = FrameStore(frames)
    if not path.exists():
        context = (options.context, options.context)
        stats = gather_lda_stats(f"frames:{frames}:train", context, store.num_pdfs)
        if options.input_transform == "mean-var":
            matrix = mean_variance_transform(stats)
        else:
            matrix = lda_transform(stats, InputTransformOptions())
        with open_output(path) as target:
            target.write_matrix(matrix)
    return NetworkConfig(
        store.dim, store.num_pdfs, options.hidden_dim, options.layer, options.context, path, options.layer_options
    )


def _initial(config: NetworkConfig, num_layers: int, options: DnnOptions) -> Network:
    """A new network, or one that has the hidden layers of a deep belief network."""
    network = config.initial(num_layers, options.run.seed)
    if options.network.init is not None:
        start_from(network, read_dbn(options.network.init, num_layers))
    return network


def read_dbn(path: Path, num_layers: int) -> Nnet1:
    """The layers of a deep belief network, behind the transform of its input.

    Args:
        path: directory of pretrain_dbn, or of Kaldi's script of that name; or a network of nnet1.
        num_layers: how many of its layers are wanted; a network is taken whole.

    Raises:
        InputError: it is missing, or no such network.
    """
    if not path.is_dir():
        return read_nnet1(path)
    dbn = path / f"{num_layers}.dbn"
    if not dbn.exists():
        there = ", ".join(one.name for one in sorted(path.glob("*.dbn"))) or "no file N.dbn"
        do = "train with as many --hidden-layers as it has"
        raise InputError(f"no DBN of {num_layers} layers", file=path, expected=f"one of {there}", do=do)
    parts = [read_nnet1(path / "final.feature_transform"), read_nnet1(dbn)]
    return Nnet1([component for part in parts for component in part.components], dbn)


def _finish(experiment: Experiment, models: Sequence[Path]) -> None:
    """Combine models, set the priors, and write what decoding needs."""
    torch.set_num_threads(1)
    examples = f"frames:{experiment.frames}:combine"
    network, count = combine(models, examples, experiment.device)
    transitions = TransitionModel.load(experiment.frames / "final.mdl")
    model = AcousticModel(transitions, network.to("cpu"), np.zeros(0, dtype=np.float32))
    with network.batch_norm_in_test_mode():
        model.set_priors(average_posteriors(network, examples))
    for name in ("tree", "phones.txt"):
        shutil.copyfile(experiment.frames / name, experiment.folder / name)
    copy_model_features(experiment.frames, experiment.folder)
    write_acoustic_model(experiment.folder / "final.mdl", model)
    log(f"final.mdl: {count} models combined, parameters {network.parameters.hash()[:16]}")
