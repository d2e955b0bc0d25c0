"""Every strategy with every memory policy, trained on a tiny store by one exchange: what must not depend on the exchange.

Run under mpiexec it does so on the ranks of MPI: `mpiexec -n R python matrix.py FRAMES FOLDER HASHES ONLY [RANK BLEND]`; with
the last two, that rank kills itself at that blend (counted over the whole run). `full BYTES` in their place: from the first
push on, no file may grow above so many bytes.
"""

import itertools
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from houseblend.io.objects import open_output
from houseblend.parallel.asynchronous.server import Server
from houseblend.parallel.gate import Gate
from houseblend.parallel.model import Model
from houseblend.parallel.models.network import NetworkModel
from houseblend.parallel.network_config import NetworkConfig
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.rounds import Experiment, run_rounds
from houseblend.parallel.strategies import ASYNCHRONOUS, STRATEGIES
from houseblend.parallel.task import POLICIES, MemoryPolicy
from houseblend.train.update.rule import UpdateRule

WORKERS = 4


@dataclass(frozen=True)
class Unequal:
    """Two rounds; the first worker has three minibatches fewer than the second, the last one only."""

    size: int = 32

    def stands(self, past):
        return (len(past),)

    def next(self, past):
        number = len(past)
        if number == 2:
            return None
        counts = [9 - 3, 9, 8.5, 1]
        cuts = [0, *itertools.accumulate(int(count * self.size) for count in counts)]
        offset = number * cuts[-1]
        intervals = [(offset + begin, offset + end) for begin, end in itertools.pairwise(cuts)]
        return RoundPlan(number, intervals, 0.004, self.size, 2.0, 1, number / 2, is_fresh=number == 0)


def model_of(folder: Path):
    """A small network with batch norm and dropout, whose randomness must not depend on the exchange either."""
    with open_output(folder / "transform.mat") as target:
        import numpy as np

        target.write_matrix(np.eye(24, 25, dtype=np.float32))
    layer = "dropout-proportion=0.1"
    config = NetworkConfig(8, 8, 16, "relu-batchnorm-dropout-layer", 1, folder / "transform.mat", layer)

    def make(previous: Model | None, num_layers: int) -> Model:
        return NetworkModel(config.initial(num_layers, 1)) if previous is None else previous

    return make


def cases(only_once_a_round: bool):
    """Names of all, with strategy, policy and momentum."""
    for name, kind in STRATEGIES.items():
        for period in (0, 3):
            for policy in POLICIES:
                strategy = kind(average_period=period)
                if only_once_a_round and (strategy.every or name == "post-local"):
                    continue
                yield f"{name}-{period}-{policy}", strategy, MemoryPolicy(policy, policy), 0.5
        if not only_once_a_round:
            hierarchy = kind(average_period=6, groups=2, group_period=2)
            yield f"{name}-groups", hierarchy, MemoryPolicy("average", "average"), 0.5


def few(name: str) -> bool:
    """All policies of one strategy; of the others, which see nothing of policies, blends inside rounds, and groups."""
    return name.startswith("average-") or name.endswith(("-3-average", "-groups"))


def asynchronous_cases():
    """The same of asynchronous methods; a mean of memories has no place in them."""
    for name, kind in ASYNCHRONOUS.items():
        for policy in ("reset", "keep"):
            yield f"{name}-2-{policy}", kind(average_period=2), MemoryPolicy(policy, policy), 0.5


def train(
    frames: Path, folder: Path, name: str, strategy, memory, momentum: float, exchange, device: str = "cpu"
) -> list[str]:
    """Hashes of the models and states of all rounds."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    rule = UpdateRule(momentum=momentum)
    experiment = Experiment(place, frames, rule, strategy, memory, Gate(), 1, 9, device, 1, model_of(place))
    records = run_rounds(experiment, Unequal(), exchange, lambda record: None, lambda worker, count: None)
    return [text for record in records for text in (record.model_hash, *record.state.values())]


def train_all(
    frames: Path, folder: Path, exchange, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, list[str]]:
    """By name, what every case that is wanted ends with."""
    once = exchange.name == "files"
    return {case[0]: train(frames, folder, *case, exchange) for case in cases(once) if wanted(case[0])}


def _kill_at(rank: int, blend: int) -> None:
    """At a mean, or where a worker pushes."""
    from mpi4py import MPI

    from houseblend.parallel.exchanges import mpi_async
    from houseblend.parallel.exchanges.mpi import MpiGroup

    count = itertools.count(1)

    def deadly(act):
        def acting(*words):
            if rank == MPI.COMM_WORLD.rank and next(count) == blend:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*words)

        return acting

    MpiGroup.mean = deadly(MpiGroup.mean)
    mpi_async.exchange = deadly(mpi_async.exchange)


def fill_disk(size: int) -> None:
    """From the first push on no file of this process may grow above so many bytes: a full disk without privileges."""
    push = Server.push

    def pushing(*words):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return push(*words)

    Server.push = pushing


def main(frames: str, folder: str, hashes: str, only: str = "", *fault: str) -> None:
    """Under mpiexec: rank 0 trains all cases that blend, or those of any kind that begin so, the others serve it."""
    from houseblend.parallel.exchanges.mpi import MpiExchange, World

    if fault and fault[0] == "full":
        fill_disk(int(fault[1]))
    elif fault:
        _kill_at(*map(int, fault))
    world = World(None)
    if world.comm.rank:
        world.serve()
        return
    exchange = MpiExchange("exact")
    chosen = [
        case for case in (*cases(False), *asynchronous_cases()) if only and case[0].startswith((*only.split(","),))
    ]
    found = {case[0]: train(Path(frames), Path(folder), *case, exchange) for case in chosen or cases(False)}
    Path(hashes).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
