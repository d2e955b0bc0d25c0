"""Flat-start training of monophone GMM-HMMs, by the schedule of Kaldi's steps/train_mono.sh."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress, log, warn
from houseblend.base.workers import in_processes
from houseblend.feat.description import write_model_features
from houseblend.feat.options import Normalisation
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.gmm import gaussian_passes as gaussian_passes  # here already, so that forked processes find it loaded
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.align import Scorer, Unaligned, UtteranceAligner, read_transcripts, write_alignments
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.estimate import mix_up, update
from houseblend.gmm.flat_start import INITIAL_UTTERANCES, flat_model, moments
from houseblend.gmm.model import write_model
from houseblend.gmm.options import AlignOptions, MonoOptions, SplitOptions, UpdateOptions
from houseblend.hmm.options import TransitionOptions
from houseblend.hmm.search import SearchGraph
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_output
from houseblend.lang.phone_files import read_phone_list, read_phone_sets

REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)
INITIAL_BEAM = 6.0
"""Of the first alignment."""
BLOCK_UTTERANCES = 32
MANY = 0.1
"""Share of the utterances without an alignment above which there is a warning."""

Features = list[tuple[str, np.ndarray]]
"""Key and features, [T, D], of every utterance."""


def train_mono(
    data: Path,
    lang: Path,
    out: Path,
    options: MonoOptions,
    search: AlignOptions,
    normalisation: Normalisation,
    jobs: int,
) -> None:
    """Train on all of `data` and write a model directory with the last alignment.

    Args:
        data: data directory with features and text.
        lang: lang directory.
        out: directory to write.
        options: the schedule.
        search: how utterances are aligned.
        normalisation: of the features, before their deltas.
        jobs: processes; the result does not depend on it, as statistics are summed in blocks of fixed utterances.

    Raises:
        InputError: transcripts, features or lang directory do not fit, or too many utterances end without an alignment.
    """
    pipeline = FeaturePipeline(normalisation.cmvn, (Deltas(),))
    feats = list(pipeline.read(data))
    transcripts = read_transcripts(data, lang)
    topology = HmmTopology.load(lang / "topo")
    tree, transitions, mixtures = flat_model(
        topology, read_phone_sets(lang / "phones" / "sets.int"), *moments([x for _, x in feats[:INITIAL_UTTERANCES]])
    )
    silence = read_phone_list(lang / "phones" / "silence.int")
    aligner = UtteranceAligner(transitions, tree, lang, silence, search.boost_silence)
    graphs = _in_blocks(lambda item: aligner.compile(transcripts.get(item[0]), item[0]), feats, 1, "graphs")
    ids = [aligner.equal(graph, len(x), key) for graph, (key, x) in zip(graphs, feats, strict=True)]
    candidates = [index for index, path in enumerate(ids) if path is not None]
    for (key, x), path in zip(feats, ids, strict=True):
        if path is None:
            warn(f"[{key}] is left out: {len(x)} frames are too few for its transcript")
    log(f"{len(candidates)} of {len(feats)} utterances are long enough for their transcripts")
    left, warned = _unaligned(feats, ids, candidates, search.beam), False
    for iteration in range(options.num_iters):
        if iteration in REALIGN:
            beam = INITIAL_BEAM if iteration == 1 else search.beam
            ids = _realign(aligner.scorer(transitions, mixtures, beam), graphs, feats, candidates, jobs)
            left = _unaligned(feats, ids, candidates, beam)
        if len(left) == len(feats):
            raise InputError(str(left), file=data, do=left.advice)
        if not warned and len(left.lost) > MANY * len(feats):
            warn(f"iteration {iteration}: {left}; {left.advice}")
            warned = True
        stats = _accumulate(transitions, mixtures, feats, ids, jobs)
        mixtures = _reestimate(transitions, mixtures, stats, iteration, options)
        log(
            f"iteration {iteration}: log-likelihood per frame {stats.log_likelihood / stats.frames:.4f}, "
            f"{mixtures.num_gaussians} Gaussians, {len(left.lost)} of {len(candidates)} without a path"
        )
    if len(left) > MANY * len(feats):
        left.require(int(options.max_unaligned * len(feats)), data, "allow more with --max-unaligned")
    write_model(out / "final.mdl", transitions, mixtures)
    with open_output(out / "tree") as target:
        tree.write(target)
    shutil.copyfile(lang / "phones.txt", out / "phones.txt")
    aligned = [(key, path) for (key, _), path in zip(feats, ids, strict=True) if path is not None]
    log(f"{len(aligned)} of {len(feats)} utterances are aligned")
    write_alignments(out, aligned)
    write_model_features(out, data, pipeline)


def _unaligned(feats: Features, ids: list[np.ndarray | None], candidates: list[int], beam: float) -> Unaligned:
    """Who has no path now: the candidates are long enough for their transcripts."""
    long = set(candidates)
    without = [index for index, path in enumerate(ids) if path is None]
    return Unaligned(
        len(feats), beam,
        [feats[index][0] for index in without if index not in long],
        [feats[index][0] for index in without if index in long],
    )  # fmt: skip


def _realign(
    scorer: Scorer, graphs: list[SearchGraph], feats: Features, candidates: list[int], jobs: int
) -> list[np.ndarray | None]:
    """Best paths of the candidates; who finds none sits out until the next alignment."""

    def path_of(index: int) -> np.ndarray | None:
        key, feats_TD = feats[index]
        return scorer(graphs[index], feats_TD, key)

    ids: list[np.ndarray | None] = [None] * len(feats)
    for index, path in zip(candidates, _in_blocks(path_of, candidates, jobs, "utterances"), strict=True):
        ids[index] = path
    return ids


def _reestimate(
    transitions: TransitionModel, mixtures: AmDiagGmm, stats: Accumulators, iteration: int, options: MonoOptions
) -> AmDiagGmm:
    """The next mixtures; the transitions change in place."""
    floor = UpdateOptions(min_gaussian_occupancy=3.0) if iteration == 0 else UpdateOptions()
    occupancy = np.array([part.sum() for part in stats.occupancy])
    growth = (options.totgauss - mixtures.num_pdfs) // options.max_iter_inc
    wanted = mixtures.num_pdfs + growth * min(max(iteration - 1, 0), options.max_iter_inc)
    transitions.update(stats.transitions, TransitionOptions())
    return mix_up(update(mixtures, stats, floor), occupancy, wanted, SplitOptions(power=options.power))


def _accumulate(
    transitions: TransitionModel, mixtures: AmDiagGmm, feats: Features, ids: list[np.ndarray | None], jobs: int
) -> Accumulators:
    """Statistics of all aligned utterances, summed in blocks of as many utterances, whatever the jobs."""
    aligned = [(x, path) for (_, x), path in zip(feats, ids, strict=True) if path is not None]

    def block_stats(start: int) -> Accumulators:
        stats = Accumulators.for_model(transitions, mixtures)
        parts, paths = zip(*aligned[start : start + BLOCK_UTTERANCES], strict=True)
        stats.add_alignment(transitions, mixtures, np.concatenate(parts), np.concatenate(paths))
        return stats

    total = Accumulators.for_model(transitions, mixtures)
    for stats in _in_blocks(block_stats, list(range(0, len(aligned), BLOCK_UTTERANCES)), jobs, "blocks"):
        total.add(stats)
    return total


def _in_blocks(work: Callable[[Any], Any], items: list, jobs: int, what: str) -> list:
    """`work` on every item, in forked processes, results in order."""
    with Progress(len(items), what) as progress:
        results = []
        for result in in_processes(work, items, jobs):
            results.append(result)
            progress.add()
        return results
