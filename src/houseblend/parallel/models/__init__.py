"""What is trained in rounds, by the name that a round's task has for it."""

from houseblend.parallel.model import Model
from houseblend.parallel.models.network import NetworkModel

MODELS: dict[str, type[Model]] = {"network": NetworkModel}
