"""Training from file to file, as `nnet3-train` does it: model and interval of the order in; model, report and side-car out."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.base.seeds import seed_of
from houseblend.io.arrays import read_arrays, write_arrays
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.products import core_multiplies_bfloat16
from houseblend.train.examples import Minibatch, read_minibatches
from houseblend.train.objective import evaluate_as_for_test
from houseblend.train.trainer import Trainer
from houseblend.train.update.rule import UpdateRule

SIDECAR_FORMAT = 2
EVALUATION_MINIBATCH = 1024


@dataclass(frozen=True)
class WorkerTask:
    """What one worker is to do.

    Args:
        model_in: raw network to start from.
        examples: `frames:DIR[:SUBSET]` or a rspecifier of nnet3 examples.
        model_out: raw network to write.
        begin, end: interval of the order of data; `end` None is the end of the first epoch.
        minibatch_size: frames.
        learning_rate: of the whole network; None keeps the file's.
        rule: the update rule.
        seed: of the run: order and dropout.
        heldout: examples that the trained network is evaluated on; empty for none.
        report: JSON file to write; None for none.
        sidecar_in, sidecar_out: what the optimizer remembers; None to start afresh, to forget.
        device: cpu or cuda.
        threads: of the matrix products; part of the result.
        print_interval: minibatches between log lines; 0 for none.
    """

    model_in: str
    examples: str
    model_out: str
    begin: int = 0
    end: int | None = None
    minibatch_size: int = 512
    learning_rate: float | None = None
    rule: UpdateRule = UpdateRule()
    seed: int = 0
    heldout: str = ""
    report: str | None = None
    sidecar_in: str | None = None
    sidecar_out: str | None = None
    device: str = "cpu"
    threads: int = 1
    print_interval: int = 100


def train_worker(task: WorkerTask) -> dict[str, Any]:
    """Train as the task says; the model is written last of all outputs but the report, which names it.

    Returns:
        The report: frames, objective and held-out objective per frame, accuracy, seconds, counts of limits.

    Raises:
        InputError: model or data are missing or do not fit.
        NotFiniteError: training left the finite numbers; nothing is written.
    """
    start = time.monotonic()
    torch.set_num_threads(task.threads)
    network = read_network(task.model_in, device=task.device)
    if task.learning_rate is not None:
        network.set_learning_rate(task.learning_rate)
    if task.rule.compute_dtype == "bfloat16" and task.device == "cpu" and not core_multiplies_bfloat16():
        warn("--compute-dtype=bfloat16 is slower than float32 here: the processor has neither AMX nor AVX512_BF16")
    trainer = Trainer(network, task.rule, seed_of(task.seed, "dropout", 0, 1, 0))
    if task.sidecar_in is not None:
        load_sidecar(task.sidecar_in, trainer)
    context = (network.left_context, network.right_context)
    clock = _Clock(read_minibatches(task.examples, context, task.minibatch_size, task.begin, task.end, task.seed))
    ready = time.monotonic()
    _train(trainer, clock, task.print_interval)
    if trainer.num_minibatches == 0:
        raise InputError("no examples in the interval", file=task.examples, expected=f"frames from {task.begin} on")
    network.parameters.check_finite(task.model_out)
    trained = time.monotonic()
    report: dict[str, Any] = {
        "begin": task.begin, "end": task.end,
        "frames": trainer.objective.weight, "minibatches": trainer.num_minibatches,
        "objective": trainer.objective.per_frame, "max_change": asdict(trainer.counts),
    }  # fmt: skip
    if task.heldout:
        heldout = evaluate_as_for_test(network, read_minibatches(task.heldout, context, EVALUATION_MINIBATCH))
        report["heldout_objective"], report["heldout_accuracy"] = heldout.per_frame, heldout.accuracy
    if task.sidecar_out is not None:
        write_arrays(task.sidecar_out, trainer.memory.arrays())
    write_network(task.model_out, network)
    report["model_hash"] = network.parameters.hash()
    report["seconds"] = {
        "start": round(ready - start, 3), "training": round(trained - ready - clock.waited, 3),
        "waiting": round(clock.waited, 3), "evaluating": round(time.monotonic() - trained, 3),
    }  # fmt: skip
    if task.report is not None:
        write_json(task.report, report)
    log(
        f"overall average objective function is {report['objective']:.6g} over {report['frames']:g} frames; wrote {task.model_out}"
    )
    return report


def _train(trainer: Trainer, batches: Iterable[Minibatch], print_interval: int) -> None:
    interval_sum = interval_weight = 0.0
    for batch in batches:
        interval_sum += trainer.step(batch)
        interval_weight += float(batch.weights.sum(dtype=torch.float64))
        count = trainer.num_minibatches
        if print_interval and count % print_interval == 0:
            place = f"{count - print_interval}-{count - 1}"
            log(
                f"average objective function for minibatches {place} is {interval_sum / interval_weight:.6g} over {interval_weight:g} frames"
            )
            interval_sum = interval_weight = 0.0


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
