"""Decoding: scores, search, determinisation, for single utterances and whole data directories."""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress, log, warn
from houseblend.base.workers import in_processes
from houseblend.decode.acoustic import Scorer, model_features, read_scorer
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice
from houseblend.decode.lattice_dir import write_lattices
from houseblend.decode.lattice_search import flatten, search_lattice
from houseblend.decode.options import SearchOptions
from houseblend.decode.state_lattice import from_raw
from houseblend.hmm.hclg import require_same_tree
from houseblend.hmm.search import SearchGraph
from houseblend.hmm.transition_model import TransitionModel
from houseblend.lang.fst import read_fst

RETRY = 2.0
"""By how much the beam is widened once, where the search reaches no end."""


class Decoder:
    """A graph and a model, loaded once.

    Args:
        graph: HCLG file.
        transitions: the transition model.
        scorer: acoustic scores.
        options: of the search.
    """

    def __init__(self, graph: Path, transitions: TransitionModel, scorer: Scorer, options: SearchOptions) -> None:
        self.graph = SearchGraph(read_fst(graph), transitions, graph)
        self.network = flatten(self.graph)
        self.scorer, self.options = scorer, options
        gc.collect()
        gc.freeze()

    def lattice(self, feats_TD: np.ndarray, key: str) -> CompactLattice | None:
        """The lattice of an utterance with features [T, D]; None if the search found no end."""
        return self.lattice_of_scores(self.scorer(feats_TD, key), key)

    def lattice_of_scores(self, loglikes_TP: np.ndarray, key: str) -> CompactLattice | None:
        """The same from log-likelihoods by pdf, [T, num_pdfs]."""
        options = self.options
        for tried in (options, replace(options, beam=RETRY * options.beam)):
            raw = search_lattice(self.graph, self.network, loglikes_TP, tried, key)
            if raw is not None and not options.determinize_lattice:
                return from_raw(raw, options.acoustic_scale)
            if raw is not None:
                lattice, complete = determinize(raw, options.acoustic_scale)
                if complete < options.lattice_beam:
                    warn(f"[{key}]: the lattice would be too large, and is complete within {complete:.1f} only")
                return lattice
        return None


def decode_directory(
    data: Path, graph: Path, model: Path, out: Path, options: SearchOptions, max_skipped: int, jobs: int
) -> None:
    """Write lat.1.gz and num_jobs for a data directory.

    Args:
        data: data directory with features.
        graph: graph directory.
        model: model directory.
        out: directory to write.
        options: of the search.
        max_skipped: utterances that may be left without a lattice.
        jobs: processes; the result does not depend on it.

    Raises:
        InputError, StaleError: data, graph and model do not belong together, or too many utterances found no end.
    """
    require_same_tree(graph, model)
    features = model_features(model, data)
    transitions, scorer = read_scorer(model / "final.mdl")
    decoder = Decoder(graph / "HCLG.fst", transitions, scorer, options)
    keys = list(features)

    def lattice_of(key: str) -> tuple[CompactLattice | None, int]:
        feats = features[key]
        return decoder.lattice(feats, key), len(feats)

    start, frames, failed = time.monotonic(), 0, 0

    def found() -> Iterator[tuple[str, CompactLattice]]:
        nonlocal frames, failed
        with Progress(len(keys), "utterances") as progress:
            for key, (lattice, length) in zip(keys, in_processes(lattice_of, keys, jobs), strict=True):
                frames += length
                progress.add()
                if lattice is None:
                    warn(f"skipped [{key}]: the search reached no end; try a wider --beam")
                    failed += 1
                else:
                    yield key, lattice

    write_lattices(out, found())
    if failed > max_skipped or failed == len(keys):
        raise InputError(f"{failed} of {len(keys)} utterances have no lattice", file=data, do="use a wider --beam")
    seconds = time.monotonic() - start
    log(
        f"decoded {len(keys) - failed} utterances, {frames} frames; real-time factor {jobs * seconds / (frames / 100):.4f} of {jobs} cores"
    )
