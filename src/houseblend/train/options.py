"""Options of training from file to file (`nnet3-train`); nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.nnet.options import DeviceOptions

MINIBATCH_SIZE = 256
"""Frames of a minibatch, wherever nothing else is said."""


@dataclass(frozen=True)
class WorkerOptions(DeviceOptions):
    """What a worker computes with."""

    threads_per_worker: int = declared(1, "Threads of the matrix products; part of the result")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        super().__post_init__()
        if self.threads_per_worker < 1:
            raise UsageError(f"--threads-per-worker={self.threads_per_worker}", expected="1 or more")


@dataclass(frozen=True)
class TrainOptions(WorkerOptions):
    """What is trained on, from where, and what is written beside the model."""

    begin: int = declared(0, "First position in the order of data")
    end: int | None = declared(None, "Position behind the last; default: the end of the first epoch")
    minibatch_size: int = declared(MINIBATCH_SIZE, "Frames of a minibatch (archives come merged)")
    learning_rate: float | None = declared(None, "Of the whole network; default: as in the file")
    srand: int = declared(0, "Seed of the run: order of data and dropout")
    heldout: str = declared("", "Examples to evaluate the trained network on")
    report: str | None = declared(None, "JSON file to write: frames, objectives, seconds")
    sidecar_in: str | None = declared(None, "Momentum and natural-gradient state to go on from")
    sidecar_out: str | None = declared(None, "Where to write them")
    print_interval: int = declared(100, "Minibatches between log lines; 0: none")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        super().__post_init__()
        if self.begin < 0 or (self.end is not None and self.end <= self.begin) or self.print_interval < 0:
            given = f"--begin={self.begin}, --end={self.end}, --print-interval={self.print_interval}"
            raise UsageError(given, expected="0 or more, an end behind the beginning")
        if self.minibatch_size < 1:
            raise UsageError(f"--minibatch-size={self.minibatch_size}", expected="1 or more")
