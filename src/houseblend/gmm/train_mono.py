"""Flat-start training of monophone GMM-HMMs, by the schedule of Kaldi's steps/train_mono.sh."""

import multiprocessing
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import Progress, log
from houseblend.base.seeds import seed_of
from houseblend.feat.pipeline import FeaturePipeline, write_model_features
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.align import UtteranceAligner, read_transcripts, write_alignments
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.gmm.estimate import UpdateOptions, mix_up, update
from houseblend.gmm.model import write_model
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.objects import open_input, open_output

REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)
BLOCK_UTTERANCES = 32
INITIAL_UTTERANCES = 10


@dataclass(frozen=True)
class MonoOptions:
    """Options of train_mono.sh; names and defaults are Kaldi's."""

    num_iters: int = 40
    max_iter_inc: int = 30
    totgauss: int = 1000
    power: float = 0.25
    initial_beam: float = 6.0
    beam: float = 10.0
    boost_silence: float = 1.0
    seed: int = 1


def train_mono(data: Path, lang: Path, out: Path, options: MonoOptions, jobs: int) -> None:
    """Train on all of `data` and write a model directory with the last alignment.

    Args:
        data: data directory with features and text.
        lang: lang directory.
        out: directory to write.
        options: the schedule.
        jobs: processes; the result does not depend on it, as statistics are summed in blocks of fixed utterances.

    Raises:
        InputError: transcripts, features or lang directory do not fit.
    """
    pipeline = FeaturePipeline("mean", 2)
    feats = list(pipeline.read(data))
    transcripts = read_transcripts(data, lang)
    tree, transitions, mixtures = flat_start(lang, [x for _, x in feats[:INITIAL_UTTERANCES]])
    silence = [int(word) for word in (lang / "phones" / "silence.int").read_text().split()]
    aligner = UtteranceAligner(transitions, tree, lang, silence, options.boost_silence)
    graphs = _in_blocks(lambda item: aligner.compile(transcripts.get(item[0]), item[0]), feats, 1, "graphs")
    ids = [
        aligner.equal(graph, len(x), seed_of(options.seed, "equal", key))
        for graph, (key, x) in zip(graphs, feats, strict=True)
    ]
    usable = [index for index, path in enumerate(ids) if path is not None]
    log(f"{len(usable)} of {len(feats)} utterances are long enough for their transcripts")
    num_gauss = mixtures.num_gaussians
    growth = (options.totgauss - num_gauss) // options.max_iter_inc
    for iteration in range(options.num_iters):
        if iteration in REALIGN:
            beam = options.initial_beam if iteration == 1 else options.beam
            scorer = aligner.scorer(transitions, mixtures, beam)
            new = _in_blocks(
                lambda index: scorer(graphs[index], feats[index][1], feats[index][0]), usable, jobs, "utterances"
            )  # noqa: B023
            for index, path in zip(usable, new, strict=True):
                ids[index] = path if path is not None else ids[index] if iteration == 1 else None
            usable = [index for index in usable if ids[index] is not None]
            if not usable:
                raise InputError("no utterance could be aligned", file=data, do="check transcripts and features")
        stats = _accumulate(transitions, mixtures, feats, ids, usable, jobs)
        occupancy = np.array([part.sum() for part in stats.occupancy])
        floor = UpdateOptions(min_gaussian_occupancy=3.0) if iteration == 0 else UpdateOptions()
        transitions.update(stats.transitions)
        mixtures = mix_up(
            update(mixtures, stats, floor),
            occupancy,
            num_gauss,
            options.power,
            seed=seed_of(options.seed, "mix-up", iteration),
        )
        log(
            f"iteration {iteration}: log-likelihood per frame {stats.log_likelihood / stats.frames:.4f}, {mixtures.num_gaussians} Gaussians"
        )
        if 0 < iteration <= options.max_iter_inc:
            num_gauss += growth
    write_model(out / "final.mdl", transitions, mixtures)
    with open_output(out / "tree") as target:
        tree.write(target)
    shutil.copyfile(lang / "phones.txt", out / "phones.txt")
    write_alignments(out, ((feats[index][0], ids[index]) for index in usable))
    write_model_features(out, data, pipeline)


def flat_start(lang: Path, feats: list[np.ndarray]) -> tuple[ContextDependency, TransitionModel, AmDiagGmm]:
    """A monophone tree, initial transitions, and one Gaussian a pdf with the features' mean and variance.

    Args:
        lang: lang directory with topo and phones/sets.int.
        feats: features of some utterances, [T, D] each.
    """
    with open_input(lang / "topo") as source:
        topology = HmmTopology.read(source)
    sets = [[int(word) for word in line.split()] for line in (lang / "phones" / "sets.int").read_text().splitlines()]
    tree = ContextDependency.monophone(sets, {phone: topology.num_pdf_classes(phone) for phone in topology.phones})
    frames = np.concatenate(feats).astype(np.float64)
    mean, variance = frames.mean(axis=0), np.maximum(frames.var(axis=0), 1e-3)
    mixtures = [DiagGmm.from_moments(np.ones(1), mean[None], variance[None]) for _ in range(tree.num_pdfs)]
    return tree, TransitionModel.initial(topology, tree), AmDiagGmm(mixtures)


def _accumulate(
    transitions: TransitionModel, mixtures: AmDiagGmm, feats: list, ids: list, usable: list[int], jobs: int
) -> Accumulators:
    def block_stats(block: list[int]) -> Accumulators:
        stats = Accumulators.for_model(transitions, mixtures)
        stats.add_alignment(
            transitions, mixtures, np.concatenate([feats[i][1] for i in block]), np.concatenate([ids[i] for i in block])
        )
        return stats

    blocks = [usable[start : start + BLOCK_UTTERANCES] for start in range(0, len(usable), BLOCK_UTTERANCES)]
    total = Accumulators.for_model(transitions, mixtures)
    for stats in _in_blocks(block_stats, blocks, jobs, "blocks"):
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


def in_processes(work: Callable[[Any], Any], items: list, jobs: int) -> Any:
    """Iterate over `work(item)` in order; with several jobs in forked processes, which inherit what `work` refers to."""
    if jobs <= 1 or len(items) < 2:
        yield from map(work, items)
        return
    with multiprocessing.get_context("fork").Pool(jobs, initializer=_inherit, initargs=(work, items)) as pool:
        yield from pool.imap(_call, range(len(items)), chunksize=max(1, min(32, len(items) // (4 * jobs))))


_inherited: tuple[Callable[[Any], Any], list] | None = None
"""In a forked process: the function and items of its pool."""


def _inherit(work: Callable[[Any], Any], items: list) -> None:
    global _inherited
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _inherited = (work, items)


def _call(index: int) -> Any:
    assert _inherited is not None
    work, items = _inherited
    return work(items[index])
