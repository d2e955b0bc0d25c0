"""Alignment and statistics beside the bare product: python tests/bench/bench_gmm.py [--quick]

The floor is what likelihoods cannot do without: [x, x^2] (78 numbers a frame) times all 242 Gaussians of a monophone
model, blocks of 256 frames, nothing else. Alignment is from features to transition-ids with the graphs at hand, as in
every pass of training; gmm-align-compiled readies each graph besides. Statistics are from features and transition-ids
to sums. Data: 80 one-word utterances. Of a triphone model split to 10,000 Gaussians, the likelihoods of a sixth of the
pdfs, as a transcript has them, beside the product with their Gaussians alone.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import numpy as np

from houseblend.feat.cmvn import apply_cmvn
from houseblend.feat.deltas import add_deltas
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.estimate import mix_up
from houseblend.gmm.model import read_model
from houseblend.gmm.options import SplitOptions
from houseblend.hmm import search
from houseblend.hmm.options import GraphOptions, PathOptions
from houseblend.hmm.search import SearchGraph
from houseblend.hmm.training_graph import TrainingGraphCompiler
from houseblend.hmm.tree import ContextDependency
from houseblend.io.tables import read_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GMM = GOLDEN / "gmm"
BLOCK = 256


def read_features() -> dict[str, np.ndarray]:
    """Features of the utterances, [T, 39]."""
    speakers = dict(read_table(f"ark:{GMM}/sub_utt2spk", "token"))
    stats = dict(read_table(f"ark:{GMM}/sub_cmvn.ark", "matrix"))
    return {
        key: add_deltas(apply_cmvn(feats, stats[speakers[key]], norm_vars=False), 2)
        for key, feats in read_table(f"ark:{GMM}/sub.ark", "matrix")
    }


def product_of(feats_TD: np.ndarray, num_gaussians: int) -> Callable[[], None]:
    """The floor's work on all frames."""
    x = np.concatenate([feats_TD, feats_TD * feats_TD], axis=1)
    weights = np.random.default_rng(1).standard_normal((x.shape[1], num_gaussians)).astype(np.float32)
    result = np.empty((BLOCK, num_gaussians), np.float32)

    def run() -> None:
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            np.matmul(block, weights, out=result[: len(block)])

    return run


def report(name: str, frames: int, floor: float, ours: float, run: Callable[[], None]) -> None:
    """Print our share of the floor's speed and where our time goes."""
    print(f"{name}: {frames / ours:.0f} frames/s, the floor (bare product) {frames / floor:.0f};")
    print(f"    floor / ours {floor / ours:.3f}; of ours:")
    lines = Lines()
    lines.count("likelihoods", AmDiagGmm, "log_likelihoods", "log_likelihoods_of")
    lines.count("graph: labels renumbered", SearchGraph, "__init__")
    lines.count("scores spread over the labels", SearchGraph, "scaled_scores")
    lines.count("search, best path", search, "align")
    lines.count("posteriors and sums", Accumulators, "add_alignment")
    lines.show(run)


def compare_large(feats_TD: np.ndarray) -> None:
    """Likelihoods of some of a large model's pdfs."""
    _, small = read_model(GMM / "tri1" / "final.mdl")
    large = mix_up(small, np.full(small.num_pdfs, 1e6), 10000, SplitOptions())
    pdfs = np.arange(0, large.num_pdfs, 6)
    product = product_of(feats_TD, int(np.diff(large.begin)[pdfs].sum()))
    floor, ours = alternate(lambda: [product() for _ in range(10)], lambda: large.log_likelihoods_of(pdfs, feats_TD))
    report(
        f"likelihoods of {len(pdfs)} of {large.num_pdfs} pdfs, {large.num_gaussians} Gaussians",
        len(feats_TD), floor / 10, ours, lambda: large.log_likelihoods_of(pdfs, feats_TD),
    )  # fmt: skip


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few utterances, to see that it runs")
    quick = parser.parse_args().quick
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    compiler = TrainingGraphCompiler.from_files(
        transitions, ContextDependency.load(GOLDEN / "hmm" / "mono" / "tree"), GOLDEN / "lang",
        GraphOptions(0.0, 0.0),
    )  # fmt: skip
    words = dict(read_table(f"ark:{GMM}/sub_text.int", "int-vector"))
    alignments = dict(read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"))
    feats = dict(list(read_features().items())[: 3 if quick else None])
    fsts = {key: compiler.compile(words[key].tolist(), key) for key in feats}
    id_scores = transitions.scaled_log_probs(1.0, 0.1)
    frames = sum(map(len, feats.values()))
    paths: dict[str, np.ndarray | None] = {}

    def align(ready: Mapping[str, SearchGraph]) -> None:
        for key, feats_TD in feats.items():
            graph = ready[key] if ready else SearchGraph(fsts[key], transitions)
            loglikes = mixtures.log_likelihoods(feats_TD, key)
            paths[key] = search.align(graph, loglikes, PathOptions(0.1, 10.0, 40.0), key, id_scores)

    def accumulate() -> None:
        stats = Accumulators.for_model(transitions, mixtures)
        for key, feats_TD in feats.items():
            stats.add_alignment(transitions, mixtures, feats_TD, alignments[key], key)

    joined = np.concatenate(list(feats.values()))
    product = product_of(joined, mixtures.num_gaussians)
    graphs = {key: SearchGraph(fst, transitions) for key, fst in fsts.items()}
    runs = {
        "alignment": lambda: align(graphs),
        "alignment, graphs made ready each time": lambda: align({}),
        "statistics": accumulate,
    }
    floor, *seconds = alternate(lambda: [product() for _ in range(10)], *runs.values())
    for key, path in paths.items():
        assert path is not None
        np.testing.assert_array_equal(path, alignments[key])
    for (name, run), ours in zip(runs.items(), seconds, strict=True):
        report(name, frames, floor / 10, ours, run)
    compare_large(joined)


if __name__ == "__main__":
    main()
