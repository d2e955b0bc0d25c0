"""CD-1 on one core against its five bare matrix products: python tests/bench/bench_rbm.py [--quick]

The floor of a minibatch is `torch.mm(out=)` into memory at hand: hidden units, reconstruction, hidden units again, and the
products of both phases.
"""

import argparse
from collections.abc import Callable

from timing import Lines, alternate, pin

pin()

import torch

from houseblend.base.allocation import keep_freed_memory
from houseblend.nnet.rbm import Rbm, UnitType
from houseblend.train import rbm as rbm_module
from houseblend.train.rbm import RbmBatch, RbmTrainer
from houseblend.train.rbm_options import RbmRule


def floor_of(visible: int, hidden: int, size: int) -> Callable[[], None]:
    """A function that multiplies what a minibatch must multiply."""
    weights, positive, negative = (torch.randn(hidden, visible) for _ in range(3))
    x, reconstruction, h = torch.rand(size, visible), torch.empty(size, visible), torch.rand(size, hidden)
    h_of_reconstruction = torch.empty_like(h)

    def run() -> None:
        torch.mm(x, weights.t(), out=h)
        torch.mm(h, weights, out=reconstruction)
        torch.mm(reconstruction, weights.t(), out=h_of_reconstruction)
        torch.mm(h.t(), x, out=positive)
        torch.mm(h_of_reconstruction.t(), reconstruction, out=negative)

    return run


def training(visible: int, hidden: int, visible_type: UnitType, size: int) -> Callable[[], None]:
    """A function that learns a minibatch, the next one in position each time."""
    rbm = Rbm(0.01 * torch.randn(hidden, visible), torch.zeros(visible), torch.zeros(hidden), visible_type)
    trainer = RbmTrainer(rbm, RbmRule(learn_rate=1e-4))
    batch = RbmBatch(torch.randn(size, visible) if visible_type == "gauss" else torch.rand(size, visible), 0)

    def train() -> None:
        trainer.step(batch)
        batch.position += size

    return train


def repeated(run: Callable[[], None], times: int) -> Callable[[], None]:
    """The same so many times."""

    def run_all() -> None:
        for _ in range(times):
            run()

    return run_all


def counted_lines() -> Lines:
    """The functions of a minibatch, by what they do."""
    lines = Lines()
    lines.count("means: products, sigmoids", Rbm, "hidden", "visible")
    lines.count("samples", RbmTrainer, "_sample")
    lines.count("reconstruction error, explosion guard", rbm_module, "compare")
    lines.count("update: products, biases", RbmTrainer, "_update")
    lines.count("update: L2, addition", rbm_module, "take_step")
    lines.count("the rest", RbmTrainer, "step")
    return lines


def compare_with_floor(visible: int, hidden: int, visible_type: UnitType, size: int, times: int) -> None:
    """Print the floor's share of our minibatch and where its time goes."""
    train = repeated(training(visible, hidden, visible_type, size), times)
    floor_seconds, seconds = alternate(repeated(floor_of(visible, hidden, size), times), train)
    print(f"CD-1, {visible}x{hidden} {visible_type}, minibatch {size}: {size * times / seconds:.0f} frames/s,")
    print(f"    floor / ours {floor_seconds / seconds:.3f}; of ours:")
    counted_lines().show(train)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    keep_freed_memory()  # as all programs do
    shapes: list[tuple[int, int, UnitType]] = [(440, 1024, "gauss"), (1024, 1024, "bern")]
    for visible, hidden, visible_type in shapes:
        if quick:
            compare_with_floor(visible // 40, hidden // 40, visible_type, size=8, times=4)
        else:
            compare_with_floor(visible, hidden, visible_type, size=256, times=40)


if __name__ == "__main__":
    main()
