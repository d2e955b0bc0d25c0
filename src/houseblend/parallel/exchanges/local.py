"""One process in which the workers take turns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.errors import HouseBlendError
from houseblend.nnet.network import Network
from houseblend.parallel.gate import Outcome
from houseblend.train.examples import read_minibatches
from houseblend.train.objective import evaluate_as_for_test
from houseblend.train.worker import EVALUATION_MINIBATCH, WorkerTask, train_worker


class LocalExchange:
    """Trains one worker after the other in this process."""

    name = "local"

    def begin(self, tasks: Sequence[WorkerTask], folder: Path) -> list[WorkerTask]:
        """Take the tasks of a round; the handle for `finish`."""
        return list(tasks)

    def finish(self, handle: list[WorkerTask]) -> list[Outcome]:
        """Train them all; a worker that fails is reported, not raised."""
        outcomes = []
        for task in handle:
            try:
                outcomes.append(Outcome(task.worker, train_worker(task), task.model_out))
            except HouseBlendError as failure:
                if failure.failure_class == "bad input":
                    raise
                outcomes.append(Outcome(task.worker, None, None, f"{failure.failure_class}: {failure}"))
        return outcomes

    def evaluate(self, model: Path, examples: Sequence[str], folder: Path, device: str) -> list[dict[str, Any]]:
        """Objective and accuracy per frame of a model on each of several sets of examples."""
        network = Network.read(model, device=device)
        context = (network.left_context, network.right_context)
        results = [
            evaluate_as_for_test(network, read_minibatches(name, context, EVALUATION_MINIBATCH)) for name in examples
        ]
        return [{"objective": result.per_frame, "accuracy": result.accuracy} for result in results]
