"""Decoding with a recipe's graph: python tests/bench/bench_large_decode.py DATA GRAPH MODEL [--quick]

Features, acoustic scores, search, determinised lattice and its bytes, at the defaults of `decode`, on 20 utterances taken
evenly from a data directory. Beside it, as a floor that it should lie under, the search alone of kaldi_decoder
(LatticeSimpleDecoder) on the same scores. `--quick` decodes two strings of digits and needs no directories.
"""

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import numpy as np
from bench_gmm import GMM, GOLDEN, read_features

from houseblend.decode import decoder as decoder_module
from houseblend.decode.acoustic import model_features, read_scorer
from houseblend.decode.decoder import Decoder
from houseblend.decode.lattice import encode_lattice
from houseblend.decode.options import DecodeOptions
from houseblend.hmm.search import SearchGraph

OPTIONS, UTTERANCES = DecodeOptions(), 20


def peer(graph: SearchGraph, scores: dict[str, np.ndarray]) -> Callable[[], None]:
    """The search of kaldi_decoder, from log-likelihoods by pdf."""
    import kaldi_decoder

    config = kaldi_decoder.LatticeSimpleDecoderConfig(beam=OPTIONS.beam, lattice_beam=OPTIONS.lattice_beam)

    def run() -> None:
        for key, loglikes_TP in scores.items():
            spread = np.ascontiguousarray(
                graph.scaled_scores(loglikes_TP, OPTIONS.acoustic_scale, key), dtype=np.float32
            )
            decoder = kaldi_decoder.LatticeSimpleDecoder(graph.fst, config)
            decoder.decode(kaldi_decoder.DecodableCtc(spread))
            decoder.get_raw_lattice()

    return run


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="*", type=Path, help="data, graph and model directory")
    parser.add_argument("--quick", action="store_true", help="two strings of digits, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        graph, model = GOLDEN / "hmm" / "mono" / "HCLG.fst", GMM / "mono" / "final.mdl"
        feats = dict(list(read_features().items())[:2])
    else:
        data, graph_dir, model_dir = options.places
        graph, model = graph_dir / "HCLG.fst", model_dir / "final.mdl"
        found = model_features(model_dir, data)
        keys = list(found)
        feats = {key: found[key] for key in keys[:: max(1, len(keys) // UTTERANCES)]}
    transitions, scorer = read_scorer(model)
    decoder = Decoder(graph, transitions, scorer, OPTIONS)

    def decode() -> None:
        for key, feats_TD in feats.items():
            lattice = decoder.lattice(feats_TD, key)
            assert lattice is not None
            gzip.compress(encode_lattice(lattice, binary=True), 4)

    scores = {key: scorer(feats_TD, key) for key, feats_TD in feats.items()}
    floor, ours = alternate(peer(decoder.graph, scores), decode, repetitions=3)
    seconds = sum(map(len, feats.values())) / 100
    print(
        f"decoding: {ours / seconds:.4f} x real time, the floor (kaldi_decoder's search alone) {floor / seconds:.4f};"
    )
    print(f"    floor / ours {floor / ours:.2f}; of ours:")
    lines = Lines()
    lines.count("scores", decoder, "scorer")
    lines.count("search", decoder_module, "search_lattice")
    lines.count("determinisation", decoder_module, "determinize")
    lines.show(decode)


if __name__ == "__main__":
    main()
