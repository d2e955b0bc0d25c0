"""Kaldi's own directories, as its scripts leave them: aligned, trained on and decoded without a file of ours."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from houseblend.feat.description import write_feature_record
from houseblend.io.tables import read_table, write_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GMM, HMM, LANG = GOLDEN / "gmm", GOLDEN / "hmm", GOLDEN / "lang"
ALIGNMENTS = {"mono": GMM / "sub_ali.ark", "tri1": GMM / "sub_ali_tri.ark"}
PDFS = {"mono": 62, "tri1": 104}


@pytest.fixture
def kaldi(tmp_path: Path) -> Path:
    """A folder with data, lang, and of mono and tri1 the model, its alignments (NAME_ali) and its graph (NAME_graph)."""
    data = tmp_path / "data"
    data.mkdir()
    for source, name in (("sub", "feats"), ("sub_cmvn", "cmvn")):
        with write_table(f"ark,scp:{tmp_path}/raw_{name}.1.ark,{data}/{name}.scp", "matrix") as write:
            for key, values in read_table(f"ark:{GMM}/{source}.ark", "matrix"):
                write(key, values)
    for name in ("utt2spk", "spk2utt"):
        shutil.copy(GMM / f"sub_{name}", data / name)
    words = {number: word for word, number in map(str.split, (LANG / "words.txt").read_text().splitlines())}
    said = [line.split() for line in (GMM / "sub_text.int").read_text().splitlines()]
    (data / "text").write_text("".join(f"{key} {words[word]}\n" for key, word in said))
    shutil.copytree(LANG, tmp_path / "lang")
    for name, alignments in ALIGNMENTS.items():
        _write_model(tmp_path / name, name)
        shutil.copytree(tmp_path / name, tmp_path / f"{name}_ali")
        with gzip.open(tmp_path / f"{name}_ali" / "ali.1.gz", "wb") as file:
            file.write(alignments.read_bytes())
        (tmp_path / f"{name}_ali" / "num_jobs").write_text("1\n")
        _write_graph(tmp_path / f"{name}_graph", name)
    return tmp_path


def _write_model(folder: Path, name: str) -> None:
    folder.mkdir()
    shutil.copy(GMM / name / "final.mdl", folder)
    shutil.copy(HMM / name / "tree", folder)
    shutil.copy(LANG / "phones.txt", folder)
    (folder / "cmvn_opts").write_text("\n")


def _write_graph(folder: Path, name: str) -> None:
    folder.mkdir()
    for file in (HMM / name / "HCLG.fst", LANG / "words.txt", LANG / "phones.txt"):
        shutil.copy(file, folder)
    (folder / "num_pdfs").write_text(f"{PDFS[name]}\n")


@pytest.mark.parametrize("name", sorted(ALIGNMENTS))
def test_alignments_are_kaldis(name, kaldi, run_step):
    run_step("align", "--beam=20", "data", "lang", name, "ali", cwd=kaldi, check=True)
    mine = dict(read_table(f"ark:{kaldi}/ali/ali.1.gz", "int-vector"))
    wanted = dict(read_table(f"ark:{ALIGNMENTS[name]}", "int-vector"))
    assert {key: ids.tolist() for key, ids in mine.items()} == {key: ids.tolist() for key, ids in wanted.items()}
    assert (kaldi / "ali" / "cmvn_opts").read_text() == "\n"
    assert (kaldi / "ali" / "phones.txt").read_bytes() == (LANG / "phones.txt").read_bytes()


@pytest.mark.slow
def test_a_network_trained_on_kaldis_triphone_alignments_decodes(kaldi, run_step):
    def run(*command: object) -> str:
        return run_step(*command, cwd=kaldi, check=True).stderr

    run("make_frames", "--heldout-share=0.1", "data", "tri1_ali", "frames")
    run(
        "train_dnn", "--num-epochs=6", "--final-workers=2", "--frames-per-round=3000", "--hidden-layers=2",
        "--add-layers-period=0", "--hidden-dim=64", "--context=4", "frames", "dnn",
    )  # fmt: skip
    for model, most in (("tri1", 2.5), ("dnn", 10)):  # 0 and 5 % were found
        run("decode", "data", "tri1_graph", model, f"{model}/decode")
        run("score", "data", "tri1_graph", f"{model}/decode", f"{model}/score")
        assert json.loads((kaldi / model / "score" / "score.json").read_text())["wer"] <= most, model
    record = json.loads((kaldi / "dnn" / "feature.json").read_text())
    assert record["kind"] == "external"
    assert (kaldi / "dnn" / "cmvn_opts").read_text() == "--norm-means=true --norm-vars=false\n"
    assert not list((kaldi / "dnn").glob("delta_*"))
    assert "up to date" in run("decode", "data", "tri1_graph", "tri1", "tri1/decode")

    write_feature_record(kaldi / "data", "mfcc", {})
    refused = run_step("decode", "data", "tri1_graph", "dnn", "again", cwd=kaldi)
    assert (refused.status, "mfcc against external" in refused.stderr) == (1, True)


def test_a_graph_of_another_tree_is_refused_by_its_number_of_pdfs(kaldi, run_step):
    refused = run_step("decode", "data", "mono_graph", "tri1", "out", cwd=kaldi)
    assert (refused.status, "the graph was made for another tree" in refused.stderr) == (1, True)


def test_features_that_change_outside_of_the_data_directory_are_noticed(kaldi, run_step):
    command = ("make_frames", "--heldout-share=0.1", "data", "mono_ali", "frames")
    run_step(*command, cwd=kaldi, check=True)
    first = json.loads((kaldi / "frames" / "index.json").read_text())["features"]
    (kaldi / "mono_ali" / "decode_test").mkdir()
    (kaldi / "mono_ali" / "decode_test" / "lat.1.gz").write_bytes(b"lattices")
    assert "up to date" in run_step(*command, cwd=kaldi, check=True).stderr
    archive = bytearray((kaldi / "raw_feats.1.ark").read_bytes())
    archive[-1] ^= 1
    (kaldi / "raw_feats.1.ark").write_bytes(archive)
    assert "../raw_feats.1.ark has changed" in run_step(*command, cwd=kaldi, check=True).stderr
    assert json.loads((kaldi / "frames" / "index.json").read_text())["features"] != first


def test_a_monophone_model_says_what_kaldis_scripts_ask_for(kaldi, run_step):
    schedule = ("--jobs=1", "--num-iters=2", "--max-iter-inc=1", "--totgauss=70", "--cmvn=mean-var")
    run_step("train_mono", *schedule, "data", "lang", "mine", cwd=kaldi, check=True)
    assert (kaldi / "mine" / "cmvn_opts").read_text() == "--norm-means=true --norm-vars=true\n"
    assert (kaldi / "mine" / "delta_opts").read_text() == "--delta-order=2 --delta-window=2\n"
    assert (kaldi / "mine" / "num_jobs").read_text() == "1\n"
