"""nnet3-average of 8 models beside reading and adding them with numpy: python tests/bench/bench_average.py [--quick]

The floor reads the 8 files whole (they are in the page cache), adds their bytes as float32 into one array, divides, and
writes that; ours reads networks, checks every number, sums in float64, and writes a network. The files lie in memory where the
system has a place for that, so that no disk is waited for.
"""

import argparse
import tempfile
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import numpy as np
import torch

from houseblend.nnet import average
from houseblend.nnet.formats import nnet3
from houseblend.nnet.formats.nnet3 import write_network
from houseblend.nnet.init import init_network
from houseblend.nnet.parameters import Tensors

MODELS = 8
MEMORY = Path("/dev/shm")


def write_models(folder: Path, layers: int, width: int, outputs: int) -> list[Path]:
    """Random ReLU networks over 11 frames of 40."""
    splice = ",".join(str(offset) for offset in range(-5, 6))
    hidden = [f"relu-layer name=h{n} dim={width}" for n in range(layers)]
    hidden[0] += f" input=Append({splice})"
    text = "\n".join(["input dim=40 name=input", *hidden, f"output-layer name=output dim={outputs}"])
    paths = [folder / f"{number}.raw" for number in range(MODELS)]
    for seed, path in enumerate(paths):
        write_network(path, init_network(f"{text}\n", seed=seed))
    return paths


def add_files(paths: list[Path], target: Path) -> None:
    """The floor."""
    size = paths[0].stat().st_size // 4
    total = np.fromfile(paths[0], np.float32, size)
    for path in paths[1:]:
        total += np.fromfile(path, np.float32, size)
    total /= np.float32(len(paths))
    total.tofile(target)


def counted_lines() -> Lines:
    """What nnet3-average does."""
    lines = Lines()
    lines.count("reading", average, "read_parts")
    lines.count("numbers checked", Tensors, "not_finite")
    lines.count("sum", average, "mean_of")
    lines.count("statistics, the rest", average, "mean_network")
    lines.count("writing", nnet3, "write_network")
    return lines


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny models, to see that it runs")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place, np.errstate(all="ignore"):
        folder = Path(place)
        paths = write_models(folder, *((6, 1024, 3000) if not quick else (2, 16, 30)))

        def run() -> None:
            write_network(folder / "mean.raw", average.mean_network(paths))

        floor, ours = alternate(lambda: add_files(paths, folder / "sum"), run)
        megabytes = sum(path.stat().st_size for path in paths) / 1e6
        print(f"nnet3-average, {MODELS} models, {megabytes:.0f} MB: {ours:.3f} s, the floor (numpy) {floor:.3f} s;")
        print(f"    ours / floor {ours / floor:.2f}; of ours:")
        counted_lines().show(run)


if __name__ == "__main__":
    main()
