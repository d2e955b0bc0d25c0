"""Draws blend.svg: a small torch model on four workers that several strategies blend, and on one worker that sees as much."""

from pathlib import Path

import torch

from houseblend import STRATEGIES, blend
from houseblend.report.chart import Chart, Line, picture

SIZE, EXAMPLES, BATCH, ROUNDS, WORKERS = 20, 8000, 50, 15, 4
RUNS = {
    "one worker, four times as long": (1, STRATEGIES["average"]()),
    "average": (WORKERS, STRATEGIES["average"](average_period=10)),
    "bmuf": (WORKERS, STRATEGIES["bmuf"](average_period=10, block_momentum=0.75)),
    "diloco": (WORKERS, STRATEGIES["diloco"](average_period=10)),
    "parle": (WORKERS, STRATEGIES["parle"](average_period=10)),
}


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random vectors [N, SIZE], what a random network says of them, and that with every tenth label drawn anew; [N] each."""
    x = torch.randn(EXAMPLES + 4000, SIZE)
    truth = torch.nn.Sequential(torch.nn.Linear(SIZE, 30), torch.nn.Tanh(), torch.nn.Linear(30, 5))(x).argmax(1)
    noisy = torch.where(torch.rand(len(x)) < 0.1, torch.randint(5, truth.shape), truth)
    return x, truth, noisy


def loss(model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy of a minibatch, a scalar."""
    return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])


def run(workers: int, strategy) -> tuple[list[float], list[float]]:
    """Held-out errors in percent, and the mean distance of the workers, after each round."""
    torch.manual_seed(1)
    x, truth, noisy = data()
    model = torch.nn.Sequential(torch.nn.Linear(SIZE, 64), torch.nn.ReLU(), torch.nn.Linear(64, 5))

    def batches(worker: int, number: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        mine = torch.arange(worker - 1, EXAMPLES, workers)
        order = torch.randperm(len(mine), generator=torch.Generator().manual_seed(100 * number + worker))
        return [(x[some], noisy[some]) for some in mine[order].split(BATCH)]

    errors, distances = [], []
    for done in blend(
        model, loss, lambda p: torch.optim.SGD(p, lr=0.3), batches, strategy, workers=workers, rounds=ROUNDS
    ):
        errors.append(100 * float((model(x[EXAMPLES:]).argmax(1) != truth[EXAMPLES:]).float().mean()))
        distances.append(sum(done.distances.values()) / workers)
    return errors, distances


def main() -> None:
    """Train and draw."""
    torch.set_num_threads(1)
    curves, distances = [], []
    for color, (name, (workers, strategy)) in enumerate(RUNS.items()):
        errors, apart = run(workers, strategy)
        print(f"{name}: {errors[0]:.1f} % to {errors[-1]:.1f} %")
        curves.append(Line(name, list(enumerate(errors, start=1)), color, fits=name != "parle"))
        if workers > 1:
            distances.append(Line(name, list(enumerate(apart, start=1)), color))
    charts = [
        Chart("held-out errors of the blended model (%)", "rounds", curves),
        Chart("workers' distance to it before a round's last blend", "rounds", distances, holds=(0.0,)),
    ]
    Path(__file__).with_suffix(".svg").write_text(picture(charts, columns=2))


if __name__ == "__main__":
    main()
