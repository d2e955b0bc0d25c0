"""The round machine: plan, train and blend, check, then the ledger's line. It can be killed at any moment.

A round is done when its line stands in the ledger; everything that the line names is on disk before it. What a killed
machine leaves of an unfinished round is made again, with the same seeds and so with the same bits.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from houseblend.base.atomic import move
from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.fingerprint import LEDGER, hash_file
from houseblend.base.log import log, warn
from houseblend.parallel.gate import Gate
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.model import Model
from houseblend.parallel.models import MODELS
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.round_end import MODEL, STATE
from houseblend.parallel.round_worker import AGAIN
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategy import WorkerSide
from houseblend.parallel.task import MemoryPolicy, RoundTask
from houseblend.parallel.worker import Told

MAX_ATTEMPTS = 3


class RoundRefusedError(HouseBlendError):
    """No attempt at a round gave a model."""


class Exchange(Protocol):
    """Runs the workers of a round, and forms the means."""

    name: str

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; its model and state lie in the task's folder afterwards, unless it was refused."""
        ...


@dataclass(frozen=True)
class Experiment:
    """What stays the same in all rounds.

    Args:
        folder: the experiment directory.
        frames: the frame store.
        rule: how a worker updates, as the kind of model has it.
        strategy: how workers blend.
        memory: what becomes of the optimizer's memory.
        gate: conditions of admission.
        seed: of the run.
        keep: models kept for the final combination.
        device: cpu or cuda.
        threads: of each worker.
        model_of: makes the model of a number of layers, from the previous one (None: the first).
        kind: of the models; see `models`.
    """

    folder: Path
    frames: Path
    rule: Any
    strategy: WorkerSide
    memory: MemoryPolicy
    gate: Gate
    seed: int
    keep: int
    device: str
    threads: int
    model_of: Callable[[Model | None, int], Model]
    kind: str = "network"

    @property
    def suffix(self) -> str:
        """Of the models' files."""
        return MODELS[self.kind].suffix

    def model(self, number: int) -> Path:
        """The model after so many rounds."""
        return self.folder / f"{number}.{self.suffix}"

    def read_model(self, path: Path) -> Model:
        """A model of this experiment's kind from a file."""
        return MODELS[self.kind].read(path)

    def state(self, number: int, name: str) -> Path:
        """A file of arrays that last beside that model, by its name in the ledger: `state.npz`, `state.W.npz`."""
        return self.folder / f"{number}.{name}"


def run_rounds(
    experiment: Experiment, schedule: Schedule, exchange: Exchange, told: Callable[[RoundRecord], None], trained: Told
) -> list[RoundRecord]:
    """Run all rounds that the ledger does not have; returns the records of all.

    Args:
        experiment: what stays the same.
        schedule: what each round is to do.
        exchange: runs them.
        told: called with every round that is done, those before this run too.
        trained: called with a worker and the frames that it has just learnt.

    Raises:
        RoundRefusedError: a round was refused in all its attempts.
        InputError: the directory's models are not those of its ledger.
    """
    ledger = Ledger(experiment.folder / LEDGER)
    plan = schedule.next([])
    if plan is None:
        raise InputError("no rounds to run")
    if not ledger.rounds() and not experiment.model(0).exists():
        experiment.model_of(None, plan.num_layers).write(experiment.model(0))
    _check_last(experiment, ledger.rounds(), schedule)
    for record in ledger.rounds():
        told(record)
    while (plan := schedule.next(ledger.rounds())) is not None:
        told(_round(experiment, exchange, ledger, plan, trained))
        _clean(experiment, plan.round + 1, schedule.stands(ledger.rounds()))
    return ledger.rounds()


def _check_last(experiment: Experiment, done: Sequence[RoundRecord], schedule: Schedule) -> None:
    """Refuse to go on from files that are not those of the ledger."""
    for number in schedule.stands(done):
        if number:
            _check_model(experiment, number, done[number - 1])
    if done:
        log(f"continuing after round {done[-1].round}")


def _check_model(experiment: Experiment, number: int, record: RoundRecord) -> None:
    path = experiment.model(number)
    if not path.exists() or experiment.read_model(path).hash() != record.model_hash:
        raise InputError(f"the model is not the one of the ledger's round {record.round}", file=path, do=AGAIN)
    for name, expected in record.state.items():
        path = experiment.state(number, name)
        if not path.exists() or hash_file(path) != expected:
            raise InputError(f"the state is not the one of the ledger's round {record.round}", file=path, do=AGAIN)


def _round(experiment: Experiment, exchange: Exchange, ledger: Ledger, plan: RoundPlan, trained: Told) -> RoundRecord:
    """One round with all its attempts."""
    torch.set_num_threads(1)
    task = _task(experiment, ledger.rounds(), plan)
    for attempt in range(ledger.refused(plan.round), MAX_ATTEMPTS):
        began = time.monotonic()
        folder = experiment.folder / "rounds" / f"{plan.round}.{attempt}"
        if folder.exists():
            shutil.rmtree(folder)
        (folder / "log").mkdir(parents=True)
        tried = replace(plan, learning_rate=plan.learning_rate * 0.5**attempt)
        outcome = exchange.run(replace(task, folder=str(folder), plan=tried, attempt=attempt), trained)
        if isinstance(outcome, RoundRecord):
            for worker, reason in outcome.dropped.items():
                warn(f"round {plan.round}: worker {worker} is dropped: {reason}")
            move(folder / MODEL, experiment.model(plan.round + 1))
            for name in outcome.state:
                move(folder / name, experiment.state(plan.round + 1, name))
            record = replace(outcome, seconds=round(time.monotonic() - began, 2))
            ledger.append(record)
            _log_round(record)
            return record
        for worker, reason in outcome.reason.items():
            warn(f"round {plan.round}: {f'worker {worker}' if worker else 'all'}: {reason}")
        warn(f"round {plan.round}, attempt {attempt} is refused; again at half the learning rate")
        ledger.append(outcome)
    raise RoundRefusedError(
        f"round {plan.round} was refused {MAX_ATTEMPTS} times", file=experiment.folder / LEDGER,
        do="look at the reasons there, lower the learning rate, and begin a new directory",
    )  # fmt: skip


def _task(experiment: Experiment, done: Sequence[RoundRecord], plan: RoundPlan) -> RoundTask:
    """The round as its workers get it. A network that grows begins without what a strategy kept of the smaller one."""
    before = done[plan.model - 1] if plan.model else None
    state = {} if before is None else {name: str(experiment.state(plan.model, name)) for name in before.state}
    path = experiment.model(plan.model)
    model = experiment.read_model(path)
    grown = experiment.model_of(model, plan.num_layers)
    if grown is not model:
        path, state = experiment.folder / f"{plan.round}.grown.{experiment.suffix}", {}
        grown.write(path)
    if before is None or grown is not model:
        loss = -grown.measure(f"frames:{experiment.frames}:heldout").objective
    else:
        loss = -before.measured.heldout_objective
    own = {int(name.split(".")[1]): path for name, path in state.items() if name != STATE}
    return RoundTask(
        "", str(path), str(experiment.frames), plan, experiment.rule, experiment.strategy, experiment.memory, experiment.gate,
        state.get(STATE), own, loss, experiment.seed, 0, experiment.device, experiment.threads,
        experiment.kind,
    )  # fmt: skip


def _log_round(record: RoundRecord) -> None:
    plan, measured = record.plan, record.measured
    log(
        f"round {plan.round}: {sum(map(bool, record.weights.values()))} of {plan.workers} workers, {record.blends} blends, learning rate "
        f"{plan.learning_rate:.3g}, objective train {measured.train_objective:.4f}, held out "
        f"{measured.heldout_objective:.4f}, {record.seconds:.1f} s"
    )


def _clean(experiment: Experiment, last: int, needed: Sequence[int]) -> None:
    """Remove what no later round needs: old models and states, and the workers' files of finished rounds (logs stay)."""
    suffix = experiment.suffix
    for path in [*experiment.folder.glob(f"*.{suffix}"), *experiment.folder.glob("*.npz")]:
        number = path.name.partition(".")[0]
        kept = experiment.keep if path.name == f"{number}.{suffix}" else 1
        if number.isdigit() and int(number) <= last - kept and int(number) not in (last, *needed):
            path.unlink()
    for kind in (suffix, "npz"):
        for path in experiment.folder.glob(f"rounds/*/*.{kind}*"):
            path.unlink()


def combined_models(experiment: Experiment, rounds: Sequence[RoundRecord], result: int) -> list[Path]:
    """The models for the final combination, the last first: the result, and those that led to it, of its topology.

    Args:
        experiment: what stays the same.
        rounds: all of them.
        result: number of the model that training ended with.
    """
    found, layers = [], rounds[-1].plan.num_layers
    while result > len(rounds) - experiment.keep or not found:
        if result == 0 or rounds[result - 1].plan.num_layers != layers:
            break
        found.append(experiment.model(result))
        result = rounds[result - 1].plan.model
    return found
