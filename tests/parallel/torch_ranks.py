"""A small torch model blended by every strategy: what must not depend on the number of ranks.

`mpiexec -n R python -m mpi4py torch_ranks.py HASHES` does so on the ranks of MPI, and then begins with another model on each.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

from houseblend import STRATEGIES, blend
from houseblend.base.errors import InputError


def data(worker, number):
    """Minibatches of a worker in a round; the first worker has fewer than the others."""
    chance = torch.Generator().manual_seed(100 * number + worker)
    x = torch.randn(7 - 2 * (worker == 1), 16, 6, generator=chance)
    return list(zip(x, (x.prod(2) > 0).long(), strict=True))


def loss(model, batch):
    return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])


CASES = {
    **{name: {"strategy": STRATEGIES[name](average_period=2)} for name in STRATEGIES},
    "groups": {"strategy": STRATEGIES["bmuf"](average_period=4, groups=2, group_period=2)},
    "average-memory": {"optimizer_memory": "average"},
    "reset-memory": {"optimizer_memory": "reset"},
    "more ranks than workers": {"workers": 1},
}
"""Arguments of `blend`."""


def train(seed=1, **more):
    """SHA-256 of the model's numbers after two rounds, and what was told of these."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 20), torch.nn.BatchNorm1d(20), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(20, 2)
    )
    words = {"strategy": CASES["average"]["strategy"], "workers": 3, "rounds": 2, **more}
    told = blend(model, loss, lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.5), data, **words)
    said = str(list(told))
    numbers = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
    return [hashlib.sha256(numbers).hexdigest(), said]


def train_all():
    """Of every case."""
    return {name: train(**words) for name, words in CASES.items()}


def main(hashes):
    from mpi4py import MPI

    rank = MPI.COMM_WORLD.rank
    found = train_all()
    try:
        train(seed=rank)
    except InputError as failure:
        found["refused"] = str(failure)
    everywhere = MPI.COMM_WORLD.gather(found)
    if rank == 0:
        assert everywhere is not None
        assert all(one == found for one in everywhere), "ranks have different models"
        Path(hashes).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
