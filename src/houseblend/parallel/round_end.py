"""The end of a round, the same for every exchange: who is admitted, the last blend, the model, and what lasts of it.

All functions are called by every rank with what its own workers left, and give the same answers on all.
Parameters are flat, [n] float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from houseblend.base.fingerprint import hash_file
from houseblend.io.arrays import put_below, write_arrays
from houseblend.parallel.group import Group, everywhere
from houseblend.parallel.model import Model
from houseblend.parallel.records import LeftOut, Measured, Refusal, RoundRecord, WorkerReport
from houseblend.parallel.round_worker import Finished, numpy_of
from houseblend.parallel.strategy import Own, Shared, Strategy
from houseblend.parallel.task import RoundTask
from houseblend.train.update.memory import mean_memory

MODEL, STATE = "blend", "state.npz"


@dataclass
class After:
    """A worker after the last blend: its arrays in the strategy and what it goes on from, flat [n]."""

    own: Own
    params: torch.Tensor


@dataclass
class Ended:
    """A round when all has been blended, or pushed, before anybody has looked at its model.

    Args:
        shared: the method's arrays that last.
        params: of the model, flat [n].
        after: this rank's workers.
        weights: of all workers, in order.
        dropped: why workers were kept out of the last blend.
        left_out: who was left out of blends inside the round.
        blends, distances, staleness: see `RoundRecord`.
    """

    shared: Shared
    params: torch.Tensor
    after: Mapping[int, After]
    weights: Sequence[float]
    dropped: dict[int, str]
    left_out: list[LeftOut]
    blends: int
    distances: dict[str, float] = field(default_factory=dict)
    staleness: dict[int, int] = field(default_factory=dict)


def end_round(
    task: RoundTask, strategy: Strategy, group: Group, model: Model, shared: Shared, finished: Mapping[int, Finished],
    left_out: list[LeftOut],
) -> RoundRecord | Refusal:  # fmt: skip
    """Blend what passes the gate, evaluate the model, and write model and state into the task's folder.

    Where workers go on from elsewhere than the model, what they have gathered beside their parameters is not of it: that is taken
    anew from training data (Chaudhari et al. 2017 do so before they evaluate the mean).

    Args:
        task: the round.
        strategy: as it is in this round.
        group: the ranks.
        model: that before the round; it becomes the one after it.
        shared: the strategy's arrays.
        finished: this rank's workers.
        left_out: of blends inside the round.
    """
    plan, gives = task.plan, task.plan.workers * task.plan.inner_blends(strategy.every)
    reports = group.gather({number: one.report for number, one in finished.items()})
    admitted, dropped = task.gate.admit(list(reports.values()), task.previous_loss)
    if reason := task.gate.refuses_round(len(left_out), gives):
        admitted, dropped = [], {0: reason}
    if not admitted:
        return Refusal(plan.round, task.attempt, plan, reports, dropped, left_out)
    weights = _weights(task, strategy, reports, admitted)
    shared, distances, after = _last_blend(strategy, group, shared, finished, weights)
    shows = {n: strategy.show(shared, one.own, one.params) for n, one in after.items()}
    params = group.mean(shows, weights, torch.empty_like(model.params))
    for number in after:
        if weights[number - 1] == 0.0:
            after[number] = After(strategy.join(shared), params)
    ended = Ended(
        strategy.lasting(shared), params, after, weights, dropped, left_out, plan.inner_blends(strategy.every) + 1, distances
    )  # fmt: skip
    return conclude(task, group, model, finished, ended)


def conclude(
    task: RoundTask, group: Group, model: Model, finished: Mapping[int, Finished], ended: Ended
) -> RoundRecord | Refusal:
    """Evaluate the model of a round, and write it and what lasts into the task's folder, unless the gate refuses it.

    Args:
        task: the round.
        group: the ranks.
        model: that before the round; it becomes the one after it.
        finished: this rank's workers.
        ended: what has become of them.
    """
    plan, weights = task.plan, ended.weights
    reports = group.gather({number: one.report for number, one in finished.items()})
    gathered = group.gather({n: one.model.statistics() for n, one in finished.items() if weights[n - 1]})
    model.become(ended.params, list(gathered.values()), [weight for weight in weights if weight], plan.learning_rate)
    goes_on = {n: torch.equal(one.params, ended.params) for n, one in ended.after.items() if weights[n - 1]}
    if not all(group.gather(goes_on).values()):
        anew = everywhere(group, ("combine",), lambda subset: model.statistics_of(task.examples(subset)))
        model.become(ended.params, anew, [1.0], plan.learning_rate)
    measured = _measure(task, group, model)
    losses = (-measured.heldout_objective, task.previous_loss), (-measured.train_objective, None)
    if reason := next(filter(None, (task.gate.refusal(*one) for one in losses)), ""):
        return Refusal(plan.round, task.attempt, plan, reports, {0: f"the blended model: {reason}"}, ended.left_out)
    state = _write_state(
        task, group, ended.shared, ended.params, ended.after, _memories(task, group, finished, weights)
    )
    if group.rank == 0:
        model.write(Path(task.folder) / MODEL)
    return RoundRecord(
        plan.round, task.attempt, plan, _with_times(group, reports), ended.dropped,
        {number: weight for number, weight in zip(reports, weights, strict=True) if number not in ended.dropped},
        ended.left_out, ended.blends, measured, ended.distances, model.hash(), state,
        sum(group.gather({group.rank: group.bytes}).values()), group.name, torch.__version__,
        torch.backends.cpu.get_cpu_capability(), previous_loss=task.previous_loss, staleness=ended.staleness,
    )  # fmt: skip


def _weights(
    task: RoundTask, strategy: Strategy, reports: Mapping[int, WorkerReport], admitted: Sequence[WorkerReport]
) -> list[float]:
    """One for all that are admitted; for the best only, where they have learnt a new topology apart from each other."""
    chosen = list(admitted)
    if task.plan.is_fresh and not task.plan.inner_blends(strategy.every):
        chosen = [max(admitted, key=lambda report: (report.heldout_objective, -report.worker))]
    numbers = {report.worker for report in chosen}
    return [float(number in numbers) for number in reports]


def _last_blend(
    strategy: Strategy, group: Group, shared: Shared, finished: Mapping[int, Finished], weights: Sequence[float]
) -> tuple[Shared, dict[str, float], dict[int, After]]:
    """Give, mean, blend, take; with how far the workers were from the mean."""
    sent: dict[int, torch.Tensor] = {}
    own: dict[int, Own] = {}
    for number, one in finished.items():
        own[number], sent[number] = strategy.give(shared, one.own, one.model.params)
    mean = group.mean(sent, weights, torch.empty_like(sent[min(sent)]) if sent else None)
    distances = _distances(group, finished, sent, mean, weights)
    shared = strategy.blend(shared, mean)
    after = {number: After(*strategy.take(shared, own[number], one.model.params)) for number, one in finished.items()}
    return shared, distances, after


def _distances(
    group: Group, finished: Mapping[int, Finished], sent: Mapping[int, torch.Tensor], mean: torch.Tensor,
    weights: Sequence[float],
) -> dict[str, float]:  # fmt: skip
    """Root mean square, over workers and numbers, of the distance to the mean: by component, or of the part that was sent."""
    squares = {
        number: {
            name: float((flat[part] - mean[part]).double().square().mean())
            for name, part in _parts(finished[number].model, len(mean)).items()
        }
        for number, flat in sent.items()
        if weights[number - 1]
    }
    found = list(group.gather(squares).values())
    return {name: (sum(one[name] for one in found) / len(found)) ** 0.5 for name in found[0]}


def _parts(model: Model, length: int) -> Mapping[str, slice]:
    """The components among what was sent; all of it as one, where it was a part of the parameters."""
    return model.spans if length == len(model.params) else {"sent": slice(None)}


def _measure(task: RoundTask, group: Group, model: Model) -> Measured:
    """The model on held-out and on training data, one set a rank at a time."""
    heldout, train = everywhere(group, ("heldout", "combine"), lambda subset: model.measure(task.examples(subset)))
    return Measured(
        heldout.objective, heldout.accuracy, train.objective, train.accuracy, heldout.free_energy, train.free_energy
    )


def mean_of_memories(group: Group, memories: Mapping[int, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The mean of what the optimizers of these workers, of all ranks, remember."""
    return mean_memory(list(group.gather(memories).values()))


def _memories(
    task: RoundTask, group: Group, finished: Mapping[int, Finished], weights: Sequence[float]
) -> dict[int, dict[str, np.ndarray]]:
    """What each of this rank's workers is to remember in the next round, by the policy; 0 is what all remember."""
    policy = task.memory.optimizer_memory_at_round_end
    mine = {number: one.memory for number, one in finished.items() if weights[number - 1] and policy != "reset"}
    if policy != "average":
        return mine
    return {0: mean_of_memories(group, mine)}


def _write_state(
    task: RoundTask, group: Group, shared: Shared, model: torch.Tensor, after: Mapping[int, After],
    memories: Mapping[int, dict[str, np.ndarray]],
) -> dict[str, str]:  # fmt: skip
    """Write what lasts: the shared arrays, and each worker's own; returns the files' SHA-256 by name, of all ranks.

    What all workers go on from is written once, and not at all if it is the model.
    """
    starts = group.gather({number: _digest(one.params, model) for number, one in after.items()})
    alike = len(set(starts.values())) == 1
    files: dict[str, dict[str, np.ndarray]] = {}
    for number, one in after.items():
        arrays = {**put_below("own", numpy_of(one.own)), **put_below("memory", memories.get(number, {}))}
        if starts[number] and not alike:
            arrays["params"] = one.params.cpu().numpy()
        files[f"state.{number}.npz"] = arrays
    if 1 in after:
        files[STATE] = {**put_below("shared", numpy_of(shared)), **put_below("memory", memories.get(0, {}))}
        if alike and starts[1]:
            files[STATE]["start"] = after[1].params.cpu().numpy()
    hashes = {}
    for name, arrays in files.items():
        if arrays:
            write_arrays(Path(task.folder) / name, arrays)
            hashes[name] = hash_file(Path(task.folder) / name)
    found = group.gather({group.rank: hashes})
    return dict(sorted((name, value) for one in found.values() for name, value in one.items()))


def _digest(params: torch.Tensor, model: torch.Tensor) -> str:
    """SHA-256 of what a worker goes on from; empty if it is the model."""
    return "" if torch.equal(params, model) else hashlib.sha256(params.cpu().numpy().tobytes()).hexdigest()


def _with_times(group: Group, reports: Mapping[int, WorkerReport]) -> dict[int, WorkerReport]:
    """The reports with the seconds that their ranks spent blending, and waiting for others."""
    mine = {"blending": round(group.blending, 3), "waiting": round(group.waited, 3)}
    times = group.gather(dict.fromkeys(group.workers, mine))
    return {n: replace(report, seconds={**report.seconds, **times[n]}) for n, report in reports.items()}
