"""The step decode: lattices of a data directory, utterance by utterance, or speaker by speaker where a GMM-HMM adapts."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.base.workers import Workers
from houseblend.decode.acoustic import model_features, model_kind, read_scorer
from houseblend.decode.adapted import Decoded, SpeakerDecoder
from houseblend.decode.decoder import Decoder
from houseblend.decode.lattice import CompactLattice
from houseblend.decode.lattice_dir import write_lattices
from houseblend.decode.options import SearchOptions
from houseblend.feat.description import is_adapted, read_model_features, write_speakers
from houseblend.feat.pipeline import FeaturePipeline, Features, SpeakerTransforms
from houseblend.gmm.model import read_model, unadapted_model
from houseblend.gmm.working_files import Model
from houseblend.hmm.hclg import require_same_tree
from houseblend.lang.phone_files import read_phone_list

Found = tuple[list[Decoded], np.ndarray | None]
"""The utterances of a speaker and its transform, or one utterance and none."""


def decode_directory(
    data: Path, graph: Path, model: Path, transforms: Path | None, out: Path, options: SearchOptions, max_skipped: int,
    workers: Workers,
) -> None:  # fmt: skip
    """Write lat.1.gz and num_jobs for a data directory; and trans.1, where the model adapts to the speakers.

    Args:
        data: data directory with features.
        graph: graph directory.
        model: model directory.
        transforms: directory with transforms of the speakers, for a model of adapted features; a GMM-HMM can do without.
        out: directory to write.
        options: of the search.
        max_skipped: utterances that may be left without a lattice.
        workers: who shares the work.

    Raises:
        InputError, StaleError: data, graph and model do not belong together, or too many utterances found no end.
    """
    require_same_tree(graph, model)
    adapts = transforms is None and is_adapted(model) and model_kind(model / "final.mdl") == "gmm"
    if adapts:
        pipeline = read_model_features(model, "gmm", data)
        features = Features(data, pipeline)
        items, begin = list(features.by_speaker()), partial(_by_speaker, features, pipeline, graph, model, options)
    else:
        features = model_features(model, data, transforms)
        items, begin = list(features), partial(_by_utterance, features, graph, model, options)
    decoded = workers.share_out(begin, items, "speakers" if adapts else "utterances")
    matrices: dict[str, np.ndarray] = {}
    start, frames, failed, count = time.monotonic(), 0, 0, 0

    def found() -> Iterator[tuple[str, CompactLattice]]:
        nonlocal frames, failed, count
        for item, (utterances, matrix) in zip(items, decoded, strict=True):
            if matrix is not None:
                matrices[item] = matrix
            for key, lattice, length in utterances:
                frames, count = frames + length, count + 1
                if lattice is None:
                    warn(f"skipped [{key}]: the search reached no end; try a wider --beam")
                    failed += 1
                else:
                    yield key, lattice

    write_lattices(out, found())
    if adapts:
        write_speakers(out / "trans.1", SpeakerTransforms(matrices))
    if failed > max_skipped or failed == count:
        raise InputError(f"{failed} of {count} utterances have no lattice", file=data, do="use a wider --beam")
    seconds = time.monotonic() - start
    log(
        f"decoded {count - failed} utterances, {frames} frames; "
        f"real-time factor {workers.jobs * seconds / (frames / 100):.4f} of {workers.jobs} cores"
    )


def _by_utterance(features: Features, graph: Path, model: Path, options: SearchOptions) -> Callable[[str], Found]:
    """A function that decodes an utterance."""
    decoder = Decoder(graph / "HCLG.fst", *read_scorer(model / "final.mdl"), options)

    def decode(key: str) -> Found:
        feats = features[key]
        return [(key, decoder.lattice(feats, key), len(feats))], None

    return decode


def _by_speaker(
    features: Features, pipeline: FeaturePipeline, graph: Path, model: Path, options: SearchOptions
) -> Callable[[str], Found]:
    """A function that decodes the utterances of a speaker."""
    first, final = (Model(*read_model(path), pipeline) for path in (unadapted_model(model), model / "final.mdl"))
    decoder = Decoder(graph / "HCLG.fst", final.transitions, final.mixtures.log_likelihoods, options)
    silence = read_phone_list(graph / "phones" / "silence.int")
    speaker_decoder, utterances_of = SpeakerDecoder(decoder, first, final, silence, features), features.by_speaker()
    return lambda speaker: speaker_decoder.decode(speaker, utterances_of[speaker])
