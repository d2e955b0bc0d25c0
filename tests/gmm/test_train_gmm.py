"""The frame of training: what it makes, whatever the number of processes and wherever it is killed."""

import dataclasses
import itertools

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.base.workers import Forked
from houseblend.feat.options import Normalisation
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.gmm import aligned, train_gmm
from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.align import UtteranceAligner, read_transcripts
from houseblend.gmm.estimate import mix_up, update
from houseblend.gmm.flat_start import flat_model, moments
from houseblend.gmm.model import write_model
from houseblend.gmm.options import AlignOptions, MonoOptions, SplitOptions, UpdateOptions
from houseblend.gmm.train_gmm import Task
from houseblend.gmm.train_mono import train_mono
from houseblend.gmm.working_files import WorkingFiles
from houseblend.hmm.options import TransitionOptions
from houseblend.hmm.topology import HmmTopology
from houseblend.io.tables import read_table
from houseblend.lang.phone_files import read_phone_sets

SHORT = MonoOptions(num_iters=4, max_iter_inc=3, totgauss=80)


class Blocks(list):
    """Statistics that tell the blocks they are the sum of."""

    def merge(self, other):
        self.append(list(other))


class Killed(BaseException):
    """What ends a training from outside."""


def content(folder):
    """All files and their bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed_at(monkeypatch, kind, name, when):
    """The call number `when` of a method, and all behind it, kill who calls."""
    method, calls = getattr(kind, name), itertools.count()

    def dying(*values, **named):
        if next(calls) >= when:
            raise Killed
        return method(*values, **named)

    monkeypatch.setattr(kind, name, dying)


@pytest.fixture
def task(digits, tmp_path):
    """Training on the digits of one process, to be changed by `dataclasses.replace`."""
    data, lang = digits
    return Task(data, lang, made(tmp_path, "whole"), AlignOptions(), Forked(1))


def made(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def mono(task, out, jobs=1):
    train_mono(dataclasses.replace(task, out=out, workers=Forked(jobs)), SHORT, Normalisation())


def test_monophones_are_those_of_the_schedule_written_out(task, tmp_path):
    mono(task, task.out)
    feats = list(FeaturePipeline("mean", (Deltas(),)).read(task.data))
    sets = read_phone_sets(task.lang / "phones/sets.int")
    tree, transitions, mixtures = flat_model(
        HmmTopology.load(task.lang / "topo"), sets, *moments([x for _, x in feats[:10]])
    )
    aligner, words = UtteranceAligner(transitions, tree, task.lang, [1], 1.0), read_transcripts(task.data, task.lang)
    graphs = {key: aligner.compile(words[key], key) for key, _ in feats}
    paths = {key: aligner.equal(graphs[key], len(x), key) for key, x in feats}
    for iteration in range(4):
        if iteration:
            score = aligner.scorer(transitions, mixtures, 6.0 if iteration == 1 else 10.0)
            paths = {key: score(graphs[key], x, key) for key, x in feats}
        total, found = (
            Accumulators.for_model(transitions, mixtures),
            [one for one in feats if paths[one[0]] is not None],
        )
        for start in range(0, len(found), 32):
            stats = Accumulators.for_model(transitions, mixtures)
            for key, x in found[start : start + 32]:
                stats.add_alignment(transitions, mixtures, x, paths[key])
            total.merge(stats)
        transitions.update(total.transitions, TransitionOptions())
        wanted = 62 + 6 * min(max(iteration - 1, 0), 3)
        options = UpdateOptions(min_gaussian_occupancy=10.0 if iteration else 3.0)
        occupancy = np.array([part.sum() for part in total.occupancy])
        mixtures = mix_up(update(mixtures, total, options), occupancy, wanted, SplitOptions(power=0.25))
    write_model(tmp_path / "wanted.mdl", transitions, mixtures)
    assert (task.out / "final.mdl").read_bytes() == (tmp_path / "wanted.mdl").read_bytes()
    written = dict(read_table(f"ark:{task.out}/ali.1.gz", "int-vector"))
    assert {key: ids.tolist() for key, ids in written.items()} == {key: ids.tolist() for key, ids in paths.items()}


def test_killed_anywhere_it_goes_on_to_the_same_bits_with_any_processes(task, tmp_path, monkeypatch):
    mono(task, task.out)
    for kind, name, when in (
        (train_gmm, "read_transcripts", 0), (WorkingFiles, "save", 0), (WorkingFiles, "save", 2),
        (train_gmm, "write_alignments", 0), (WorkingFiles, "clear", 0),
    ):  # fmt: skip
        out = made(tmp_path, f"{name}{when}")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            killed_at(patch, kind, name, when)
            mono(task, out)
        with monkeypatch.context() as patch:
            if when or name != "save":
                killed_at(patch, train_gmm, "_begin", 1 if name == "read_transcripts" else 0)
            mono(task, out, jobs=2)
        assert content(out) == content(task.out), name


def test_blocks_are_few_and_the_same_for_any_processes(monkeypatch):
    monkeypatch.setattr(aligned, "MOST_BLOCKS", 4)
    seen = []
    paths = type("P", (), {"found": [f"u{n:03}" for n in range(200)], "__getitem__": lambda self, key: key})()
    features = {key: key for key in paths.found}
    for jobs in (1, 2):
        seen.append(
            aligned.Aligned(features, paths, Forked(jobs)).sum(
                lambda: (Blocks, lambda stats, key, x, ids: stats.append(key))
            )
        )
    assert seen[0] == seen[1]
    assert [len(block) for block in seen[0]] == [50, 50, 50, 50]
    assert [key for block in seen[0] for key in block] == paths.found


def test_nobody_with_a_path_is_an_error(task):
    text = (task.data / "text").read_text()
    (task.data / "text").write_text(text.replace("\n", 50 * " zero" + "\n"))
    with pytest.raises(InputError, match="80 of 80 utterances are not aligned: 80 have too few frames"):
        mono(task, task.out)
