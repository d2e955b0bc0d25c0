"""Steps of training on a card against their bare matrix products: python tests/device/bench_card.py [--quick]

Seconds are the clock's, from the first of many steps begun to the last one done. Where the rest goes: how long the card was at
work, and in how many pieces, as torch's profiler counts them.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from bench_training import PERIOD, RULES, make_batch, make_network

from houseblend.nnet.components.affine import AffineComponent
from houseblend.train.trainer import Trainer
from houseblend.train.update.rule import UpdateRule

SHAPES = {"440-6x1024-3000": (6, 1024, 3000), "440-4x512-1000": (4, 512, 1000)}


def clock(run: Callable[[], object], times: int = 3) -> float:
    """The least seconds of a few runs, each waited for; one before them is not counted."""
    seconds = []
    for _ in range(1 + times):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def products(shape: tuple[int, int, int], size: int, dtype: torch.dtype) -> Callable[[], None]:
    """A function that does the products of a step, into memory at hand: three a layer, two for the first."""
    work = []
    for number, layer in enumerate(one for one in make_network(*shape, False).updatable()):
        assert isinstance(layer, AffineComponent)
        w, x, dy = (
            torch.randn(rows, columns, device="cuda", dtype=dtype)
            for rows, columns in (
                (layer.output_dim, layer.input_dim),
                (size, layer.input_dim),
                (size, layer.output_dim),
            )
        )
        y, dx, dw = torch.empty_like(dy), torch.empty_like(x), torch.empty_like(w)
        work += [(x, w.t(), y), (dy.t(), x, dw), (dy, w, dx)][: 2 if number == 0 else 3]

    def run() -> None:
        for a, b, out in work:
            torch.mm(a, b, out=out)

    return run


def training(shape: tuple[int, int, int], rule: UpdateRule, size: int, steps: int) -> Callable[[], None]:
    """A function that takes so many steps with a network of its own, each minibatch sent from the host."""
    network = make_network(*shape, limited=rule.max_param_change > 0).to("cuda")
    trainer, batch = Trainer(network, rule), make_batch(network, size)

    def train() -> None:
        for number in range(steps):
            batch.position = number  # on which it depends whether statistics are taken
            trainer.step(batch)

    train()
    return train


def compare(name: str, rule: UpdateRule, size: int, steps: int) -> None:
    """Print frames a second, the products' share, and what the card did."""
    dtype = getattr(torch, rule.compute_dtype)
    train, bare = training(SHAPES[name], rule, size, steps), products(SHAPES[name], size, dtype)
    seconds, floor = clock(train) / steps, clock(lambda: [bare() for _ in range(steps)]) / steps
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        train()
        torch.cuda.synchronize()
    events = [event for event in seen.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    busy = sum(event.device_time for event in events) / steps
    print(
        f"{name}, {rule.update}, {rule.compute_dtype}, minibatch {size}: {size / seconds:,.0f} frames/s, {seconds * 1e6:.0f} us a step; "
        f"products {floor * 1e6:.0f} us, {floor / seconds:.2f} of it; the card at work {busy:.0f} us in {len(events) / steps:.0f} pieces",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    steps = 10 * PERIOD if not parser.parse_args().quick else PERIOD
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for rule in RULES.values():
        for dtype in ("float32", "bfloat16"):
            for name in SHAPES:
                for size in (256, 2048):
                    compare(name, replace(rule, compute_dtype=dtype), size, steps)


if __name__ == "__main__":
    main()
