"""What is trained in rounds, by the name that a round's task has for it."""

from pathlib import Path

from houseblend.parallel.model import Model
from houseblend.parallel.models.network import NetworkModel
from houseblend.parallel.models.rbm import RbmModel
from houseblend.parallel.task import RoundTask

MODELS: dict[str, type[Model]] = {"network": NetworkModel, "rbm": RbmModel}


def read_model(task: RoundTask, path: str | Path | None = None) -> Model:
    """The model before a round, or another one of its kind.

    Raises:
        InputError: it is missing or no such model.
    """
    return MODELS[task.kind].read(path or task.model, task.device)
