"""The step align: a data directory aligned with a GMM-HMM; with a speaker-adapted one in two passes (Kaldi's align_fmllr)."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from houseblend.base.log import log
from houseblend.base.workers import Workers
from houseblend.feat.description import copy_model_features, is_adapted, read_model_features, write_speakers
from houseblend.feat.pipeline import Features, SpeakerTransforms
from houseblend.gmm.adaptation import fmllr_of_alignment
from houseblend.gmm.align import Unaligned, UtteranceAligner, read_transcripts, write_alignments
from houseblend.gmm.aligned import Aligned, Paths, path_bytes
from houseblend.gmm.model import read_model, unadapted_model
from houseblend.gmm.options import AlignOptions
from houseblend.gmm.working_files import Model
from houseblend.hmm.tree import ContextDependency
from houseblend.io.spool import Spool, write_spool
from houseblend.lang.phone_files import read_phone_list


def align_directory(
    data: Path, lang: Path, model: Path, out: Path, options: AlignOptions, max_skipped: int, workers: Workers
) -> None:
    """Write an alignment directory: every utterance aligned to its transcript, and the model that was used.

    A speaker-adapted model's directory gets the transforms of the speakers, `trans.1`, too.

    Args:
        data: data directory with features and text.
        lang: lang directory.
        model: model directory of a GMM-HMM.
        out: directory to write.
        options: how utterances are aligned.
        max_skipped: utterances that may be left without an alignment.
        workers: who shares the work.

    Raises:
        InputError: files do not fit, or too many utterances are not aligned.
    """
    pipeline = read_model_features(model, "gmm", data)
    final = Model(*read_model(model / "final.mdl"), pipeline)
    aligning = _Aligning(data, lang, model, final, options, workers)
    features, speakers = Features(data, pipeline), None
    if is_adapted(model):
        first = Model(*read_model(unadapted_model(model)), pipeline)
        speakers = aligning.transforms(first, final, features, out / "first.paths")
        features = features.through(pipeline.followed_by(speakers))
    left = Unaligned(len(features), options.beam)

    def aligned() -> Iterator[tuple[str, np.ndarray]]:
        for key, found in aligning.paths(final, features):
            if isinstance(found, bool):
                (left.short if found else left.lost).append(key)
            else:
                yield key, found
        log(f"{len(features) - len(left)} of {len(features)} utterances are aligned")
        left.require(max_skipped, data, f"allow that with --max-skipped={len(left)}")

    write_alignments(out, aligned())
    copy_model(model, lang, out)
    if speakers is not None:
        write_speakers(out / "trans.1", speakers)


class _Aligning:
    """The transcripts of a data directory, and how they are aligned."""

    def __init__(
        self, data: Path, lang: Path, folder: Path, model: Model, options: AlignOptions, workers: Workers
    ) -> None:
        self._silence = read_phone_list(lang / "phones" / "silence.int")
        tree = ContextDependency.load(folder / "tree")
        self._aligner = UtteranceAligner(model.transitions, tree, lang, self._silence, options.boost_silence)
        self._transcripts, self._beam, self._workers = read_transcripts(data, lang), options.beam, workers

    def paths(self, model: Model, features: Features) -> Iterator[tuple[str, np.ndarray | bool]]:
        """The best path of every utterance, [T]; or whether it is too short for its transcript, where there is none."""
        keys, begin = list(features), partial(_searching, self._aligner, self._transcripts, model, self._beam, features)
        return zip(keys, self._workers.share_out(begin, keys, "utterances"), strict=True)

    def transforms(self, first: Model, final: Model, features: Features, spool: Path) -> SpeakerTransforms:
        """What fits the speakers to the final model, by an alignment with the first, which also tells the Gaussians."""
        with write_spool(spool) as write:
            for _, found in self.paths(first, features):
                write(path_bytes(None if isinstance(found, bool) else found))
        aligned = Aligned(features, Paths(Spool(spool), list(features)), self._workers)
        speakers = fmllr_of_alignment(self._silence, final, aligned, first.mixtures)
        spool.unlink()
        return speakers


def _searching(
    aligner: UtteranceAligner, transcripts: Mapping[str, list[int]], model: Model, beam: float, features: Features
) -> Callable[[str], np.ndarray | bool]:
    """A function from an utterance to its best path, [T]; or to whether it is too short, where there is none."""
    score = aligner.scorer(model.transitions, model.mixtures, beam)

    def path_or_short(key: str) -> np.ndarray | bool:
        graph, feats = aligner.compile(transcripts.get(key), key), features[key]
        path = score(graph, feats, key)
        return path if path is not None else aligner.equal(graph, len(feats), key) is None

    return path_or_short


def copy_model(model: Path, lang: Path, out: Path) -> None:
    """Copy what an alignment directory keeps: the model and what it says of its features, and the names of the phones."""
    adapted = ("final.alimdl",) if (model / "final.alimdl").exists() else ()
    for name in ("tree", "final.mdl", *adapted):
        shutil.copyfile(model / name, out / name)
    shutil.copyfile(lang / "phones.txt", out / "phones.txt")
    copy_model_features(model, out)
