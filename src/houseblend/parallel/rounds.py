"""The round machine: plan, train, admit, weigh, mean, update; then the ledger's line. It can be killed at any moment.

A round is done when its line stands in the ledger; everything that the line names is on disk before it. What a killed
machine leaves of an unfinished round is made again, with the same seeds and so with the same bits.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from houseblend.base.atomic import move
from houseblend.base.errors import HouseBlendError, InputError, NotFiniteError
from houseblend.base.log import log, warn
from houseblend.nnet.average import mean
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Parameters
from houseblend.parallel.gate import Gate, Outcome
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.strategy import Report, RoundPlan, State, Strategy
from houseblend.train.update.rule import UpdateRule
from houseblend.train.worker import WorkerTask

MAX_ATTEMPTS = 3


class RoundRefusedError(HouseBlendError):
    """No attempt at a round gave a model."""


class Exchange(Protocol):
    """Runs the workers of a round; `begin` may return before they are done."""

    name: str

    def begin(self, tasks: Sequence[WorkerTask], folder: Path) -> Any:
        """Start the tasks; returns a handle."""
        ...

    def finish(self, handle: Any) -> list[Outcome]:
        """Wait for them; one outcome a task, in order."""
        ...

    def evaluate(self, model: Path, examples: Sequence[str], folder: Path, device: str) -> list[dict[str, Any]]:
        """Objective and accuracy per frame of a model on each of several sets of examples."""
        ...


@dataclass(frozen=True)
class Experiment:
    """What stays the same in all rounds.

    Args:
        folder: the experiment directory.
        frames: the frame store.
        rule: the update rule; its limit on the change comes from the plan.
        seed: of the run.
        keep: models kept for the final combination.
        device: cpu or cuda.
        threads: of each worker.
        gate: conditions of admission.
        network_of: makes the network of a number of layers, from the previous one (None: the first).
    """

    folder: Path
    frames: Path
    rule: UpdateRule
    seed: int
    keep: int
    device: str
    threads: int
    gate: Gate
    network_of: Callable[[Network | None, int], Network]

    def model(self, number: int) -> Path:
        """The model before round `number`."""
        return self.folder / f"{number}.raw"


def run_rounds(experiment: Experiment, strategy: Strategy, exchange: Exchange) -> list[dict[str, Any]]:
    """Run all rounds that the ledger does not have; returns the lines of all.

    Raises:
        RoundRefusedError: a round was refused in all its attempts.
        InputError: the directory's models are not those of its ledger.
    """
    ledger = Ledger(experiment.folder / "ledger.jsonl")
    done = ledger.rounds()
    plan = strategy.plan({"round": 0})
    if plan is None:
        raise InputError("no rounds to run")
    if not done and not experiment.model(0).exists():
        write_network(experiment.model(0), experiment.network_of(None, plan.num_layers))
    state, loss = _resume(experiment, strategy, done)
    while (plan := strategy.plan(state)) is not None:
        state, loss = _round(experiment, strategy, exchange, ledger, plan, state, loss)
        _clean(experiment, plan.round + 1)
    return ledger.rounds()


def _resume(experiment: Experiment, strategy: Strategy, done: list[dict[str, Any]]) -> tuple[State, float | None]:
    """State and held-out loss where the ledger ends."""
    if not done:
        return strategy.init(read_network(experiment.model(0)).parameters.flat), None
    last = done[-1]
    path = experiment.model(last["round"] + 1)
    if not path.exists() or read_network(path).parameters.hash() != last["model_hash"]:
        raise InputError("the model is not the one of the ledger's last line", file=path, do="begin a new directory")
    log(f"continuing after round {last['round']}")
    return last["state"], -last["heldout_objective"]


def _round(
    experiment: Experiment, strategy: Strategy, exchange: Exchange, ledger: Ledger, plan: RoundPlan, state: State,
    previous_loss: float | None,
) -> tuple[State, float | None]:  # fmt: skip
    """One round with all its attempts; returns the new state and held-out loss."""
    start_model = _start_model(experiment, plan)
    if start_model != experiment.model(plan.round):
        previous_loss = None
    for attempt in range(ledger.refused(plan.round), MAX_ATTEMPTS):
        began = time.monotonic()
        tried = replace(plan, learning_rate=plan.learning_rate * 0.5**attempt)
        folder = experiment.folder / "rounds" / f"{plan.round}.{attempt}"
        if folder.exists():
            shutil.rmtree(folder)
        (folder / "log").mkdir(parents=True)
        outcomes = exchange.finish(exchange.begin(_tasks(experiment, tried, start_model, folder, attempt), folder))
        admitted, dropped = experiment.gate.admit(outcomes, previous_loss)
        for worker, reason in sorted(dropped.items()):
            warn(f"round {plan.round}: worker {worker} is dropped: {reason}")
        entry = _entry(exchange, tried, attempt, outcomes, dropped)
        if admitted:
            blended = _blend(experiment, strategy, exchange, tried, state, admitted, folder)
            reason = experiment.gate.refusal(-blended["heldout_objective"], previous_loss)
            if not reason:
                new_state = blended.pop("new_state")
                move(folder / "blend.raw", experiment.model(plan.round + 1))
                seconds = round(time.monotonic() - began, 2)
                ledger.append({**entry, **blended, "kind": "round", "state": new_state, "seconds": seconds})
                _log_round(tried, blended, admitted, seconds)
                return new_state, -blended["heldout_objective"]
            dropped = {0: f"the blended model: {reason}"}
        warn(f"round {plan.round}, attempt {attempt} is refused; again at half the learning rate")
        ledger.append({**entry, "kind": "refused", "reason": {str(worker): why for worker, why in dropped.items()}})
    raise RoundRefusedError(
        f"round {plan.round} was refused {MAX_ATTEMPTS} times", file=experiment.folder / "ledger.jsonl",
        do="look at the reasons there, lower the learning rate, and begin a new directory",
    )  # fmt: skip


def _start_model(experiment: Experiment, plan: RoundPlan) -> Path:
    """The model before the round, with its new layer if it gets one."""
    path = experiment.model(plan.round)
    network = read_network(path)
    grown = experiment.network_of(network, plan.num_layers)
    if grown is network:
        return path
    target = experiment.folder / f"{plan.round}.grown.raw"
    write_network(target, grown)
    return target


def _tasks(experiment: Experiment, plan: RoundPlan, model: Path, folder: Path, attempt: int) -> list[WorkerTask]:
    rule = replace(
        experiment.rule, max_param_change=plan.max_param_change, l2_regularize_factor=1.0 / len(plan.intervals)
    )
    return [
        WorkerTask(
            model_in=str(model), examples=f"frames:{experiment.frames}:train", model_out=f"{folder}/{worker}.raw",
            begin=begin, end=end, minibatch_size=plan.minibatch_size, learning_rate=plan.learning_rate, rule=rule,
            seed=experiment.seed, round=plan.round, worker=worker, attempt=attempt,
            heldout=f"frames:{experiment.frames}:heldout", report=f"{folder}/{worker}.json", device=experiment.device,
            threads=experiment.threads,
        )
        for worker, (begin, end) in enumerate(plan.intervals, start=1)
    ]  # fmt: skip


def _blend(
    experiment: Experiment, strategy: Strategy, exchange: Exchange, plan: RoundPlan, state: State,
    admitted: list[Outcome], folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """Weigh, average and update; write and evaluate the blended model; what the ledger says of it."""
    networks = [read_network(str(outcome.model)) for outcome in admitted]
    reports = [_report(outcome) for outcome in admitted]
    weights = strategy.weigh(state, reports)
    averaged = mean([network.parameters for network in networks], weights)
    own = [network.parameters.flat.clone() for network in networks]
    new_state, start = strategy.update(state, averaged.flat, own)
    result = networks[0]
    result.set_parameters(start)
    result.parameters.check_finite("the blended model")
    write_network(folder / "blend.raw", result)
    subsets = [f"frames:{experiment.frames}:{name}" for name in ("heldout", "combine")]
    heldout, train = exchange.evaluate(folder / "blend.raw", subsets, folder, experiment.device)
    return {
        "new_state": new_state,
        "weights": {str(outcome.worker): weight for outcome, weight in zip(admitted, weights, strict=True)},
        "heldout_objective": heldout["objective"], "heldout_accuracy": heldout["accuracy"],
        "train_objective": train["objective"], "train_accuracy": train["accuracy"],
        "distance_to_mean": _distances(result.parameters, averaged.flat, own),
        "model_hash": result.parameters.hash(),
        "bytes": sum(flat.numel() * 4 for flat in own) + len(plan.intervals) * averaged.flat.numel() * 4,
    }  # fmt: skip


def _distances(parameters: Parameters, center: torch.Tensor, own: list[torch.Tensor]) -> dict[str, float]:
    """Root mean square, over workers and numbers, of the distance to the mean, by component."""
    gaps = [(flat - center).double() for flat in own]
    result: dict[str, float] = {}
    for name in dict.fromkeys(spec.name.rpartition(".")[0] for spec, _ in parameters.items("parameter")):
        spans = [Parameters(parameters.layout, gap).span(name) for gap in gaps]
        result[name] = float(torch.stack([span.square().mean() for span in spans]).mean().sqrt())
    return result


def _report(outcome: Outcome) -> Report:
    report = outcome.report
    if report is None:
        raise NotFiniteError("an admitted worker without a report", key=outcome.worker)
    return Report(outcome.worker, report["frames"], report["objective"], report["heldout_objective"], report)


def _entry(
    exchange: Exchange, plan: RoundPlan, attempt: int, outcomes: list[Outcome], dropped: dict[int, str]
) -> dict[str, Any]:
    return {
        "round": plan.round, "attempt": attempt, "plan": asdict(plan),
        "workers": {str(o.worker): o.report if o.report is not None else {"failure": o.failure} for o in outcomes},
        "dropped": {str(worker): reason for worker, reason in dropped.items()},
        "frames_discarded": sum((o.report or {}).get("frames", 0) for o in outcomes if o.worker in dropped),
        "exchange": exchange.name, "torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(),
    }  # fmt: skip


def _log_round(plan: RoundPlan, blended: dict[str, Any], admitted: list[Outcome], seconds: float) -> None:
    log(
        f"round {plan.round}: {len(admitted)} of {len(plan.intervals)} workers, learning rate {plan.learning_rate:.3g}, "
        f"objective train {blended['train_objective']:.4f}, held out {blended['heldout_objective']:.4f}, {seconds:.1f} s"
    )


def _clean(experiment: Experiment, last: int) -> None:
    """Remove what no later round needs: old models, and the workers' models of finished rounds (logs stay)."""
    for path in experiment.folder.glob("*.raw"):
        number = path.name.partition(".")[0]
        if (
            number.isdigit()
            and (int(number) <= last - experiment.keep or path.name.endswith("grown.raw"))
            and int(number) != last
        ):
            path.unlink()
    for path in experiment.folder.glob("rounds/*/*.raw*"):
        path.unlink()


def combined_models(experiment: Experiment, rounds: list[dict[str, Any]]) -> list[Path]:
    """The models for the final combination, the last first: of the last rounds, those with the final topology."""
    layers = rounds[-1]["plan"]["num_layers"]
    last = [line for line in reversed(rounds[-experiment.keep :]) if line["plan"]["num_layers"] == layers]
    return [experiment.model(line["round"] + 1) for line in last]
