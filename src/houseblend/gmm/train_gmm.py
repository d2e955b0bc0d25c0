"""Training of GMM-HMMs, one frame for all rungs of the ladder (Kaldi's train_mono, train_deltas, train_lda_mllt, train_sat).

A rung says how it begins and what its iterations do. Features are read utterance by utterance whenever they are needed, graphs
and paths lie on disk: memory does not grow with the hours.
"""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.base.workers import Workers
from houseblend.feat.description import write_model_features
from houseblend.feat.pipeline import FeaturePipeline, Features, SpeakerTransforms
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.adaptation import unadapted_mixtures
from houseblend.gmm.align import Unaligned, UtteranceAligner, read_transcripts, write_alignments
from houseblend.gmm.aligned import Aligned, Paths, Summing, path_bytes
from houseblend.gmm.estimate import mix_up, update
from houseblend.gmm.model import write_model
from houseblend.gmm.options import AlignOptions, ScheduleOptions, SplitOptions, UpdateOptions
from houseblend.gmm.working_files import Model, WorkingFiles
from houseblend.hmm.options import TransitionOptions
from houseblend.hmm.search import SearchGraph
from houseblend.hmm.tree import ContextDependency
from houseblend.io.objects import open_output
from houseblend.io.spool import Spool, write_spool
from houseblend.lang.phone_files import read_phone_list

MANY = 0.1
"""Share of the utterances without an alignment above which there is a warning."""

Learner = Callable[[Model, Aligned], Model]
"""Learns a transform of the features, and takes the model along (MLLT, fMLLR)."""


FirstPath = Callable[[str, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class Task:
    """What is trained on, and where it goes.

    Args:
        data: data directory with features and text.
        lang: lang directory.
        out: directory to write.
        search: how utterances are aligned.
        workers: who shares the work.
    """

    data: Path
    lang: Path
    out: Path
    search: AlignOptions
    workers: Workers


@dataclass(frozen=True)
class Iteration:
    """What one iteration does, in this order; statistics and the estimation of the model end it.

    Args:
        number: of the iteration.
        num_gaussians: wanted behind it, in all.
        beam: to align anew with; 0: the paths stay.
        learn: what it learns of the features.
        update: how Gaussians are estimated.
    """

    number: int
    num_gaussians: int
    beam: float = 0.0
    learn: Learner | None = None
    update: UpdateOptions = UpdateOptions()


@dataclass(frozen=True)
class Beginning:
    """What the first iteration begins with.

    Args:
        tree: the decision tree.
        model: the first model; what is learned of its features comes last in its pipeline.
        first_path: from an utterance, and a path of it that shares out its frames evenly, the first path of its training;
            it may be sent to another machine (`workers.Begin`).
    """

    tree: ContextDependency
    model: Model
    first_path: FirstPath


def schedule(
    first: int, start: int, options: ScheduleOptions, beam: float, realign: Collection[int],
    learn: Learner | None = None, learn_at: Collection[int] = (),
) -> list[Iteration]:  # fmt: skip
    """The iterations of a rung: Gaussians are added from the second model on, in equal parts.

    Args:
        first: number of the first iteration.
        start: Gaussians at the beginning.
        options: how many iterations and Gaussians there are.
        beam: to align with, in the iterations `realign`.
        learn: what the iterations `learn_at` learn.
    """
    growth = (options.totgauss - start) // options.max_iter_inc
    return [
        Iteration(
            number, start + growth * min(max(number - 1, 0), options.max_iter_inc),
            beam if number in realign else 0.0, learn if number in learn_at else None,
        )
        for number in range(first, options.num_iters)
    ]  # fmt: skip


def train_gmm(
    task: Task, pipeline: FeaturePipeline, iterations: Sequence[Iteration], begin: Callable[[], Beginning],
    options: ScheduleOptions,
) -> None:  # fmt: skip
    """Train, and write a model directory with the last alignment; where it was begun before, it goes on.

    Args:
        task: what is trained on.
        pipeline: what is done to the features before what is learned.
        iterations: one after the other.
        begin: makes the first model.
        options: how Gaussians are shared out, and how many utterances may end without an alignment.

    Raises:
        InputError: transcripts, features or lang directory do not fit, or too many utterances end without an alignment.
    """
    files = WorkingFiles(task.out)
    if files.number() is None:
        (task.out / "final.mdl").unlink(missing_ok=True)
        _begin(task, files, iterations[0].number, begin())
    if not (task.out / "final.mdl").exists():
        number = files.number() or 0
        model = files.load(number, pipeline)
        training = _Training(task, files, model, options)
        for iteration in iterations[number - iterations[0].number :]:
            model = training.iterate(iteration, model)
            files.save(iteration.number + 1, model)
        training.finish(iterations[-1].number + 1, model)
    files.clear()


def _begin(task: Task, files: WorkingFiles, first: int, beginning: Beginning) -> None:
    """Compile the transcripts, and write what the first iteration begins with."""
    with open_output(task.out / "tree") as target:
        beginning.tree.write(target)
    transcripts, features = read_transcripts(task.data, task.lang), Features(task.data, FeaturePipeline("none"))
    aligner = _aligner(task, beginning.model, beginning.tree)
    keys, short = list(features), 0
    compiled = task.workers.share_out(
        partial(_compiling, aligner, transcripts, features, beginning.first_path), keys, "graphs"
    )
    with write_spool(files.graphs) as write_graph, write_spool(files.paths(first)) as write_path:
        for key, (graph, path) in zip(keys, compiled, strict=True):
            if not graph:
                warn(f"[{key}] is left out: its frames are too few for its transcript")
                short += 1
            write_graph(graph)
            write_path(path)
    log(f"{len(keys) - short} of {len(keys)} utterances are long enough for their transcripts")
    files.save(first, beginning.model)


def _compiling(
    aligner: UtteranceAligner, transcripts: Mapping[str, list[int]], features: Features, first_path: FirstPath
) -> Callable[[str], tuple[bytes, bytes]]:
    """A function from an utterance to its graph and first path, as they lie in spools."""

    def compiled(key: str) -> tuple[bytes, bytes]:
        graph = aligner.compile(transcripts.get(key), key)
        even = aligner.equal(graph, len(features[key]), key)
        return (b"", b"") if even is None else (graph.to_bytes(), path_bytes(first_path(key, even)))

    return compiled


def _aligner(task: Task, model: Model, tree: ContextDependency) -> UtteranceAligner:
    silence = read_phone_list(task.lang / "phones" / "silence.int")
    return UtteranceAligner(model.transitions, tree, task.lang, silence, task.search.boost_silence)


class _Training:
    """The iterations of a task that was begun."""

    def __init__(self, task: Task, files: WorkingFiles, model: Model, options: ScheduleOptions) -> None:
        self._task, self._files, self._options = task, files, options
        self._features = Features(task.data, model.pipeline)
        self._keys, self._graphs = list(self._features), Spool(files.graphs)
        self._aligner = _aligner(task, model, ContextDependency.load(task.out / "tree"))
        self._warned = False

    def iterate(self, iteration: Iteration, model: Model) -> Model:
        """The model behind an iteration."""
        if iteration.beam:
            self._realign(iteration, model)
        aligned = self._aligned(iteration.number + 1, model)
        left = self._left(aligned.paths, iteration.beam or self._task.search.beam)
        self._judge(left, iteration.number)
        if iteration.learn is not None:
            model = iteration.learn(model, aligned)
            aligned = self._aligned(iteration.number + 1, model)
        stats = _accumulate(model, aligned)
        model = _reestimate(model, stats, iteration, SplitOptions(power=self._options.power))
        log(
            f"iteration {iteration.number}: log-likelihood per frame {stats.log_likelihood / stats.frames:.4f}, "
            f"{model.mixtures.num_gaussians} Gaussians, "
            f"{len(left.lost)} of {len(self._keys) - len(left.short)} without a path"
        )
        return model

    def finish(self, number: int, model: Model) -> None:
        """Write the model before iteration `number` as the last one, with its alignment."""
        out, aligned = self._task.out, self._aligned(number, model)
        left = self._left(aligned.paths, self._task.search.beam)
        if len(left) > MANY * len(self._keys):
            most = int(self._options.max_unaligned * len(self._keys))
            left.require(most, self._task.data, "allow more with --max-unaligned")
        shutil.copyfile(self._task.lang / "phones.txt", out / "phones.txt")
        log(f"{len(aligned.paths.found)} of {len(self._keys)} utterances are aligned")
        write_alignments(out, ((key, aligned.paths[key]) for key in aligned.paths.found))
        write_model_features(out, self._task.data, model.pipeline)
        if isinstance(model.pipeline.transforms[-1], SpeakerTransforms):
            write_model(out / "final.alimdl", model.transitions, unadapted_mixtures(model, aligned))
        write_model(out / "final.mdl", model.transitions, model.mixtures)

    def _aligned(self, number: int, model: Model) -> Aligned:
        paths = Paths(Spool(self._files.newest_paths(number)), self._keys)
        return Aligned(self._features.through(model.pipeline), paths, self._task.workers)

    def _realign(self, iteration: Iteration, model: Model) -> None:
        """Best paths of all utterances that are long enough; who finds none sits out until the next alignment."""
        features, numbers = self._features.through(model.pipeline), range(len(self._keys))
        begin = partial(_realigning, self._aligner, model, iteration.beam, self._graphs, features)
        with write_spool(self._files.paths(iteration.number + 1)) as write:
            for path in self._task.workers.share_out(begin, numbers, "utterances"):
                write(path)

    def _left(self, paths: Paths, beam: float) -> Unaligned:
        """Who has no path."""
        without = [number for number, key in enumerate(self._keys) if key not in paths]
        short, lost = (
            [self._keys[number] for number in without if bool(self._graphs.sizes[number]) is compiled]
            for compiled in (False, True)
        )
        return Unaligned(len(self._keys), beam, short, lost)

    def _judge(self, left: Unaligned, iteration: int) -> None:
        """Warn, once, of many that have no path.

        Raises:
            InputError: nobody has one.
        """
        if len(left) == left.total:
            raise InputError(str(left), file=self._task.data, do=left.advice)
        if not self._warned and len(left.lost) > MANY * left.total:
            warn(f"iteration {iteration}: {left}; {left.advice}")
            self._warned = True


def _realigning(
    aligner: UtteranceAligner, model: Model, beam: float, graphs: Spool, features: Features
) -> Callable[[int], bytes]:
    """A function from the number of an utterance to its best path, as it lies in a spool."""
    score, keys = aligner.scorer(model.transitions, model.mixtures, beam), list(features)

    def path_of(number: int) -> bytes:
        if not graphs.sizes[number]:
            return b""
        graph, key = SearchGraph.from_bytes(graphs[number], model.transitions), keys[number]
        return path_bytes(score(graph, features[key], key))

    return path_of


def _accumulate(model: Model, aligned: Aligned) -> Accumulators:
    """Statistics of all aligned utterances."""
    return aligned.sum(partial(_accumulating, model))


def _accumulating(model: Model) -> Summing[Accumulators]:
    transitions, mixtures = model.transitions, model.mixtures
    return (
        lambda: Accumulators.for_model(transitions, mixtures),
        lambda stats, key, x, ids: stats.add_alignment(transitions, mixtures, x, ids, key),
    )


def _reestimate(model: Model, stats: Accumulators, iteration: Iteration, split: SplitOptions) -> Model:
    """The next model; the transitions change in place."""
    occupancy = np.array([part.sum() for part in stats.occupancy])
    model.transitions.update(stats.transitions, TransitionOptions())
    mixtures = update(model.mixtures, stats, iteration.update)
    return replace(model, mixtures=mix_up(mixtures, occupancy, iteration.num_gaussians, split))
