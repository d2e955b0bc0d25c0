"""A frame store from a data directory and its alignments."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_file
from houseblend.base.log import Progress, log, warn
from houseblend.base.seeds import seed_of
from houseblend.feat.description import find_speakers, read_model_features, write_model_features
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.frames.options import StoreFeatures, StoreOptions
from houseblend.frames.store import write_store
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.tables import read_script, read_table


def make_frames(
    data: Path, ali: Path, out: Path, features: StoreFeatures, options: StoreOptions, max_skipped: int
) -> None:
    """Write the frame store of `data`.

    Utterances lie in random order. Held-out ones are chosen by hash of the original recording (files utt2orig and
    utt2uniq of the data directory; an utterance without entry is its own), so that copies of a recording stay together.

    Args:
        data: data directory with features.
        ali: alignment directory (ali.*.gz, final.mdl, tree).
        out: directory to write.
        features: what is done to them (no deltas: the network splices).
        options: the subsets, and the order.
        max_skipped: how many utterances may lack an alignment.

    Raises:
        InputError: features and alignments do not fit, or too few utterances are aligned.
    """
    pipeline, seed = _pipeline(data, ali, features), options.seed
    model = TransitionModel.load(ali / "final.mdl")
    alignments = read_alignments(ali)
    original = _originals(data)
    keys = [key for key, _, _ in read_script(f"{data}/feats.scp")]
    missing = [key for key in keys if key not in alignments]
    for key in missing:
        warn(f"skipped [{key}]: no alignment")
    if len(missing) > max_skipped or len(missing) == len(keys):
        raise InputError(
            f"{len(missing)} of {len(keys)} utterances have no alignment", file=ali, expected=f"at most {max_skipped}",
            do="align this data directory, or raise --max-skipped",
        )  # fmt: skip
    chosen = sorted(set(keys) & alignments.keys(), key=lambda key: seed_of(seed, "store", key))
    largest_share = options.max_evaluated_frames / sum(len(alignments[key]) for key in chosen)
    heldout_share, combine_share = (min(one, largest_share) for one in (options.heldout_share, options.combine_share))
    subset_of = {key: _subset(original.get(key, key), heldout_share, seed) for key in chosen}

    def entries() -> Iterator[tuple[str, str, bool, np.ndarray, np.ndarray]]:
        with Progress(len(chosen), "utterances") as progress:
            for key, feats in pipeline.read(data, chosen):
                tids = alignments[key]
                if len(tids) != len(feats):
                    raise InputError(
                        f"{len(tids)} aligned frames, {len(feats)} frames of features",
                        file=ali,
                        key=key,
                        do="align again",
                    )
                if tids.min() < 1 or tids.max() > model.num_ids:
                    raise InputError(f"transition-id {tids.max()}", file=ali, key=key, expected=f"1 to {model.num_ids}")
                subset = subset_of[key]
                combine = subset == "train" and _share(seed_of(seed, "combine", key)) < combine_share
                yield key, subset, combine, feats, model.id_to_pdf[tids]
                progress.add()

    dim = _first_dim(pipeline, data, chosen)
    fingerprint = write_model_features(out, data, pipeline)["fingerprint"]
    info = {"tree": hash_file(ali / "tree"), "features": fingerprint, "cmvn": pipeline.cmvn, "seed": seed}
    write_store(out, dim, model.num_pdfs, entries(), info)
    for name in ("tree", "final.mdl", "phones.txt"):
        shutil.copyfile(ali / name, out / name)
    counts = {name: sum(1 for value in subset_of.values() if value == name) for name in ("train", "heldout")}
    log(f"{counts['train']} utterances for training, {counts['heldout']} held out, {len(missing)} skipped")


def _pipeline(data: Path, ali: Path, features: StoreFeatures) -> FeaturePipeline:
    """What is done to the features.

    Raises:
        InputError, StaleError: they are to be as the alignment's model sees them, which sees deltas, or other features.
    """
    if not features.model_features:
        return FeaturePipeline(features.cmvn)
    pipeline, speakers = read_model_features(ali, "gmm", data), find_speakers(ali)
    if speakers is not None:
        return pipeline.followed_by(speakers)
    if isinstance(pipeline.transforms[-1], Deltas):
        do = "leave --model-features out, or take an alignment of train_lda_mllt's or train_sat's model"
        raise InputError("the model sees features with deltas", file=ali, expected="final.mat or trans.*", do=do)
    return pipeline


def read_alignments(ali: Path) -> dict[str, np.ndarray]:
    """Transition-ids [T] of every utterance in an alignment directory.

    Raises:
        InputError: there is no alignment.
    """
    files = sorted(ali.glob("ali*.gz")) or sorted(ali.glob("ali*.ark"))
    if not files:
        raise InputError("no alignments (ali.*.gz)", file=ali, do="run align")
    return {key: tids for file in files for key, tids in read_table(f"ark:{file}", "int-vector")}


def _originals(data: Path) -> dict[str, str]:
    """What utterances are copies of: Kaldi's utt2uniq, and utt2orig where both speak of an utterance."""
    found: dict[str, str] = {}
    for name in ("utt2uniq", "utt2orig"):
        if (data / name).exists():
            found |= dict(read_table(f"ark:{data}/{name}", "token"))
    return found


def _first_dim(pipeline: FeaturePipeline, data: Path, keys: list[str]) -> int:
    return next(iter(pipeline.read(data, keys[:1])))[1].shape[1]


def _subset(original: str, heldout_share: float, seed: int) -> str:
    return "heldout" if _share(seed_of(seed, "heldout", original)) < heldout_share else "train"


def _share(value: int) -> float:
    return value / 2**63
