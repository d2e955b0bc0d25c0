"""Training of a DNN from a frame store to a model that decodes alone: rounds, combination, priors."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from houseblend.base.errors import UsageError
from houseblend.base.log import log
from houseblend.feat.description import copy_model_features
from houseblend.frames.store import FrameStore
from houseblend.gmm.lda import lda_transform, mean_variance_transform
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_output
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.formats.nnet3 import write_acoustic_model
from houseblend.nnet.network import Network
from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.gate import Gate
from houseblend.parallel.network_config import NetworkConfig, check_layer
from houseblend.parallel.rounds import Experiment, combined_models, run_rounds
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategies import STRATEGIES
from houseblend.train.combine import average_posteriors, combine
from houseblend.train.transform import gather_lda_stats
from houseblend.train.update.rule import UpdateRule


@dataclass(frozen=True)
class DnnOptions:
    """What the trained model depends on, besides the schedule; names as the step's options."""

    hidden_dim: int
    layer: str
    layer_options: str
    context: int
    input_transform: str
    update: str
    compute_dtype: str
    momentum: float
    strategy: str
    max_loss_increase: float
    combine_models: int
    seed: int
    device: str
    threads: int


def train_dnn(
    frames: Path, out: Path, schedule: Schedule, options: DnnOptions, exchange_name: str, slots: int | None
) -> None:
    """Train and write final.mdl, with tree, phones.txt and feature.json beside it.

    Args:
        frames: the frame store.
        out: experiment directory; an unfinished training in it is continued.
        schedule: the plan of all rounds.
        options: everything else that the model depends on.
        exchange_name: files or local; both give the same bits.
        slots: workers at a time.

    Raises:
        InputError, UsageError: bad data or options.
        RoundRefusedError: a round gave no model.
    """
    rule = UpdateRule(momentum=options.momentum, update=options.update, compute_dtype=options.compute_dtype)
    if options.strategy not in STRATEGIES or exchange_name not in ("files", "local"):
        raise UsageError("bad option", expected=f"--strategy={'|'.join(STRATEGIES)}, --exchange=files|local")
    check_layer(options.layer, options.hidden_dim, options.layer_options)
    torch.set_num_threads(1)  # threads of this process would not survive in those forked from it
    config = _network_config(frames, out, options)

    def network_of(previous: Network | None, num_layers: int) -> Network:
        if previous is None:
            return config.initial(num_layers, options.seed)
        has = sum(1 for component in previous.components if component.name.endswith(".affine")) - 1
        return previous if has == num_layers else config.grown(previous, num_layers, options.seed)

    experiment = Experiment(
        out, frames, rule, options.seed, options.combine_models, options.device, options.threads,
        Gate(options.max_loss_increase), network_of,
    )  # fmt: skip
    strategy = STRATEGIES[options.strategy](schedule)
    log(
        f"{schedule.num_rounds} rounds over {schedule.total_frames} frames, {schedule.workers(0)} to {schedule.final_workers} workers"
    )
    exchange = LocalExchange(slots) if exchange_name == "local" else FilesExchange(slots)
    _finish(experiment, run_rounds(experiment, strategy, exchange))


def _network_config(frames: Path, out: Path, options: DnnOptions) -> NetworkConfig:
    """Estimate the input transform if it is not there yet, and put together the network's configuration."""
    store = FrameStore(frames)
    path = out / "transform.mat"
    if options.input_transform not in ("mean-var", "lda"):
        raise UsageError(f"--input-transform={options.input_transform}", expected="mean-var or lda")
    if not path.exists():
        context = (options.context, options.context)
        stats = gather_lda_stats(f"frames:{frames}:train", context, store.num_pdfs)
        matrix = mean_variance_transform(stats) if options.input_transform == "mean-var" else lda_transform(stats)
        with open_output(path) as target:
            target.write_matrix(matrix)
    return NetworkConfig(
        store.dim, store.num_pdfs, options.hidden_dim, options.layer, options.context, path, options.layer_options
    )


def _finish(experiment: Experiment, rounds: list[dict[str, Any]]) -> None:
    """Combine the last models, set the priors, and write what decoding needs."""
    examples = f"frames:{experiment.frames}:combine"
    network, count = combine(combined_models(experiment, rounds), examples, experiment.device)
    transitions = TransitionModel.load(experiment.frames / "final.mdl")
    model = AcousticModel(transitions, network.to("cpu"), np.zeros(0, dtype=np.float32))
    with network.batch_norm_in_test_mode():
        model.set_priors(average_posteriors(network, examples))
    for name in ("tree", "phones.txt"):
        shutil.copyfile(experiment.frames / name, experiment.folder / name)
    copy_model_features(experiment.frames, experiment.folder)
    write_acoustic_model(experiment.folder / "final.mdl", model)
    log(f"final.mdl: {count} models combined, parameters {network.parameters.hash()[:16]}")
