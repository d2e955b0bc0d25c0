"""Decoding with a speaker-adapted GMM-HMM: features are fitted to the model twice, by lattices (Kaldi's decode_fmllr.sh)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from houseblend.decode.decoder import Decoder
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice
from houseblend.decode.options import SearchOptions
from houseblend.decode.posteriors import posteriors
from houseblend.decode.raw_lattice import RawLattice, prune_raw
from houseblend.feat.pipeline import Features
from houseblend.feat.rearrange import transform_frames
from houseblend.feat.transforms import compose
from houseblend.gmm.fmllr import FmllrStats
from houseblend.gmm.fmllr_options import FmllrOptions
from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
from houseblend.gmm.working_files import Model
from houseblend.hmm.posterior import entries, to_pdfs, weight_silence

FIRST_BEAM, FIRST_ACTIVE = 10.0, 2000
"""Of the search on features that are not adapted yet."""
POSTERIOR_BEAM, SILENCE_WEIGHT = 4.0, 0.01
"""Paths that posteriors are made of, around the best one; and the weight of silence among them."""

Decoded = tuple[str, CompactLattice | None, int]
"""An utterance, its lattice if the search reached an end, and its frames."""
Lattices = Mapping[str, RawLattice | None]


class SpeakerDecoder:
    """Decodes all utterances of a speaker together.

    Args:
        decoder: of the final model, with the options of the main search.
        first: the model of features that are not adapted.
        final: the model of features that are.
        silence: silence phones.
        features: not adapted.
    """

    def __init__(
        self, decoder: Decoder, first: Model, final: Model, silence: Sequence[int], features: Features
    ) -> None:
        self._decoder, self._first, self._final = decoder, first, final
        self._silence, self._features = silence, features

    def decode(self, speaker: str, keys: Sequence[str]) -> tuple[list[Decoded], np.ndarray]:
        """Lattices of a speaker's utterances, and the transform of the speaker's features, [D, D + 1].

        A narrow search with the first model tells what was said, for a first transform; the main search, with that, for a
        second one behind it. The lattices of the main search get the scores of features through both.
        """
        options, plain = self._decoder.options, {key: self._features[key] for key in keys}
        narrow = replace(options, beam=min(FIRST_BEAM, options.beam), max_active=min(FIRST_ACTIVE, options.max_active))
        found = self._search(self._first, plain, narrow)
        before = self._estimate(speaker, self._first, plain, found)
        adapted = {key: transform_frames(x, before) for key, x in plain.items()}
        found = self._search(self._final, adapted, options)
        both = compose(self._estimate(speaker, self._final, adapted, found), before, True)
        return [
            (key, self._finished(key, transform_frames(x, both), found[key]), len(x)) for key, x in plain.items()
        ], both

    def _search(self, model: Model, feats: Mapping[str, np.ndarray], options: SearchOptions) -> Lattices:
        return {
            key: self._decoder.search(model.mixtures.log_likelihoods(x, key), key, options) for key, x in feats.items()
        }

    def _estimate(self, speaker: str, teller: Model, feats: Mapping[str, np.ndarray], found: Lattices) -> np.ndarray:
        """What fits the features to the final model, by posteriors of lattices, shared out among the Gaussians of a model."""
        stats, scale = FmllrStats(self._final.mixtures.dim), self._decoder.options.acoustic_scale
        for key, raw in found.items():
            if raw is not None:
                lattice, _ = determinize(prune_raw(raw.arcs, raw.final, POSTERIOR_BEAM), scale)
                posterior = posteriors(lattice, 1.0, scale)
                spoken = weight_silence(posterior, teller.transitions, self._silence, SILENCE_WEIGHT, key)
                weighted = entries(to_pdfs(spoken, teller.transitions, key))
                shared, _ = GaussianPosteriors.of(teller.mixtures, feats[key], *weighted, key)
                stats.add(shared, self._final.mixtures, feats[key], key)
        return stats.estimate(FmllrOptions(), speaker)[0]

    def _finished(self, key: str, feats_TD: np.ndarray, raw: RawLattice | None) -> CompactLattice | None:
        """The lattice of the main search with the scores of other features."""
        if raw is None:
            return None
        options, loglikes_TP = self._decoder.options, self._final.mixtures.log_likelihoods(feats_TD, key)
        scores_TI = options.acoustic_scale * loglikes_TP[:, self._final.transitions.id_to_pdf]
        return self._decoder.finished(raw.rescored(scores_TI, options.lattice_beam), key)
