"""Asynchronous workers and their server in one process, by a virtual clock: for study, and to replay what real ranks did."""

from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.round import run_virtual_round
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.parallel.task import RoundTask
from houseblend.parallel.worker import Told


class VirtualExchange:
    """Trains the workers of a round in turn.

    Args:
        machine: speeds, or what to replay.
    """

    name = "virtual"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def run(self, task: RoundTask, told: Told) -> RoundRecord | Refusal:
        """Train a round; see `run_virtual_round`."""
        return run_virtual_round(task, self.machine, told)
