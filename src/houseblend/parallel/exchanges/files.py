"""Workers as jobs of their own that read and write files (Povey et al. 2014): one blend a round, at its end."""

import collections
import json
from pathlib import Path

import torch

from houseblend.base.atomic import write_json
from houseblend.base.errors import NotFiniteError, UsageError
from houseblend.io.arrays import below, put_below, read_arrays, write_arrays
from houseblend.jobs.array import Patience, check, last_lines, program, run_spec
from houseblend.jobs.failures import policy_of
from houseblend.jobs.launcher import Launcher
from houseblend.jobs.spec import Job, JobResult, JobSpec
from houseblend.parallel.group import Alone
from houseblend.parallel.models import MODELS, read_model
from houseblend.parallel.records import Refusal, RoundRecord, WorkerReport, from_json, to_json
from houseblend.parallel.round_end import end_round
from houseblend.parallel.round_worker import AGAIN, Finished, RoundWorker, Start, numpy_of, read_start, tensors_of
from houseblend.parallel.strategy import Strategy
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told


class FilesExchange:
    """Trains every worker by a job that runs `train-worker`; the blend is formed here.

    Args:
        launcher: where the jobs run; default: this machine.
    """

    name = "files"

    def __init__(self, launcher: Launcher | None = None) -> None:
        self.launcher = launcher

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; see `run_round`. A worker whose job fails for good, or is late, is kept out of the blend.

        Raises:
            JobFailedError: the input, the machines or a person is to blame, or no worker has come so far as to be judged: that
                says nothing of the workers, and the round is to be run again as it is.
            UsageError: the strategy blends inside the round.
        """
        strategy = task.strategy_now()
        if any(task.plan.inner_blends(period) for period in (strategy.every, strategy.group_period)):
            raise UsageError(
                f"--exchange=files with a blend every {strategy.group_period or strategy.every} minibatches",
                expected="--average-period=0 and no --groups, one blend a round", do="take --exchange=local or --exchange=mpi",
            )  # fmt: skip
        start = read_start(task, strategy)
        finished = {}
        for number, (result, job) in enumerate(self._run_jobs(task), start=1):
            finished[number] = _finished(task, number, result, job, strategy, start)
            told(number, int(finished[number].report.frames))
        torch.set_num_threads(task.threads)
        return end_round(task, strategy, Alone(self.name, len(finished)), start.model, start.shared, finished, [])

    def _run_jobs(self, task: RoundTask) -> list[tuple[JobResult, Job]]:
        folder = task.folder
        path = Path(folder) / "task.json"
        task.write(path)
        jobs = []
        for number in range(1, task.plan.workers + 1):
            outputs = [f"{folder}/{number}.{kind}.ATTEMPT" for kind in (MODELS[task.kind].suffix, "npz", "json")]
            argv = [*program("train-worker"), str(path), str(number), *outputs]
            jobs.append(Job(argv, f"{folder}/log/train.{number}.ATTEMPT.log", outputs))
        spec = JobSpec("train", jobs, cores=task.threads, gpus=int(task.device == "cuda"))
        gate = task.gate
        patience = Patience(min(gate.min_workers, len(jobs)), 60.0 * gate.round_minutes) if gate.min_workers else None
        results = run_spec(spec, Path(folder) / "train", self.launcher, patience)
        check([result for result in results if policy_of(result.failure).ends_run])
        if not any(result.failure in ("ok", "not finite") for result in results):
            check(results)
        return [(result, job.attempt(result.attempt)) for result, job in zip(results, jobs, strict=True)]


def _finished(task: RoundTask, number: int, result: JobResult, job: Job, strategy: Strategy, start: Start) -> Finished:
    """What a job has left, or why there is nothing."""
    own = strategy.join(start.shared)
    if result.failure != "ok":
        failure = f"{result.failure}: {result.message}; {last_lines(result.log, 3)}"
        tries, is_late = result.attempt + 1, result.failure == "late"
        return Finished(WorkerReport(number, failure=failure, tries=tries, is_late=is_late), start.model, own)
    path, state, report = job.outputs
    value = {**json.loads(Path(report).read_text()), "tries": result.attempt + 1}
    arrays = read_arrays(state, AGAIN)
    model = read_model(task, path)
    own = tensors_of(below(arrays, "own"), model.params) or own
    return Finished(from_json(WorkerReport, value), model, own, below(arrays, "memory"))


def train_worker(path: Path, number: int, model: Path, state: Path, report: Path) -> None:
    """One worker of a round as a job: train to the end of its data, and write what `end_round` needs of it.

    Args:
        path: the round's task.
        number: which worker, from 1.
        model, state, report: files to write.

    Raises:
        InputError: the task, model, data or state are missing or do not fit.
        NotFiniteError: training left the finite numbers.
    """
    task = RoundTask.read(path)
    torch.set_num_threads(task.threads)
    if not 1 <= number <= task.plan.workers:
        raise UsageError(f"worker {number}", file=path, expected=f"1 to {task.plan.workers}")
    strategy = task.strategy_now()
    start = read_start(task, strategy)
    worker = RoundWorker(task, number, strategy, start, lambda worker, frames: None)
    collections.deque(worker.train(start.shared, task.plan.steps, blends=0))
    left = worker.finish()
    if left.report.failure:
        raise NotFiniteError(left.report.failure, key=f"worker {number}", do="lower the learning rate")
    left.model.write(model)
    write_arrays(state, {**put_below("own", numpy_of(left.own)), **put_below("memory", left.memory)})
    write_json(report, to_json(left.report))
