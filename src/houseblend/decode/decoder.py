"""Decoding: scores, search, determinisation."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np

from houseblend.base.log import warn
from houseblend.decode.acoustic import Scorer
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice
from houseblend.decode.lattice_search import flatten, search_lattice
from houseblend.decode.options import SearchOptions
from houseblend.decode.raw_lattice import RawLattice
from houseblend.decode.state_lattice import from_raw
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
        raw = self.search(loglikes_TP, key, self.options)
        return None if raw is None else self.finished(raw, key)

    def search(self, loglikes_TP: np.ndarray, key: str, options: SearchOptions) -> RawLattice | None:
        """What the search finds with these options, or with a wider beam; None if that reaches no end either."""
        for tried in (options, replace(options, beam=RETRY * options.beam)):
            raw = search_lattice(self.graph, self.network, loglikes_TP, tried, key)
            if raw is not None:
                return raw
        return None

    def finished(self, raw: RawLattice, key: str) -> CompactLattice:
        """The lattice of what was found, as the options want it."""
        options = self.options
        if not options.determinize_lattice:
            return from_raw(raw, options.acoustic_scale)
        lattice, complete = determinize(raw, options.acoustic_scale)
        if complete < options.lattice_beam:
            warn(f"[{key}]: the lattice would be too large, and is complete within {complete:.1f} only")
        return lattice
