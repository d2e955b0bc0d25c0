"""Steps train_mono and align on eighty digits."""

import re
import shutil

import numpy as np
import pytest
from golden_gmm import GMM, HMM, sub_features

from houseblend.base.errors import InputError
from houseblend.feat.pipeline import FeaturePipeline, write_model_features
from houseblend.gmm.align import UtteranceAligner, read_transcripts
from houseblend.gmm.model import read_model
from houseblend.hmm.tree import ContextDependency
from houseblend.io.tables import read_table

SCHEDULE = ("--num-iters=12", "--max-iter-inc=8", "--totgauss=100")
FILES = ("final.mdl", "tree", "ali.1.gz", "num_jobs", "phones.txt", "feature.json")


def aligned(directory):
    return dict(read_table(f"ark:{directory}/ali.1.gz", "int-vector"))


def test_training_and_aligning(run_step, tmp_path, digits):
    data, lang = digits
    for jobs in (1, 2):
        done = run_step("train_mono", *SCHEDULE, f"--jobs={jobs}", data, lang, tmp_path / f"mono{jobs}", check=True)
    for name in FILES:
        assert (tmp_path / "mono1" / name).read_bytes() == (tmp_path / "mono2" / name).read_bytes(), name
    likelihoods = [float(word) for word in re.findall(r"likelihood per frame (\S+),", done.stderr)]
    assert len(likelihoods) == 12
    assert likelihoods[-1] > likelihoods[1] + 5 > likelihoods[0]
    transitions, mixtures = read_model(tmp_path / "mono1" / "final.mdl")
    assert 80 < mixtures.num_gaussians <= 100

    run_step("align", data, lang, tmp_path / "mono1", tmp_path / "ali", check=True)
    assert (tmp_path / "ali" / "final.mdl").read_bytes() == (tmp_path / "mono1" / "final.mdl").read_bytes()
    mine, kaldis = aligned(tmp_path / "ali"), dict(read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"))
    assert mine.keys() == kaldis.keys()
    phones = [transitions.id_to_phone[np.concatenate([ids[key] for key in kaldis])] for ids in (mine, kaldis)]
    assert (phones[0] == phones[1]).mean() > 0.6  # another model, trained on these digits only


def test_alignments_with_kaldis_model_are_kaldis(run_step, tmp_path, digits):
    data, lang = digits
    model = tmp_path / "model"
    model.mkdir()
    shutil.copy(GMM / "mono" / "final.mdl", model)
    shutil.copy(HMM / "mono" / "tree", model)
    shutil.copy(lang / "phones.txt", model)
    write_model_features(model, data, FeaturePipeline("mean", 2))
    run_step("align", "--beam=20", data, lang, model, tmp_path / "ali", check=True)
    mine = aligned(tmp_path / "ali")
    for key, expected in read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"):
        assert mine[key].tolist() == expected.tolist()


def test_words_outside_the_lexicon_become_the_oov_word(digits):
    data, lang = digits
    text = (data / "text").read_text().replace(" zero\n", " zeppelin\n")
    (data / "text").write_text(text)
    transcripts = read_transcripts(data, lang)
    assert {tuple(words) for key, words in transcripts.items() if "-0-" in key} == {(1,)}
    (lang / "oov.txt").write_text("<unk>\n")
    with pytest.raises(InputError, match=r"<unk>.*oov\.txt|oov\.txt.*<unk>"):
        read_transcripts(data, lang)


def test_transcripts_of_another_language_are_refused(run_step, tmp_path, digits):
    data, lang = digits
    keys = [line.split()[0] for line in (data / "text").read_text().splitlines()]
    (data / "text").write_text("".join(f"{key} zeppelin\n" for key in keys))
    done = run_step("train_mono", *SCHEDULE, data, lang, tmp_path / "mono")
    assert done.status == 1
    assert "no word of the transcripts is in the lexicon" in done.stderr
    assert not (tmp_path / "mono" / "final.mdl").exists()


@pytest.mark.parametrize("options", [("--max-iter-inc=0",), ("--num-iters=0",), ("--boost-silence=0",)])
def test_schedules_that_cannot_be_are_refused(options, run_step, tmp_path, digits):
    done = run_step("train_mono", *options, *digits, tmp_path / "mono")
    assert (done.status, options[0].partition("=")[0] in done.stderr) == (2, True), done.stderr


def test_silence_can_be_boosted(digits):
    data, lang = digits
    silent = []
    for factor in (1.0, 1e6):
        transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
        aligner = UtteranceAligner(transitions, ContextDependency.load(HMM / "mono" / "tree"), lang, [1], factor)
        transcripts = read_transcripts(data, lang)
        score = aligner.scorer(transitions, mixtures, 20.0)
        paths = [score(aligner.compile(transcripts[key], key), feats, key) for key, feats in sub_features()]
        silent.append(sum((transitions.id_to_phone[path] == 1).sum() for path in paths if path is not None))
    assert silent[1] > silent[0]


def test_what_is_said_again_is_compiled_once(digits, monkeypatch):
    _, lang = digits
    transitions, _ = read_model(GMM / "mono" / "final.mdl")
    aligner = UtteranceAligner(transitions, ContextDependency.load(HMM / "mono" / "tree"), lang, [1], 1.0)
    monkeypatch.setattr("houseblend.gmm.align.GRAPHS_KEPT", 1)
    first = aligner.compile([2, 3], "first")
    assert aligner.compile([2, 3], "copy") is first
    other = aligner.compile([3, 2], "other")
    assert other is not first
    assert aligner.compile([3, 2], "no more is kept") is not other


def test_utterances_that_are_too_short_are_left_out_by_name(run_step, tmp_path, digits):
    data, lang = digits
    text = (data / "text").read_text()
    (data / "text").write_text(text.replace("george-0-10 zero", "george-0-10" + 20 * " zero"))
    done = run_step("train_mono", *SCHEDULE, data, lang, tmp_path / "mono", check=True)
    assert "[george-0-10] is left out" in done.stderr
    assert set(aligned(tmp_path / "mono")) == {line.split()[0] for line in text.splitlines()} - {"george-0-10"}
