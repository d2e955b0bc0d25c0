"""Decoding: scores, search, determinisation, for single utterances and whole data directories."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress, log, warn
from houseblend.base.workers import in_processes
from houseblend.decode.acoustic import Scorer, model_features, read_scorer
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice
from houseblend.decode.lattice_dir import write_lattices
from houseblend.decode.lattice_search import ANY_NUMBER, flatten, search_lattice
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
        beam: of the search.
        lattice_beam: of the lattice.
        acoustic_scale: factor on the log-likelihoods.
        max_active: most tokens of the search a frame.
        allow_partial: where no path reaches an end, paths to any state count.
        determinized: lattices have one path a word sequence; otherwise all that the search found.
    """

    def __init__(
        self,
        graph: Path,
        transitions: TransitionModel,
        scorer: Scorer,
        beam: float,
        lattice_beam: float,
        acoustic_scale: float,
        max_active: int = ANY_NUMBER,
        allow_partial: bool = True,
        determinized: bool = True,
    ) -> None:
        self.graph = SearchGraph(read_fst(graph), transitions, graph)
        self.network = flatten(self.graph)
        self.scorer, self.beam, self.lattice_beam, self.acoustic_scale = scorer, beam, lattice_beam, acoustic_scale
        self.max_active, self.allow_partial, self.determinized = max_active, allow_partial, determinized
        gc.collect()
        gc.freeze()

    def lattice(self, feats_TD: np.ndarray, key: str) -> CompactLattice | None:
        """The lattice of an utterance with features [T, D]; None if the search found no end."""
        return self.lattice_of_scores(self.scorer(feats_TD, key), key)

    def lattice_of_scores(self, loglikes_TP: np.ndarray, key: str) -> CompactLattice | None:
        """The same from log-likelihoods by pdf, [T, num_pdfs]."""
        for beam in (self.beam, RETRY * self.beam):
            raw = search_lattice(
                self.graph,
                self.network,
                loglikes_TP,
                self.acoustic_scale,
                beam,
                self.lattice_beam,
                self.max_active,
                key,
                self.allow_partial,
            )
            if raw is not None and not self.determinized:
                return from_raw(raw, self.acoustic_scale)
            if raw is not None:
                lattice, complete = determinize(raw, self.acoustic_scale)
                if complete < self.lattice_beam:
                    warn(f"[{key}]: the lattice would be too large, and is complete within {complete:.1f} only")
                return lattice
        return None


def decode_directory(
    data: Path, graph: Path, model: Path, out: Path, beam: float, lattice_beam: float, acoustic_scale: float,
    max_active: int, max_skipped: int, jobs: int,
) -> None:  # fmt: skip
    """Write lat.1.gz and num_jobs for a data directory.

    Args:
        data: data directory with features.
        graph: graph directory.
        model: model directory.
        out: directory to write.
        beam: of the search.
        lattice_beam: of the lattice.
        acoustic_scale: factor on the log-likelihoods.
        max_active: most tokens of the search a frame.
        max_skipped: utterances that may be left without a lattice.
        jobs: processes; the result does not depend on it.

    Raises:
        InputError, StaleError: data, graph and model do not belong together, or too many utterances found no end.
    """
    require_same_tree(graph, model)
    features = model_features(model, data)
    transitions, scorer = read_scorer(model / "final.mdl")
    decoder = Decoder(graph / "HCLG.fst", transitions, scorer, beam, lattice_beam, acoustic_scale, max_active)
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
