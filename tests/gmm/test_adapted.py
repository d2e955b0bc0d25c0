"""Aligning and decoding with a speaker-adapted model: command by command as Kaldi's align_fmllr.sh and decode_fmllr.sh."""

import shutil

import numpy as np
import pytest
from golden_gmm import GMM, HMM

from houseblend.base.errors import InputError
from houseblend.base.workers import Forked
from houseblend.cli import (
    add_deltas,
    ali_to_post,
    apply_cmvn,
    compile_train_graphs,
    compose_transforms,
    gmm_align_compiled,
    gmm_est_fmllr,
    gmm_est_fmllr_gpost,
    gmm_latgen_faster,
    gmm_post_to_gpost,
    gmm_rescore_lattice,
    lattice_determinize_pruned,
    lattice_to_post,
    transform_feats,
    weight_silence_post,
)
from houseblend.decode.acoustic import model_features
from houseblend.decode.decode_directory import decode_directory
from houseblend.decode.lattice import read_lattice_table
from houseblend.decode.lattice_dir import read_lattices
from houseblend.decode.options import DecodeOptions
from houseblend.decode.paths import best_path
from houseblend.feat.description import copy_model_features, find_speakers, write_model_features
from houseblend.feat.pipeline import Deltas, FeaturePipeline, Features
from houseblend.frames.make import make_frames
from houseblend.frames.options import StoreFeatures, StoreOptions
from houseblend.frames.store import FrameStore
from houseblend.gmm.align_directory import align_directory
from houseblend.gmm.edits import transform_means
from houseblend.gmm.model import read_model, write_model
from houseblend.gmm.options import AlignOptions
from houseblend.io.directories import validate_ali, validate_decode
from houseblend.io.tables import read_table

SPEAKERS = ["george", "jackson", "lucas", "theo"]


@pytest.fixture
def places(digits, tmp_path):
    """Data, lang, and a model of two: final.mdl, and one that differs a little as final.alimdl."""
    data, lang = digits
    model = tmp_path / "model"
    model.mkdir()
    transitions, mixtures = read_model(GMM / "mono" / "final.mdl")
    write_model(model / "final.mdl", transitions, mixtures)
    turned = np.eye(39) + 0.01 * np.random.default_rng().normal(size=(39, 39))
    write_model(model / "final.alimdl", transitions, transform_means(mixtures, turned))
    shutil.copy(HMM / "mono" / "tree", model)
    shutil.copy(lang / "phones.txt", model)
    write_model_features(model, data, FeaturePipeline("mean", (Deltas(),)))
    return data, lang, model


@pytest.fixture
def run(places, tmp_path):
    """`run(program, "ark:{s}/feats", "{model}/final.mdl", ...)`; {s} is the script's folder."""
    data, lang, model = places
    (tmp_path / "script").mkdir()
    names = {"data": data, "lang": lang, "model": model, "s": tmp_path / "script", "hmm": HMM}

    def run(program, *words: str) -> None:
        assert program.main.main([word.format(**names) for word in words]) == 0

    run(apply_cmvn, "--utt2spk=ark:{data}/utt2spk", "scp:{data}/cmvn.scp", "scp:{data}/feats.scp", "ark:{s}/cmvn")
    run(add_deltas, "ark:{s}/cmvn", "ark:{s}/plain")
    return run


OWNERS, SPOKEN = "--utt2spk=ark:{data}/utt2spk", "--spk2utt=ark:{data}/spk2utt"


def assert_same_transforms(folder, wanted):
    """trans.1 is what a script made."""
    found = find_speakers(folder)
    assert found is not None
    assert list(found.matrices) == SPEAKERS
    for speaker, matrix in read_table(f"ark:{wanted}", "matrix"):
        np.testing.assert_allclose(found.matrices[speaker], matrix, rtol=1e-3, atol=1e-3)
        assert np.abs(matrix - np.eye(39, 40)).max() > 0.1


def best(lattice):
    """The best path by the scales of the search."""
    path = best_path(lattice, 1.0, 0.1)
    assert path is not None
    return path


def test_aligning_is_kaldis_script(places, run, tmp_path):
    data, lang, model = places
    (tmp_path / "ali").mkdir()
    align_directory(data, lang, model, tmp_path / "ali", AlignOptions(), 0, Forked(2))
    validate_ali(tmp_path / "ali")

    numbers = {word: number for word, number in map(str.split, (lang / "words.txt").read_text().splitlines())}
    lines = map(str.split, (data / "text").read_text().splitlines())
    (tmp_path / "script" / "text").write_text("".join(f"{key} {numbers[word]}\n" for key, word in lines))
    words = ("{model}/tree", "{model}/final.mdl", "{lang}/L.fst", "ark:{s}/text", "ark:{s}/fsts")
    run(compile_train_graphs, "--read-disambig-syms={lang}/phones/disambig.int", *words)
    scales = ("--transition-scale=1.0", "--acoustic-scale=0.1", "--self-loop-scale=0.1", "--beam=10", "--retry-beam=40")
    run(gmm_align_compiled, *scales, "{model}/final.alimdl", "ark:{s}/fsts", "ark:{s}/plain", "ark:{s}/first")
    run(ali_to_post, "ark:{s}/first", "ark:{s}/all.post")
    run(weight_silence_post, "0.0", "1", "{model}/final.alimdl", "ark:{s}/all.post", "ark:{s}/post")
    run(gmm_post_to_gpost, "{model}/final.alimdl", "ark:{s}/plain", "ark:{s}/post", "ark:{s}/gpost")
    run(gmm_est_fmllr_gpost, SPOKEN, "{model}/final.mdl", "ark:{s}/plain", "ark:{s}/gpost", "ark:{s}/trans")
    run(transform_feats, OWNERS, "ark:{s}/trans", "ark:{s}/plain", "ark:{s}/feats")
    run(gmm_align_compiled, *scales, "{model}/final.mdl", "ark:{s}/fsts", "ark:{s}/feats", "ark:{s}/ali")

    assert_same_transforms(tmp_path / "ali", tmp_path / "script" / "trans")
    mine, its = (
        {key: ids.tolist() for key, ids in read_table(f"ark:{place}", "int-vector")}
        for place in (tmp_path / "ali" / "ali.1.gz", tmp_path / "script" / "ali")
    )
    assert mine == its
    assert (tmp_path / "ali" / "final.alimdl").read_bytes() == (model / "final.alimdl").read_bytes()
    assert not (tmp_path / "ali" / "first.paths").exists()


def test_decoding_is_kaldis_script(places, run, tmp_path):
    data, lang, model = places
    graph, out = tmp_path / "graph", tmp_path / "decode"
    out.mkdir()
    shutil.copytree(lang / "phones", graph / "phones")
    shutil.copy(HMM / "mono" / "HCLG.fst", graph)
    (graph / "num_pdfs").write_text("62\n")
    decode_directory(data, graph, model, None, out, DecodeOptions(), 0, Forked(2))
    validate_decode(out)

    search = ("--acoustic-scale=0.1", "--allow-partial=true")
    narrow = (*search, "--beam=10", "--max-active=2000", "--lattice-beam=4")
    run(gmm_latgen_faster, *narrow, "{model}/final.alimdl", "{hmm}/mono/HCLG.fst", "ark:{s}/plain", "ark:{s}/lat")
    run(lattice_to_post, "--acoustic-scale=0.1", "ark:{s}/lat", "ark:{s}/all.post")
    run(weight_silence_post, "0.01", "1", "{model}/final.alimdl", "ark:{s}/all.post", "ark:{s}/post")
    run(gmm_post_to_gpost, "{model}/final.alimdl", "ark:{s}/plain", "ark:{s}/post", "ark:{s}/gpost")
    run(gmm_est_fmllr_gpost, SPOKEN, "{model}/final.mdl", "ark:{s}/plain", "ark:{s}/gpost", "ark:{s}/first")
    run(transform_feats, OWNERS, "ark:{s}/first", "ark:{s}/plain", "ark:{s}/feats")
    main = (*search, "--beam=13", "--max-active=7000", "--lattice-beam=8", "--determinize-lattice=false")
    run(gmm_latgen_faster, *main, "{model}/final.mdl", "{hmm}/mono/HCLG.fst", "ark:{s}/feats", "ark:{s}/states")
    run(lattice_determinize_pruned, "--acoustic-scale=0.1", "--beam=4", "ark:{s}/states", "ark:{s}/lat")
    run(lattice_to_post, "--acoustic-scale=0.1", "ark:{s}/lat", "ark:{s}/all.post")
    run(weight_silence_post, "0.01", "1", "{model}/final.mdl", "ark:{s}/all.post", "ark:{s}/post")
    run(gmm_est_fmllr, SPOKEN, "{model}/final.mdl", "ark:{s}/feats", "ark:{s}/post", "ark:{s}/more")
    run(compose_transforms, "--b-is-affine=true", "ark:{s}/more", "ark:{s}/first", "ark:{s}/trans")
    run(transform_feats, OWNERS, "ark:{s}/trans", "ark:{s}/plain", "ark:{s}/feats")
    run(gmm_rescore_lattice, "{model}/final.mdl", "ark:{s}/states", "ark:{s}/feats", "ark:{s}/scored")
    run(lattice_determinize_pruned, "--acoustic-scale=0.1", "--beam=8", "ark:{s}/scored", "ark:{s}/lat")

    assert_same_transforms(out, tmp_path / "script" / "trans")
    mine, its = dict(read_lattices(out)), dict(read_lattice_table(f"ark:{tmp_path}/script/lat"))
    assert mine.keys() == its.keys()
    for key, lattice in mine.items():
        found, wanted = best(lattice), best(its[key])
        assert found.words == wanted.words
        assert found.acoustic == pytest.approx(wanted.acoustic, rel=1e-3)

    again = tmp_path / "again"  # with these transforms at hand one search is enough
    again.mkdir()
    decode_directory(data, graph, model, out, again, DecodeOptions(), 0, Forked(1))
    for key, lattice in read_lattices(again):
        assert best(lattice).words == best(mine[key]).words
    assert not (again / "trans.1").exists()


def test_networks_see_what_the_adapted_model_sees(places, tmp_path):
    data, lang, model = places
    ali, store = tmp_path / "ali", tmp_path / "frames"
    ali.mkdir()
    store.mkdir()
    align_directory(data, lang, model, ali, AlignOptions(), 0, Forked(1))
    make_frames(data, ali, store, StoreFeatures(model_features=True), StoreOptions(), 0)
    frames = FrameStore(store)
    speakers = find_speakers(ali)
    wanted = Features(data, FeaturePipeline("mean", (Deltas(), speakers)))
    stored = np.sort(np.concatenate([np.fromfile(path, "<f4") for path in sorted(store.glob("feats.*.f32"))]))
    np.testing.assert_array_equal(stored, np.sort(np.concatenate([wanted[key].ravel() for key in wanted])))
    assert frames.dim == 39

    network = tmp_path / "network"
    network.mkdir()
    copy_model_features(store, network)
    shutil.copy(HMM.parent / "nnet" / "A_prior.mdl", network / "final.mdl")
    with pytest.raises(InputError, match=r"network: a model of features adapted to speakers; name by --transforms"):
        model_features(network, data)
    with pytest.raises(InputError, match=r"data: no transforms of speakers"):
        model_features(network, data, data)
    seen = model_features(network, data, ali)
    for key in wanted:
        np.testing.assert_array_equal(seen[key], wanted[key])

    for name in ("trans.1", "final.alimdl"):
        (ali / name).unlink()
    with pytest.raises(InputError, match=r"ali: the model sees features with deltas; expected final.mat or trans"):
        make_frames(data, ali, store, StoreFeatures(model_features=True), StoreOptions(), 0)
    with pytest.raises(InputError, match=r"ali: the model .* not adapted to speakers; leave --transforms out"):
        model_features(ali, data, tmp_path / "network")
