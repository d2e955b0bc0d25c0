"""Steps train_mono and align on eighty digits."""

import re
import shutil

import numpy as np
import pytest
from golden_gmm import GMM, HMM

from houseblend.base.errors import InputError
from houseblend.feat.pipeline import FeaturePipeline, write_model_features
from houseblend.gmm.align import read_transcripts
from houseblend.gmm.model import read_model
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
