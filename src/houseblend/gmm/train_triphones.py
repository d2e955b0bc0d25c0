"""Triphone GMM-HMMs on the alignments of an older model, by the schedules of Kaldi's train_deltas, train_lda_mllt, train_sat."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError, UsageError
from houseblend.base.log import log, warn
from houseblend.feat.description import find_speakers, read_model_features
from houseblend.feat.options import Normalisation
from houseblend.feat.pipeline import Deltas, FeaturePipeline, Features, LinearTransform, Splice, Transform
from houseblend.gmm.adaptation import RANDOM_PRUNING, fmllr_of_alignment, frames_of_speech, learn_fmllr, learn_mllt
from houseblend.gmm.aligned import Aligned, Paths, Summing, path_bytes
from houseblend.gmm.estimate import mix_up
from houseblend.gmm.from_tree import occupancy, single_gaussians
from houseblend.gmm.lda import LdaStats, lda
from houseblend.gmm.model import read_model
from houseblend.gmm.options import LdaOptions, SatOptions, SplitOptions, TriphoneOptions
from houseblend.gmm.train_gmm import Beginning, Learner, Task, schedule, train_gmm
from houseblend.gmm.working_files import Model, WorkingFiles
from houseblend.hmm.alignment import cut_off
from houseblend.hmm.convert import Conversion, Converter
from houseblend.hmm.posterior import prune_at_random
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.spool import Spool, write_spool
from houseblend.io.tables import read_table, write_object
from houseblend.lang.phone_files import read_phone_list, read_phone_sets, read_roots
from houseblend.tree.accumulate import Accumulator, Context
from houseblend.tree.build import build_tree
from houseblend.tree.options import BuildOptions
from houseblend.tree.phone_clusters import phone_questions
from houseblend.tree.questions import compile_questions
from houseblend.tree.statistics import TreeStatistics

REALIGN, LEARN_AT = (10, 20, 30), (2, 4, 6, 12)
QUESTION_CLASSES = (1,)
"""The pdf-classes by whose frames phones are alike: the middle of three."""


@dataclass(frozen=True)
class Source:
    """What a new tree and its model are made of.

    Args:
        ali: alignment directory of the same data.
        leaves: wanted at most.
    """

    ali: Path
    leaves: int


FirstTransform = Callable[[TransitionModel, Aligned], Transform]
"""What is learned before the tree is built, from the old model and its alignment."""


def train_deltas(task: Task, source: Source, options: TriphoneOptions, normalisation: Normalisation) -> None:
    """Train on features with deltas; see `train_gmm`."""
    _train(task, source, FeaturePipeline(normalisation.cmvn, (Deltas(),)), options)


def train_lda_mllt(task: Task, source: Source, options: LdaOptions, normalisation: Normalisation) -> None:
    """Train on spliced frames, after LDA by the pdfs of the old alignment, then MLLT; see `train_gmm`."""
    silence = read_phone_list(task.lang / "phones" / "silence.int")
    pipeline = FeaturePipeline(normalisation.cmvn, (Splice(),))

    def first(transitions: TransitionModel, aligned: Aligned) -> Transform:
        rows = lda(_lda_statistics(transitions, aligned, silence))[0].astype(np.float32)
        most = min(len(rows), transitions.num_pdfs - 1)
        if not 1 <= options.dim <= most:
            raise UsageError(f"--dim={options.dim} of {transitions.num_pdfs} classes", expected=f"1 to {most}")
        write_object(str(task.out / "full.mat"), "matrix", rows)
        return LinearTransform(rows[: options.dim])

    _train(task, source, pipeline, options, first, partial(learn_mllt, silence))


def train_sat(task: Task, source: Source, options: SatOptions) -> None:
    """Train on features of the old alignment's model, adapted to speakers by fMLLR; see `train_gmm`.

    The first transforms are those of the alignment directory, or else estimated on its alignment.
    """
    silence = read_phone_list(task.lang / "phones" / "silence.int")
    pipeline = read_model_features(source.ali, "gmm", task.data)

    def first(transitions: TransitionModel, aligned: Aligned) -> Transform:
        if (source.ali / "full.mat").exists():
            shutil.copyfile(source.ali / "full.mat", task.out / "full.mat")
        if (given := find_speakers(source.ali)) is not None:
            return given
        model = Model(*read_model(source.ali / "final.mdl"), pipeline)
        return fmllr_of_alignment(silence, model, aligned)

    _train(task, source, pipeline, options, first, partial(learn_fmllr, silence))


def _train(
    task: Task, source: Source, pipeline: FeaturePipeline, options: TriphoneOptions,
    first: FirstTransform | None = None, learn: Learner | None = None,
) -> None:  # fmt: skip
    if not 1 <= source.leaves <= options.totgauss:
        found = f"{source.leaves} leaves and {options.totgauss} Gaussians"
        raise UsageError(found, expected="a leaf or more, and as many Gaussians or more")
    _require_same_phones(task.lang, source.ali)
    iterations = schedule(1, source.leaves, options, task.search.beam, REALIGN, learn, LEARN_AT)
    train_gmm(task, pipeline, iterations, lambda: _begin(task, source, pipeline, options, first), options)


def _begin(
    task: Task, source: Source, pipeline: FeaturePipeline, options: TriphoneOptions, first: FirstTransform | None
) -> Beginning:
    """A tree and single Gaussians of the old alignment, which is converted."""
    old = TransitionModel.load(source.ali / "final.mdl")
    features = Features(task.data, pipeline)
    aligned = Aligned(features, _old_paths(task, source.ali, old, features), task.workers)
    if first is not None:
        pipeline = pipeline.followed_by(first(old, aligned))
        aligned = replace(aligned, features=features.through(pipeline))
    context = Context(independent=frozenset(read_phone_list(task.lang / "phones" / "context_indep.int")))
    stats = _tree_statistics(old, aligned, context)
    topology = HmmTopology.load(task.lang / "topo")
    tree = _build(stats, task.lang, topology, context, BuildOptions(
        max_leaves=source.leaves, cluster_thresh=options.cluster_thresh
    ))  # fmt: skip
    mixtures = single_gaussians(tree, stats)
    if first is None:  # so do Kaldi's scripts: this one splits before the first iteration, too
        mixtures = mix_up(mixtures, occupancy(tree, stats), source.leaves, SplitOptions())
    new = TransitionModel.initial(topology, tree)
    converter, paths = Converter(old, new, tree, Conversion()), aligned.paths
    log(f"a tree of {tree.num_pdfs} leaves from {len(stats)} states of phones in context")
    return Beginning(tree, Model(new, mixtures, pipeline), partial(_converted, converter, paths))


def _converted(converter: Converter, paths: Paths, key: str, even: np.ndarray) -> np.ndarray | None:
    """The old path of an utterance as one of the new model, if there is any."""
    return converter.convert(paths[key], key) if key in paths else None


def _old_paths(task: Task, ali: Path, model: TransitionModel, features: Features) -> Paths:
    """The alignments of an alignment directory, in a spool.

    Raises:
        InputError: none belongs to the data.
    """
    files = sorted(ali.glob("ali.*.gz"))
    wanted, keys = set(features), []
    path = WorkingFiles(task.out).old_paths
    with write_spool(path) as write:
        for key, ids in (entry for file in files for entry in read_table(f"ark:{file}", "int-vector")):
            if key in wanted and (wrong := cut_off(ids, model, key)):
                warn(f"[{key}] is left out until utterances are aligned anew: {wrong}")
            elif key in wanted:
                keys.append(key)
                write(path_bytes(ids))
    if not keys:
        raise InputError("no alignment of this data", file=ali, do=f"align {task.data} first")
    log(f"{len(keys)} of {len(features)} utterances are aligned in {ali}")
    return Paths(Spool(path), keys)


def _lda_statistics(transitions: TransitionModel, aligned: Aligned, silence: list[int]) -> LdaStats:
    """Of all frames that are not silence, by pdf."""
    dim = aligned.features[aligned.paths.found[0]].shape[1]
    return aligned.sum(partial(_lda, transitions, silence, dim))


def _lda(transitions: TransitionModel, silence: list[int], dim: int) -> Summing[LdaStats]:
    def add(stats: LdaStats, key: str, x: np.ndarray, ids: np.ndarray) -> None:
        frames, pdfs, weights = frames_of_speech(ids, transitions, silence, key)
        weights = prune_at_random(weights, RANDOM_PRUNING, key)
        kept = weights != 0
        stats.add(x[frames[kept]], pdfs[kept], weights[kept])

    return lambda: LdaStats.zeros(transitions.num_pdfs, dim), add


def _tree_statistics(transitions: TransitionModel, aligned: Aligned, context: Context) -> TreeStatistics:
    return aligned.sum(partial(_in_context, transitions, context)).statistics()


def _in_context(transitions: TransitionModel, context: Context) -> Summing[Accumulator]:
    return lambda: Accumulator(transitions, context), lambda stats, key, x, ids: stats.add(x, ids, key)


def _build(
    stats: TreeStatistics, lang: Path, topology: HmmTopology, context: Context, options: BuildOptions
) -> ContextDependency:
    """A tree by questions about phones that sound alike, and those of the lang directory."""
    phones = lang / "phones"
    asked = phone_questions(stats, read_phone_sets(phones / "sets.int"), QUESTION_CLASSES, context.central)
    asked += read_phone_sets(phones / "extra_questions.int")
    questions = compile_questions(asked, topology, context.width)
    classes = {phone: topology.num_pdf_classes(phone) for phone in topology.phones}
    root = build_tree(stats, read_roots(phones / "roots.int"), questions, classes, context.central, options)
    return ContextDependency(context.width, context.central, root)


def _require_same_phones(lang: Path, ali: Path) -> None:
    """Refuse an alignment of other phones; symbols for disambiguation may differ."""
    mine, its = (
        {name: number for name, number in read_symbol_table(folder / "phones.txt").items() if not name.startswith("#")}
        for folder in (lang, ali)
    )
    if mine != its:
        name = min(mine.items() ^ its.items())[0]
        raise InputError(
            f"the phones have other numbers than in {lang}", file=ali / "phones.txt", key=name,
            do="align with the same lang directory",
        )  # fmt: skip
