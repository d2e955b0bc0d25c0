"""Decoding of a digit loop beside the network's bare products: python tests/bench/bench_decode.py [--quick]

Network, search and determinised lattice, from features to lattices in memory, beams 13 and 8. The network (143 inputs,
4 x 512, one output a pdf) is random: it costs what a trained one costs, and the search gets the scores of a trained
monophone model instead, found before. Strings of five digits, put together from single ones. The floor is the
network's products; Kaldi's figure of the same task is 0.0083 times real time.
"""

import argparse
from collections.abc import Callable

from timing import Lines, alternate, pin

pin()

import numpy as np
import torch
from bench_gmm import GMM, GOLDEN, read_features

from houseblend.decode import decoder as decoder_module
from houseblend.decode.decoder import Decoder
from houseblend.decode.options import SearchOptions
from houseblend.gmm.model import read_model
from houseblend.nnet.compute import compute
from houseblend.nnet.init import init_network
from houseblend.nnet.network import Network

DIGITS, CONTEXT, WIDTH, LAYERS = 5, 5, 512, 4
OPTIONS = SearchOptions(beam=13.0, lattice_beam=8.0, allow_partial=True)


def make_network(outputs: int) -> Network:
    """ReLU layers over 11 frames of 13."""
    splice = ",".join(str(offset) for offset in range(-CONTEXT, CONTEXT + 1))
    hidden = [f"relu-layer name=h{n} dim={WIDTH}" for n in range(LAYERS)]
    hidden[0] += f" input=Append({splice})"
    text = "\n".join(["input dim=13 name=input", *hidden, f"output-layer name=output dim={outputs}"])
    return init_network(f"{text}\n", seed=1)


def products_of(outputs: int, frames: list[int]) -> Callable[[], None]:
    """The floor's work on utterances of these lengths."""
    dims = [13 * (2 * CONTEXT + 1), *[WIDTH] * LAYERS, outputs]
    weights = [torch.randn(b, a) for a, b in zip(dims, dims[1:], strict=False)]
    inputs = {count: [torch.randn(count, dim) for dim in dims] for count in frames}

    def run() -> None:
        for count in frames:
            layers = inputs[count]
            for x, w, y in zip(layers, weights, layers[1:], strict=False):
                torch.mm(x, w.t(), out=y)

    return run


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two strings, to see that it runs")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    single = list(read_features().values())
    starts = range(0, len(single), DIGITS)[: 2 if quick else None]
    strings = {f"s{start}": np.concatenate(single[start : start + DIGITS]) for start in starts}
    scores = {key: mixtures.log_likelihoods(feats_TD) for key, feats_TD in strings.items()}
    network = make_network(mixtures.num_pdfs)

    def score(feats_TD: np.ndarray, key: str) -> np.ndarray:
        compute(network, feats_TD[:, :13])
        return scores[key]

    decoder = Decoder(GOLDEN / "hmm" / "mono" / "HCLG.fst", transitions, score, OPTIONS)

    def decode() -> None:
        for key, feats_TD in strings.items():
            assert decoder.lattice(feats_TD, key) is not None

    lengths = [len(feats_TD) for feats_TD in strings.values()]
    floor, ours = alternate(products_of(mixtures.num_pdfs, lengths), decode)
    seconds = sum(lengths) / 100
    print(f"decoding: {ours / seconds:.4f} x real time, the floor (products of the network) {floor / seconds:.4f};")
    print(f"    floor / ours {floor / ours:.3f}; of ours:")
    lines = Lines()
    lines.count("network", decoder, "scorer")
    lines.count("search", decoder_module, "search_lattice")
    lines.count("determinisation", decoder_module, "determinize")
    lines.show(decode)


if __name__ == "__main__":
    main()
