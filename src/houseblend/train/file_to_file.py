"""Training from file to file, as `nnet3-train` does it: model and interval of the order in; model, report and side-car out."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.base.seeds import seed_of
from houseblend.io.arrays import read_arrays, write_arrays
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.products import warn_of_slow_bfloat16
from houseblend.train.examples import Minibatch, read_minibatches
from houseblend.train.objective import Objective, evaluate_as_for_test
from houseblend.train.options import TrainOptions
from houseblend.train.trainer import Trainer
from houseblend.train.update.rule import UpdateRule

EVALUATION_MINIBATCH = 1024
DEFAULTS = TrainOptions()


def train_file(
    model_in: str, examples: str, model_out: str, rule: UpdateRule, options: TrainOptions = DEFAULTS
) -> dict[str, Any]:
    """Train; the model is written last of all outputs but the report, which names it.

    Args:
        model_in: raw network to start from.
        examples: `frames:DIR[:SUBSET]` or a rspecifier of nnet3 examples.
        model_out: raw network to write.
        rule: how the parameters change.
        options: everything else.

    Returns:
        The report: frames, objective and held-out objective per frame, accuracy, seconds, counts of limits.

    Raises:
        InputError: model or data are missing or do not fit.
        NotFiniteError: training left the finite numbers; nothing is written.
    """
    start = time.monotonic()
    torch.set_num_threads(options.threads_per_worker)
    network = read_network(model_in, device=options.device)
    if options.learning_rate is not None:
        network.set_learning_rate(options.learning_rate)
    warn_of_slow_bfloat16(rule.compute_dtype, options.device)
    trainer = Trainer(network, rule, seed_of(options.srand, "dropout", 0, 1, 0))
    if options.sidecar_in is not None:
        load_sidecar(options.sidecar_in, trainer)
    context = (network.left_context, network.right_context)
    batches = read_minibatches(
        examples, context, options.minibatch_size, options.begin, options.end, options.srand
    )  # fmt: skip
    clock = _Clock(batches)
    ready = time.monotonic()
    _train(trainer, clock, options.print_interval)
    if trainer.num_minibatches == 0:
        raise InputError("no examples in the interval", file=examples, expected=f"frames from {options.begin} on")
    network.parameters.check_finite(model_out)
    trained = time.monotonic()
    report: dict[str, Any] = {
        "begin": options.begin, "end": options.end, "frames": trainer.objective.weight,
        "minibatches": trainer.num_minibatches, "objective": trainer.objective.per_frame, "max_change": asdict(trainer.counts),
    }  # fmt: skip
    if options.heldout:
        heldout = evaluate_as_for_test(network, read_minibatches(options.heldout, context, EVALUATION_MINIBATCH))
        report["heldout_objective"], report["heldout_accuracy"] = heldout.per_frame, heldout.accuracy
    if options.sidecar_out is not None:
        write_arrays(options.sidecar_out, trainer.memory.arrays())
    write_network(model_out, network)
    report["model_hash"] = network.parameters.hash()
    report["seconds"] = {
        "start": round(ready - start, 3), "training": round(trained - ready - clock.waited, 3),
        "waiting": round(clock.waited, 3), "evaluating": round(time.monotonic() - trained, 3),
    }  # fmt: skip
    if options.report is not None:
        write_json(options.report, report)
    log(
        f"overall average objective function is {report['objective']:.6g} over {report['frames']:g} frames; wrote {model_out}"
    )
    return report


def _train(trainer: Trainer, batches: Iterable[Minibatch], print_interval: int) -> None:
    told = Objective()
    for batch in batches:
        trainer.step(batch)
        count = trainer.num_minibatches
        if print_interval and count % print_interval == 0:
            now, place = replace(trainer.objective), f"{count - print_interval}-{count - 1}"
            mean = (now.log_prob - told.log_prob) / (now.weight - told.weight)
            log(
                f"average objective function for minibatches {place} is {mean:.6g} over {now.weight - told.weight:g} frames"
            )
            told = now
    trainer.check()


def load_sidecar(path: str | Path, trainer: Trainer) -> None:
    """Go on from a side-car.

    Raises:
        InputError: it is missing, broken, of another format or of another network.
    """
    do = "start afresh without --sidecar-in"
    arrays = read_arrays(path, do)
    try:
        trainer.memory.load(arrays)
    except InputError as failure:
        raise failure.but(file=path, do=do) from None


class _Clock:
    """Iterates, and adds up the seconds spent waiting for the next item."""

    def __init__(self, items: Iterator[Minibatch]) -> None:
        self._items, self.waited = items, 0.0

    def __iter__(self) -> Iterator[Minibatch]:
        while True:
            start = time.monotonic()
            item = next(self._items, None)
            self.waited += time.monotonic() - start
            if item is None:
                return
            yield item
