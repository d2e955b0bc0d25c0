"""Workers as jobs of their own that read and write model files (Povey et al. 2014)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.jobs.local import check, last_lines, program, run_spec
from houseblend.jobs.spec import Job, JobSpec
from houseblend.parallel.gate import Outcome
from houseblend.train.worker import WorkerTask


class FilesExchange:
    """Trains every worker by a job that runs `nnet3-train`.

    Args:
        slots: jobs at a time; default: what cores and memory allow.
    """

    name = "files"

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots

    def begin(self, tasks: Sequence[WorkerTask], folder: Path) -> tuple[list[WorkerTask], JobSpec, Path]:
        """Write down the jobs of a round; the handle for `finish`."""
        jobs = [
            Job(_command(task), f"{folder}/log/train.{task.worker}.log", [_tried(task.model_out), _tried(task.report)])
            for task in tasks
        ]
        return list(tasks), JobSpec("train", jobs, cores=tasks[0].threads), folder

    def finish(self, handle: tuple[list[WorkerTask], JobSpec, Path]) -> list[Outcome]:
        """Run them; a worker whose job fails for good is reported, with its reason.

        Raises:
            JobFailedError: the input or the file system is to blame, or no worker has come so far as to be judged: that
                says nothing of the workers, and the round is to be run again as it is.
        """
        tasks, spec, folder = handle
        outcomes = []
        results = run_spec(spec, folder / "train", self.slots)
        check([result for result in results if result.failure in ("bad input", "file system")])
        if not any(result.failure in ("ok", "not finite") for result in results):
            check(results)
        for task, result in zip(tasks, results, strict=True):
            if result.failure != "ok":
                tail = last_lines(result.log, 3)
                outcomes.append(Outcome(task.worker, None, None, f"{result.failure}: {result.message}; {tail}"))
                continue
            model, report = spec.jobs[task.worker - 1].attempt(result.attempt).outputs
            value = json.loads(Path(report).read_text())
            outcomes.append(Outcome(task.worker, {**value, "tries": result.attempt + 1}, model))
        return outcomes

    def evaluate(self, model: Path, examples: Sequence[str], folder: Path, device: str) -> list[dict[str, Any]]:
        """Objective and accuracy per frame of a model on each of several sets of examples, as jobs."""
        reports = [f"{folder}/prob.{number}.ATTEMPT.json" for number in range(1, len(examples) + 1)]
        jobs = [
            Job(
                [*program("nnet3-compute-prob"), f"--report={report}", f"--device={device}", str(model), name],
                f"{folder}/log/prob.{number}.log", [report],
            )
            for number, (name, report) in enumerate(zip(examples, reports, strict=True), start=1)
        ]  # fmt: skip
        results = run_spec(JobSpec("prob", jobs), folder / "prob", self.slots)
        check(results)
        return [json.loads(Path(next(iter(result.outputs))).read_text()) for result in results]


def _tried(path: str | None) -> str:
    """The name under which a job writes an output; ATTEMPT becomes the number of the try."""
    if path is None:
        raise InputError("a worker's task without an output file")
    return f"{path}.ATTEMPT"


def _command(task: WorkerTask) -> list[str]:
    """The task as a command line of nnet3-train."""
    rule = task.rule
    options = {
        "begin": task.begin, "end": task.end, "minibatch-size": task.minibatch_size, "learning-rate": task.learning_rate,
        "momentum": rule.momentum, "max-param-change": rule.max_param_change,
        "l2-regularize-factor": rule.l2_regularize_factor, "update": rule.update,
        "backstitch-training-scale": rule.backstitch_training_scale, "backstitch-training-interval": rule.backstitch_training_interval,
        "compute-dtype": rule.compute_dtype,
        "srand": task.seed, "round": task.round, "worker": task.worker, "attempt": task.attempt, "heldout": task.heldout,
        "report": _tried(task.report), "device": task.device, "threads-per-worker": task.threads,
        "print-interval": task.print_interval,
    }  # fmt: skip
    words = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return [*program("nnet3-train"), *words, task.model_in, task.examples, _tried(task.model_out)]
