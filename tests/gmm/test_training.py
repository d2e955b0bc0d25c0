"""Steps train_mono and align on eighty digits."""

import re
import shutil

import numpy as np
import pytest
from golden_gmm import GMM, HMM, sub_features

from houseblend.base.errors import InputError
from houseblend.feat.description import write_model_features
from houseblend.feat.pipeline import Deltas, FeaturePipeline
from houseblend.gmm.align import UtteranceAligner, read_transcripts
from houseblend.gmm.model import read_model
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.training_graph import TrainingGraphCompiler
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.tables import read_table, write_table

SCHEDULE = ("--jobs=1", "--num-iters=12", "--max-iter-inc=8", "--totgauss=100")
SHORT = ("--jobs=1", "--num-iters=3", "--max-iter-inc=2", "--totgauss=70")
FILES = {"final.mdl", "tree", "ali.1.gz", "num_jobs", "phones.txt", "feature.json", "cmvn_opts", "delta_opts"}


def aligned(directory):
    return dict(read_table(f"ark:{directory}/ali.1.gz", "int-vector"))


def test_training_and_aligning(run_step, tmp_path, digits):
    data, lang = digits
    done = run_step("train_mono", *SCHEDULE, data, lang, tmp_path / "mono", check=True)
    assert {path.name for path in (tmp_path / "mono").iterdir()} >= FILES
    likelihoods = [float(word) for word in re.findall(r"likelihood per frame (\S+),", done.stderr)]
    assert len(likelihoods) == 12
    assert likelihoods[-1] > likelihoods[1] + 5 > likelihoods[0]
    transitions, mixtures = read_model(tmp_path / "mono" / "final.mdl")
    assert 80 < mixtures.num_gaussians <= 100

    run_step("align", data, lang, tmp_path / "mono", tmp_path / "ali", check=True)
    assert (tmp_path / "ali" / "final.mdl").read_bytes() == (tmp_path / "mono" / "final.mdl").read_bytes()
    mine, kaldis = aligned(tmp_path / "ali"), dict(read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"))
    assert mine.keys() == kaldis.keys()
    phones = [transitions.id_to_phone[np.concatenate([ids[key] for key in kaldis])] for ids in (mine, kaldis)]
    assert (phones[0] == phones[1]).mean() > 0.6  # another model, trained on these digits only


@pytest.fixture
def model(tmp_path, digits):
    """The directory of Kaldi's model."""
    data, lang = digits
    model = tmp_path / "model"
    model.mkdir()
    shutil.copy(GMM / "mono" / "final.mdl", model)
    shutil.copy(HMM / "mono" / "tree", model)
    shutil.copy(lang / "phones.txt", model)
    write_model_features(model, data, FeaturePipeline("mean", (Deltas(),)))
    return model


def test_alignments_with_kaldis_model_are_kaldis(run_step, tmp_path, digits, model):
    data, lang = digits
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
    (lang / "oov.int").write_text("99\n")
    with pytest.raises(InputError, match=r"oov\.int: \[99\] not a word"):
        read_transcripts(data, lang)


@pytest.mark.parametrize("symbol", ["<eps>", "#0", "<s>", "</s>"])
def test_a_symbol_in_a_transcript_is_named_with_its_line(symbol, digits, run_step, tmp_path):
    data, lang = digits
    rows = (data / "text").read_text().splitlines()
    rows[2] += f" {symbol} zero"
    (data / "text").write_text("".join(f"{row}\n" for row in rows))
    key = rows[2].split()[0]
    with pytest.raises(InputError, match=rf"text:3: \[{key}\] {symbol} is a symbol .* no word"):
        read_transcripts(data, lang)
    done = run_step("train_mono", *SCHEDULE, data, lang, tmp_path / "mono")
    assert done.status == 1
    assert f"{data}/text:3: [{key}] bad line" in done.stderr


def test_words_without_pronunciation_are_named(tmp_path):
    compiler = TrainingGraphCompiler.from_files(
        TransitionModel.load(HMM / "mono" / "transitions.mdl"), ContextDependency.load(HMM / "mono" / "tree"),
        GMM.parent / "lang", GraphOptions(),
    )  # fmt: skip
    with pytest.raises(
        InputError, match=r"\[u1\] no pronunciation of words \[0, 99\] \(0 is <eps>\); expected numbers of"
    ):
        compiler.compile([2, 0, 99], "u1")


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


def test_pdfs_of_the_transcript_alone_give_the_same_paths(digits, monkeypatch):
    data, lang = digits
    monkeypatch.setattr("houseblend.gmm.align.FEW_GAUSSIANS", 0)
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    aligner = UtteranceAligner(transitions, ContextDependency.load(HMM / "mono" / "tree"), lang, [1], 1.0)
    transcripts, score = read_transcripts(data, lang), aligner.scorer(transitions, mixtures, 20.0)
    monkeypatch.setattr(type(mixtures), "log_likelihoods", None)
    wanted = dict(read_table(f"ark:{GMM}/sub_ali.ark", "int-vector"))
    for key, feats in sub_features():
        assert score(aligner.compile(transcripts[key], key), feats, key).tolist() == wanted[key].tolist()


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
    done = run_step("train_mono", *SHORT, data, lang, tmp_path / "mono", check=True)
    assert "[george-0-10] is left out" in done.stderr
    assert set(aligned(tmp_path / "mono")) == {line.split()[0] for line in text.splitlines()} - {"george-0-10"}


def join_with_silences(data, words=4):
    """Every digit with some of the next, and between them digital zeros: frames that are all alike."""
    texts = [line.split() for line in (data / "text").read_text().splitlines()]
    feats = dict(read_table(f"scp:{data}/feats.scp", "matrix"))
    noise = np.random.default_rng(3)
    silence = np.min([x.min(axis=0) for x in feats.values()], axis=0)[None]
    with write_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp", "matrix") as write, open(data / "text", "w") as text:
        for index, (key, _) in enumerate(texts):
            chosen = [texts[(index + step) % len(texts)] for step in range(words)]
            parts = [
                part for other, _ in chosen for part in (silence.repeat(noise.integers(20, 200), axis=0), feats[other])
            ]
            write(key, np.concatenate(parts).astype(np.float32))
            text.write(" ".join([key, *(word for _, word in chosen)]) + "\n")


NARROW = ("--jobs=1", "--num-iters=4", "--max-iter-inc=4", "--totgauss=80", "--beam=3")


def lines_of(level, done):
    return [line for line in done.stderr.splitlines() if line.startswith(level)]


def test_what_finds_no_path_is_counted_once_an_iteration_and_refused_above_a_share(run_step, tmp_path, digits):
    data, lang = digits
    join_with_silences(data)
    done = run_step("train_mono", *NARROW, data, lang, tmp_path / "mono")
    without = [int(count) for count in re.findall(r"(\d+) of 80 without a path", done.stderr)]
    assert len(without) == 4
    assert without[:2] == [0, 0]
    assert 40 < without[2] < 80
    assert 40 < without[3] < 80
    (warning,) = lines_of("WARNING", done)
    assert f"iteration 2: {without[2]} of 80 utterances are not aligned: {without[2]} have no path" in warning
    assert "within beam 3, nor 12 (george-0-10, " in warning
    assert f", {without[2] - 10} more); try --beam=12, " in warning
    assert "--dither=1" in warning
    assert done.status == 1
    assert not (tmp_path / "mono" / "final.mdl").exists()
    (error,) = lines_of("ERROR", done)
    assert f"{without[3]} of 80 utterances are not aligned" in error
    assert "at most 40" in error
    assert "allow more with --max-unaligned" in error

    done = run_step("train_mono", *NARROW, "--max-unaligned=0.99", data, lang, tmp_path / "mono", check=True)
    assert len(lines_of("WARNING", done)) == 2
    assert f"{80 - without[3]} of 80 utterances are aligned" in done.stderr
    assert len(aligned(tmp_path / "mono")) == 80 - without[3]
    assert run_step("train_mono", "--max-unaligned=1.5", data, lang, tmp_path / "other").status == 2

    words = ("--jobs=1", "--beam=3", data, lang, tmp_path / "mono", tmp_path / "ali")
    done = run_step("align", "--max-skipped=79", *words, check=True)
    lost = 80 - len(aligned(tmp_path / "ali"))
    assert 10 < lost < 80
    (warning,) = lines_of("WARNING", done)
    assert f"{lost} of 80 utterances are not aligned: {lost} have no path through their transcripts" in warning
    assert "within beam 3, nor 12 (george-" in warning
    assert "try --beam=12" in warning
    done = run_step("align", "--max-skipped=9", *words)
    assert (done.status, lines_of("WARNING", done)) == (1, [])
    assert f"allow that with --max-skipped={lost}" in done.stderr


def test_align_says_in_one_sentence_who_is_not_aligned_and_why(run_step, tmp_path, digits, model):
    data, lang = digits
    text = (data / "text").read_text()
    (data / "text").write_text(text.replace("george-0-10 zero", "george-0-10" + 20 * " zero"))
    done = run_step("align", "--jobs=1", data, lang, model, tmp_path / "ali")
    assert done.status == 1
    assert not lines_of("WARNING", done)
    (error,) = lines_of("ERROR", done)
    assert "1 of 80 utterances are not aligned: 1 have too few frames for their transcripts (george-0-10); " in error
    assert "beam" not in error
    assert "--max-skipped=1" in error


def test_gmm_align_compiled_does_not_blame_the_beam_for_too_few_frames(run_program, tmp_path, digits):
    model, graphs, feats = GMM / "mono" / "final.mdl", f"ark:{tmp_path}/graphs", f"ark:{tmp_path}/feats"
    (tmp_path / "text").write_text(f"long {' '.join(20 * ['2'])}\nother 3\n")
    _, digit = next(sub_features())
    with write_table(feats, "matrix") as write:
        write("long", digit)
        write("other", digit)
    words = (HMM / "mono" / "tree", model, digits[1] / "L.fst", f"ark:{tmp_path}/text", graphs)
    run_program("compile-train-graphs", *words, check=True)
    done = run_program("gmm-align-compiled", "--beam=8", model, graphs, feats, "ark:/dev/null")
    assert "[long]: too few frames for the transcript" in done.stderr
    assert "done 1 utterances, skipped 1" in done.stderr
