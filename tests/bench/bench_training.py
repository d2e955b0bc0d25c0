"""Steps of training, of nnet3's and of nnet1's networks, on one core against the bare matrix products:
python tests/bench/bench_training.py [--quick]

The floor of a step is `torch.mm(out=)` into memory at hand, three products a layer and two for the first. That of
natural gradient has besides its own products, its eigen-decompositions and one pass over the update.
"""

import argparse
import functools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import numpy as np
import torch

from houseblend.base.allocation import keep_freed_memory
from houseblend.frames.store import FrameStore, Subset, write_store
from houseblend.nnet.components import affine, nonlinear
from houseblend.nnet.components.affine import AffineComponent, NaturalGradientAffineComponent
from houseblend.nnet.init import init_network
from houseblend.nnet.network import Network
from houseblend.nnet.nnet1.components import AffineTransform, Sigmoid, Softmax
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.train import trainer as trainer_module
from houseblend.train.examples import Minibatch
from houseblend.train.nnet1 import CrossEntropy, Sgd
from houseblend.train.nnet1_data import Frames
from houseblend.train.nnet1_options import SgdOptions
from houseblend.train.trainer import Trainer
from houseblend.train.update import natural_gradient
from houseblend.train.update.optimizer import Optimizer
from houseblend.train.update.rule import UpdateRule

FRAME_DIM, CONTEXT = 40, 5
PERIOD = 4
"""Minibatches from one update of the Fisher matrices to the next: what is timed is a multiple of it."""
RULES = {"SGD": UpdateRule(max_param_change=0.0, update="sgd"), "NG with max-change": UpdateRule()}

Affine = AffineComponent | AffineTransform


def make_network(layers: int, width: int, outputs: int, limited: bool) -> Network:
    """ReLU layers of one width over 11 frames of 40; `limited` keeps max-change by component."""
    splice = ",".join(str(offset) for offset in range(-CONTEXT, CONTEXT + 1))
    hidden = [f"relu-layer name=h{n} dim={width}" for n in range(layers)]
    hidden[0] += f" input=Append({splice})"
    text = "\n".join([f"input dim={FRAME_DIM} name=input", *hidden, f"output-layer name=output dim={outputs}"])
    network = init_network(f"{text}\n", seed=1)
    network.set_learning_rate(1e-5)
    for component in network.updatable():
        component.max_change *= limited
    return network


def make_batch(network: Network, size: int) -> Minibatch:
    """Random frames and targets."""
    x_NWD = torch.randn(size, 2 * CONTEXT + 1, FRAME_DIM)
    pdfs = torch.randint(network.output_dim, (size,))
    return Minibatch(x_NWD, torch.arange(size), pdfs, torch.ones(size), 0, size)


def layer_products(layer: Affine, size: int, is_first: bool) -> list[Callable[[], object]]:
    """Forward, the update and, but for the first layer, the derivative by the input."""
    weights = torch.randn(layer.output_dim, layer.input_dim)
    x, dy = torch.randn(size, layer.input_dim), torch.randn(size, layer.output_dim)
    y, dx, update = torch.empty_like(dy), torch.empty_like(x), torch.empty_like(weights)
    products: list[Callable[[], object]] = [
        lambda: torch.mm(x, weights.t(), out=y),
        lambda: torch.mm(dy.t(), x, out=update),
        lambda: torch.mm(dy, weights, out=dx),
    ]
    return products[: 2 if is_first else 3]


def natural_gradient_side(size: int, dim: int, rank: int) -> tuple[list[Callable[[], object]], ...]:
    """What one side of a layer multiplies at each minibatch; what it does besides when the Fisher matrix is updated."""
    x, w, h = torch.randn(size, dim), torch.randn(rank, dim), torch.empty(size, rank)
    hw, j, next_w = torch.empty_like(x), torch.empty_like(w), torch.empty_like(w)
    jj, hh, a = (torch.randn(rank, rank) for _ in range(3))
    symmetric = np.cov(np.random.default_rng(0).standard_normal((rank, 3 * rank)))
    always: list[Callable[[], object]] = [lambda: torch.mm(x, w.t(), out=h), lambda: torch.mm(h, w, out=hw)]
    updating: list[Callable[[], object]] = [
        lambda: torch.mm(h.t(), x, out=j),
        lambda: torch.mm(j, j.t(), out=jj),
        (lambda: torch.mm(w, j.t(), out=hh)) if size > dim else (lambda: torch.mm(h.t(), h, out=hh)),
        lambda: np.linalg.eigh(symmetric),
        lambda: torch.mm(a, j, out=next_w),
    ]
    return always, updating


def floor_of(layers: Sequence[Affine], size: int, natural: bool) -> Callable[[int], None]:
    """A function that does the floor's work of so many steps."""
    always: list[Callable[[], object]] = []
    updating: list[Callable[[], object]] = []
    for number, layer in enumerate(layers):
        always += layer_products(layer, size, is_first=number == 0)
        if natural:
            assert isinstance(layer, NaturalGradientAffineComponent)
            for dim, rank in ((layer.input_dim + 1, layer.rank_in), (layer.output_dim, layer.rank_out)):
                each, sometimes = natural_gradient_side(size, dim, rank)
                always, updating = always + each, updating + sometimes
    if natural:
        flat, delta = (torch.zeros(sum(one.output_dim * (one.input_dim + 1) for one in layers)) for _ in range(2))
        always.append(lambda: flat.add_(delta, alpha=0.5))

    def run(steps: int) -> None:
        for step in range(steps):
            for product in always if step % PERIOD else always + updating:
                product()

    return run


def counted_lines() -> Lines:
    """The functions of a step, by what they do."""
    lines = Lines()
    lines.count("products: forward", affine.AffineMap, "forward")
    lines.count("products: derivative by the input", affine.AffineMap, "backward")
    lines.count("products: update", affine.AffineComponent, "accumulate")
    lines.count("natural gradient: which sides, and whose", Optimizer, "_accumulate")
    lines.count("natural gradient: copies", natural_gradient.PreconditionedAffine, "__call__")
    lines.count("natural gradient: norms", natural_gradient.OnlineNaturalGradient, "precondition")
    lines.count("natural gradient: products", natural_gradient.OnlineNaturalGradient, "_step", "_solve", "_renew")
    lines.count("natural gradient: eigen-decompositions", natural_gradient.OnlineNaturalGradient, "_eigen")
    for kind in (nonlinear.RectifiedLinearComponent, nonlinear.LogSoftmaxComponent):
        lines.count("activations and log-softmax", kind, "forward", "backward")
    statistics = "update_statistics", "update_derivative_statistics"
    lines.count("statistics of nonlinearities", nonlinear.NonlinearComponent, *statistics)
    lines.count("objective", trainer_module, "objective_and_derivative")
    lines.count("max-change and addition", Optimizer, "_apply")
    lines.count("the rest: Python, plan, counts", Trainer, "step")
    return lines


def training(shape: tuple[int, int, int], rule: UpdateRule, size: int, steps: int) -> Callable[[], None]:
    """A function that takes so many steps with a network of its own, whose first steps are done."""
    network = make_network(*shape, limited=rule.max_param_change > 0)
    batch, trainer = make_batch(network, size), Trainer(network, rule)
    for _ in range(11):  # the first Fisher matrices are updated at every minibatch
        trainer.step(batch)

    def train() -> None:
        for number in range(steps):
            batch.position = number  # on which it depends whether statistics are taken
            trainer.step(batch)

    return train


def compare_with_floor(name: str, shape: tuple[int, int, int], rule: str, size: int, steps: int) -> float:
    """Print the floor's share of our step and where the step's time goes; returns our seconds per step."""
    layers = [layer for layer in make_network(*shape, limited=True).updatable() if isinstance(layer, AffineComponent)]
    floor = floor_of(layers, size, natural=rule != "SGD")
    train = training(shape, RULES[rule], size, steps)
    floor_seconds, seconds = alternate(lambda: floor(steps), train)
    print(f"{rule}, {name}, minibatch {size}: {size * steps / seconds:.0f} frames/s,")
    print(f"    floor / ours {floor_seconds / seconds:.3f}, ours / floor {seconds / floor_seconds:.3f}; of ours:")
    counted_lines().show(train)
    return seconds / steps


def compare_nnet1(name: str, shape: tuple[int, int, int], size: int, steps: int) -> None:
    """Print the floor's share of a step of nnet1's SGD with sigmoids, without momentum and with it."""
    num_layers, width, outputs = shape
    dims = [(2 * CONTEXT + 1) * FRAME_DIM, *[width] * num_layers, outputs]
    affine = [AffineTransform(torch.randn(o, i) / i**0.5, torch.zeros(o)) for i, o in zip(dims, dims[1:], strict=False)]
    hidden = [layer for one in affine[:-1] for layer in (one, Sigmoid(one.output_dim))]
    network, objective = Nnet1([*hidden, affine[-1], Softmax(outputs)]), CrossEntropy(outputs)
    rows, pdfs = np.arange(size), np.random.default_rng(4).integers(0, outputs, size)
    ones = np.ones(size, np.float32)
    batch = Frames(torch.randn(size, dims[0]).numpy(), rows, pdfs, ones, ones)
    floor = floor_of(affine, size, natural=False)
    for momentum in (0.0, 0.9):
        trainer = Sgd(network, SgdOptions(1e-5, momentum))
        trainer.step(batch, objective)
        train = functools.partial(lambda one: [one.step(batch, objective) for _ in range(steps)], trainer)
        floor_seconds, seconds = alternate(lambda: floor(steps), train)
        told = f"floor / ours {floor_seconds / seconds:.3f}"
        print(f"nnet1, momentum {momentum}, {name}, minibatch {size}: {size * steps / seconds:.0f} frames/s, {told}")


def compare_types(name: str, shape: tuple[int, int, int], rule: str, size: int, steps: int) -> None:
    """Print how much faster products in bfloat16 make a step than those in float32 do."""
    rules = [replace(RULES[rule], compute_dtype=dtype) for dtype in ("float32", "bfloat16")]
    full, half = alternate(*(training(shape, one, size, steps) for one in rules))
    print(f"{rule}, {name}, minibatch {size}: bfloat16 {size * steps / half:.0f} frames/s, {full / half:.2f} x float32")


def make_subset(folder: Path, frames: int) -> Subset:
    """A frame store of random utterances of 400 frames."""
    random = np.random.default_rng(2)
    utterances = (
        (f"u{number}", "train", False, random.standard_normal((400, FRAME_DIM), dtype=np.float32), np.zeros(400, int))
        for number in range(frames // 400)
    )
    write_store(folder, FRAME_DIM, 1, utterances, {"left": 0})
    return FrameStore(folder).subset("train")


def compare_gather(step_seconds: float, size: int, frames: int) -> None:
    """Print the share of a step that gathering its windows takes on the same thread."""
    with tempfile.TemporaryDirectory() as folder:
        subset = make_subset(Path(folder), frames)
        order = np.random.default_rng(3).permutation(subset.num_frames)
        parts = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        (seconds,) = alternate(lambda: [subset.gather(part, CONTEXT, CONTEXT) for part in parts])
    print(f"gather with splicing, minibatch {size}: {seconds / len(parts) / step_seconds:.2%} of an SGD step")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    quick = parser.parse_args().quick
    keep_freed_memory()  # as every program does
    torch.set_num_threads(1)
    larger, smaller = ((6, 1024, 3000), (4, 512, 1000)) if not quick else ((2, 16, 30), (2, 8, 10))
    size, steps = (256, 2 * PERIOD) if not quick else (8, PERIOD)
    named = {
        f"440-{layers}x{width}-{outputs}": (layers, width, outputs) for layers, width, outputs in (larger, smaller)
    }
    for name, shape in named.items():
        compare_nnet1(name, shape, size, steps)
    for rule in RULES:
        for name, shape in named.items():
            compare_types(name, shape, rule, 2 * size, steps)
        seconds = [compare_with_floor(name, shape, rule, size, steps) for name, shape in named.items()]
        if rule == "SGD":
            compare_gather(seconds[-1], size, frames=200_000 if not quick else 4000)


if __name__ == "__main__":
    main()
