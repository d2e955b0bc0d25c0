"""The round machine: plan, train and blend, check, then the ledger's line. It can be killed at any moment.

A round is done when its line stands in the ledger; everything that the line names is on disk before it. What a killed
machine leaves of an unfinished round is made again, with the same seeds and so with the same bits.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from houseblend.base.atomic import move
from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.fingerprint import hash_file
from houseblend.base.log import log, warn
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.network import Network
from houseblend.parallel.gate import Gate
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.network_worker import evaluate_network
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.round_end import MODEL, STATE
from houseblend.parallel.strategy import Strategy
from houseblend.parallel.task import MemoryPolicy, RoundTask
from houseblend.parallel.worker import Told
from houseblend.train.update.rule import UpdateRule

MAX_ATTEMPTS = 3


class RoundRefusedError(HouseBlendError):
    """No attempt at a round gave a model."""


class Exchange(Protocol):
    """Runs the workers of a round, and forms the means."""

    name: str

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; its model and state lie in the task's folder afterwards, unless it was refused."""
        ...


class Schedule(Protocol):
    """Says what the next round is to do: a pure function of the rounds that are done."""

    def next(self, past: Sequence[RoundRecord]) -> RoundPlan | None:
        """The round after those; None when training is over."""
        ...


@dataclass(frozen=True)
class Experiment:
    """What stays the same in all rounds.

    Args:
        folder: the experiment directory.
        frames: the frame store.
        rule: the update rule; its limit on the change comes from the plan.
        strategy: how workers blend.
        memory: what becomes of the optimizer's memory.
        gate: conditions of admission.
        seed: of the run.
        keep: models kept for the final combination.
        device: cpu or cuda.
        threads: of each worker.
        network_of: makes the network of a number of layers, from the previous one (None: the first).
    """

    folder: Path
    frames: Path
    rule: UpdateRule
    strategy: Strategy
    memory: MemoryPolicy
    gate: Gate
    seed: int
    keep: int
    device: str
    threads: int
    network_of: Callable[[Network | None, int], Network]

    def model(self, number: int) -> Path:
        """The model before round `number`."""
        return self.folder / f"{number}.raw"

    def state(self, number: int, name: str) -> Path:
        """A file of arrays that last into round `number`, by its name in the ledger: `state.npz`, `state.W.npz`."""
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
    ledger = Ledger(experiment.folder / "ledger.jsonl")
    plan = schedule.next([])
    if plan is None:
        raise InputError("no rounds to run")
    if not ledger.rounds() and not experiment.model(0).exists():
        write_network(experiment.model(0), experiment.network_of(None, plan.num_layers))
    _check_last(experiment, ledger.rounds())
    for record in ledger.rounds():
        told(record)
    while (plan := schedule.next(ledger.rounds())) is not None:
        told(_round(experiment, exchange, ledger, plan, trained))
        _clean(experiment, plan.round + 1)
    return ledger.rounds()


def _check_last(experiment: Experiment, done: Sequence[RoundRecord]) -> None:
    """Refuse to go on from files that are not those of the ledger's last line."""
    if not done:
        return
    last, number = done[-1], done[-1].round + 1
    path = experiment.model(number)
    if not path.exists() or read_network(path).parameters.hash() != last.model_hash:
        raise InputError("the model is not the one of the ledger's last line", file=path, do="begin a new directory")
    for name, expected in last.state.items():
        path = experiment.state(number, name)
        if not path.exists() or hash_file(path) != expected:
            raise InputError(
                "the state is not the one of the ledger's last line", file=path, do="begin a new directory"
            )
    log(f"continuing after round {last.round}")


def _round(experiment: Experiment, exchange: Exchange, ledger: Ledger, plan: RoundPlan, trained: Told) -> RoundRecord:
    """One round with all its attempts."""
    torch.set_num_threads(1)
    task = _task(experiment, ledger, plan)
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
        f"round {plan.round} was refused {MAX_ATTEMPTS} times", file=experiment.folder / "ledger.jsonl",
        do="look at the reasons there, lower the learning rate, and begin a new directory",
    )  # fmt: skip


def _task(experiment: Experiment, ledger: Ledger, plan: RoundPlan) -> RoundTask:
    """The round as its workers get it. A network that grows begins without what a strategy kept of the smaller one."""
    done = ledger.rounds()
    state = {} if not done else {name: str(experiment.state(plan.round, name)) for name in done[-1].state}
    loss = -done[-1].measured.heldout_objective if done else None
    model = experiment.model(plan.round)
    network = read_network(model)
    grown = experiment.network_of(network, plan.num_layers)
    if grown is not network:
        model, state = experiment.folder / f"{plan.round}.grown.raw", {}
        write_network(model, grown)
        loss = -evaluate_network(grown, f"frames:{experiment.frames}:heldout")[0]
    rule = replace(experiment.rule, max_param_change=plan.max_param_change, l2_regularize_factor=1.0 / plan.workers)
    own = {int(name.split(".")[1]): path for name, path in state.items() if name != STATE}
    return RoundTask(
        "", str(model), str(experiment.frames), plan, rule, experiment.strategy, experiment.memory, experiment.gate,
        state.get(STATE), own, loss, experiment.seed, 0, experiment.device, experiment.threads,
    )  # fmt: skip


def _log_round(record: RoundRecord) -> None:
    plan, measured = record.plan, record.measured
    log(
        f"round {plan.round}: {sum(map(bool, record.weights.values()))} of {plan.workers} workers, {record.blends} blends, learning rate "
        f"{plan.learning_rate:.3g}, objective train {measured.train_objective:.4f}, held out "
        f"{measured.heldout_objective:.4f}, {record.seconds:.1f} s"
    )


def _clean(experiment: Experiment, last: int) -> None:
    """Remove what no later round needs: old models and states, and the workers' files of finished rounds (logs stay)."""
    for path in [*experiment.folder.glob("*.raw"), *experiment.folder.glob("*.npz")]:
        number = path.name.partition(".")[0]
        kept = experiment.keep if path.name == f"{number}.raw" else 1
        if number.isdigit() and int(number) <= last - kept and int(number) != last:
            path.unlink()
    for kind in ("raw", "npz"):
        for path in experiment.folder.glob(f"rounds/*/*.{kind}*"):
            path.unlink()


def combined_models(experiment: Experiment, rounds: Sequence[RoundRecord]) -> list[Path]:
    """The models for the final combination, the last first: of the last rounds, those with the final topology."""
    layers = rounds[-1].plan.num_layers
    last = [record for record in reversed(rounds[-experiment.keep :]) if record.plan.num_layers == layers]
    return [experiment.model(record.round + 1) for record in last]
