"""Workers in processes forked from this one: no program is started, nothing is imported again."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from houseblend.base.errors import HouseBlendError
from houseblend.base.log import speaking_as, warn
from houseblend.base.workers import KilledError, in_processes
from houseblend.jobs.local import slots_for
from houseblend.jobs.spec import POLICY, JobSpec
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.parallel.gate import Outcome
from houseblend.train.examples import read_minibatches
from houseblend.train.objective import evaluate_as_for_test
from houseblend.train.worker import EVALUATION_MINIBATCH, WorkerTask, train_worker

Item = TypeVar("Item")
Result = TypeVar("Result")


class LocalExchange:
    """Trains the workers on this machine, as many at a time as there are slots; with one slot, in this process.

    Args:
        slots: workers at a time; default: what cores and memory allow, on a device other than the processor one.
    """

    name = "local"

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots

    def begin(self, tasks: Sequence[WorkerTask], folder: Path) -> list[WorkerTask]:
        """Take the tasks of a round; the handle for `finish`."""
        return list(tasks)

    def finish(self, handle: list[WorkerTask]) -> list[Outcome]:
        """Train them all; a worker that fails is reported, not raised.

        Raises:
            HouseBlendError: the input is to blame, or a process was killed again and again.
        """
        return self._share(_train, handle, handle[0].device, handle[0].threads)

    def evaluate(self, model: Path, examples: Sequence[str], folder: Path, device: str) -> list[dict[str, Any]]:
        """Objective and accuracy per frame of a model on each of several sets of examples."""
        return self._share(partial(_evaluate, model, device), examples, device)

    def _share(
        self, work: Callable[[Item], Result], items: Sequence[Item], device: str, threads: int = 1
    ) -> list[Result]:
        slots = slots_for(threads, JobSpec.memory_mb, self.slots if device == "cpu" else self.slots or 1)
        for _ in range(POLICY["killed"]):
            try:
                return list(in_processes(work, items, slots))
            except KilledError as failure:
                warn(f"{failure.what}; beginning again")
        return list(in_processes(work, items, slots))


def _train(task: WorkerTask) -> Outcome:
    try:
        with speaking_as(f"worker {task.worker}"):
            return Outcome(task.worker, train_worker(task), task.model_out)
    except HouseBlendError as failure:
        if failure.failure_class == "bad input":
            raise
        return Outcome(task.worker, None, None, f"{failure.failure_class}: {failure}")


def _evaluate(model: Path, device: str, examples: str) -> dict[str, Any]:
    network = read_network(model, device=device)
    context = (network.left_context, network.right_context)
    result = evaluate_as_for_test(network, read_minibatches(examples, context, EVALUATION_MINIBATCH))
    return {"objective": result.per_frame, "accuracy": result.accuracy}
