"""Copies of a data directory at another speed: every file, and the features of it where sox is installed."""

import shutil

import numpy as np
import pytest

from houseblend.base.errors import InputError, UsageError
from houseblend.frames.make import _originals
from houseblend.io.audio import encode_wav
from houseblend.io.data_dir import validate_data_dir
from houseblend.io.data_speed import perturb_speed
from houseblend.io.data_subsets import combine_data_dirs
from houseblend.io.tables import read_table, write_table

RATE = 8000
SOX = shutil.which("sox") is not None
needs_sox = pytest.mark.skipif(not SOX, reason="sox is not installed")


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Where only names are looked at, sox need not be there."""
    if not SOX:
        monkeypatch.setattr(shutil, "which", lambda name: name)


def write(folder, **files):
    """A data directory of files given as dictionaries; `_` in a name stands for a point."""
    folder.mkdir(parents=True)
    for name, entries in files.items():
        text = "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))
        (folder / name.replace("_scp", ".scp")).write_text(text)
    return folder


@pytest.fixture
def tones():
    """Tones of 440 Hz: 0.8 s of one channel, 1.5 s of another length."""
    return {
        key: 4000 * np.sin(2 * np.pi * 440 * np.arange(count) / RATE) for key, count in (("s-a", 6400), ("t-b", 12000))
    }


@pytest.fixture
def plain(tones, tmp_path):
    """A data directory without segments, in the ways of naming a recording."""
    folder = tmp_path / "in out"
    folder.mkdir()
    for key, samples in tones.items():
        (folder / f"{key}.wav").write_bytes(encode_wav(RATE, samples))
    with write_table(f"ark:{tmp_path}/w.ark", "wav") as put:
        put("t-b", (RATE, tones["t-b"][:, None]))
    places = {"s-a": f"{folder}/s-a.wav", "s-c": f"cat '{folder}/s-a.wav'|", "t-b": f"{tmp_path}/w.ark:4"}
    return write(
        tmp_path / "raw", wav_scp=places, utt2spk={key: key[0] for key in places}, text=dict.fromkeys(places, "one two"),
        spk2utt={"s": "s-a s-c", "t": "t-b"}, spk2gender={"s": "f", "t": "m"}, utt2lang=dict.fromkeys(places, "en"),
    )  # fmt: skip


def rows(path):
    """Key and the rest of every line."""
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


def test_every_file_of_a_copy(plain, tmp_path):
    out = tmp_path / "slow"
    assert perturb_speed("0.9", plain, out) == 3
    effect = "-t wav - speed 0.9 |"
    assert rows(out / "wav.scp") == {
        "sp0.9-s-a": f"sox -D -t wav '{tmp_path}/in out/s-a.wav' {effect}",
        "sp0.9-s-c": f"cat '{tmp_path}/in out/s-a.wav' | sox -D -t wav - {effect}",
        "sp0.9-t-b": f"wav-copy {tmp_path}/w.ark:4 - | sox -D -t wav - {effect}",
    }
    assert rows(out / "utt2spk") == {"sp0.9-s-a": "sp0.9-s", "sp0.9-s-c": "sp0.9-s", "sp0.9-t-b": "sp0.9-t"}
    assert rows(out / "spk2utt") == {"sp0.9-s": "sp0.9-s-a sp0.9-s-c", "sp0.9-t": "sp0.9-t-b"}
    assert rows(out / "text") == dict.fromkeys(["sp0.9-s-a", "sp0.9-s-c", "sp0.9-t-b"], "one two")
    assert rows(out / "spk2gender") == {"sp0.9-s": "f", "sp0.9-t": "m"}
    assert rows(out / "utt2lang")["sp0.9-s-c"] == "en"
    assert rows(out / "utt2dur") == {"sp0.9-s-a": "0.888889", "sp0.9-s-c": "0.888889", "sp0.9-t-b": "1.66667"}
    for name in ("utt2uniq", "utt2orig"):
        assert rows(out / name) == {"sp0.9-s-a": "s-a", "sp0.9-s-c": "s-c", "sp0.9-t-b": "t-b"}
    validate_data_dir(out, ["text", "wav.scp"])


def test_files_that_know_their_form_are_left_to_sox(plain, tmp_path):
    (plain / "wav.scp").write_text("s-a /x/a.FLAC\ns-c /x/c.sph\nt-b /x/b\n")
    (plain / "utt2dur").write_text("s-a 1\ns-c 2\nt-b 3\n")
    perturb_speed("1.1", plain, tmp_path / "fast")
    assert list(rows(tmp_path / "fast/wav.scp").values()) == [
        f"sox -D {name} -t wav - speed 1.1 |" for name in ("/x/a.FLAC", "/x/c.sph", "-t wav /x/b")
    ]


def test_segments_are_scaled_and_too_short_ones_dropped(tmp_path):
    segments = {"s-1": "r 0.5 1.25", "s-2": "r 1.25 1.26", "s-3": "q 0 2"}
    raw = write(
        tmp_path / "raw", segments=segments, wav_scp={"r": "/x/r.wav", "q": "/x/q.wav"}, reco2dur={"r": 3, "q": 2},
        utt2spk=dict.fromkeys(segments, "s"), spk2utt={"s": "s-1 s-2 s-3"},
        reco2file_and_channel={"r": "r A", "q": "q B"}, utt2uniq={"s-1": "u-1", "s-2": "u-2", "s-3": "s-3"},
        utt2orig={"s-3": "o-3"}, feats_scp=dict.fromkeys(segments, "/dev/null"), utt2num_frames=dict.fromkeys(segments, 5),
    )  # fmt: skip
    out = tmp_path / "fast"
    write(out, feats_scp={"old": "/dev/null"})
    assert perturb_speed("1.25", raw, out) == 2
    assert rows(out / "segments") == {"sp1.25-s-1": "sp1.25-r 0.40 1.00", "sp1.25-s-3": "sp1.25-q 0.00 1.60"}
    assert rows(out / "utt2dur") == {"sp1.25-s-1": "0.6", "sp1.25-s-3": "1.6"}
    assert rows(out / "reco2dur") == {"sp1.25-q": "1.6", "sp1.25-r": "2.4"}
    assert rows(out / "reco2file_and_channel") == {"sp1.25-q": "q B", "sp1.25-r": "r A"}
    assert rows(out / "utt2uniq") == {"sp1.25-s-1": "u-1", "sp1.25-s-3": "s-3"}
    assert rows(out / "utt2orig") == {"sp1.25-s-1": "u-1", "sp1.25-s-3": "o-3"}
    assert not (out / "feats.scp").exists()
    assert not (out / "utt2num_frames").exists()
    validate_data_dir(out, ["wav.scp"])


def test_copies_of_copies_know_the_first(plain, tmp_path):
    perturb_speed("0.9", plain, tmp_path / "slow")
    shutil.copy(tmp_path / "slow/utt2dur", tmp_path / "utt2dur")
    perturb_speed("1.1", tmp_path / "slow", tmp_path / "again")
    combine_data_dirs(tmp_path / "all", [plain, tmp_path / "slow", tmp_path / "again"], fix=False)
    originals = _originals(tmp_path / "all")
    assert len(originals) == 9
    for key, original in originals.items():
        assert original == key.rpartition("sp0.9-")[2]


@pytest.mark.parametrize("factor", ["0", "0.0", "-1", "1e1", "x", "", "nan", "1/2", ".5"])
def test_factors_that_are_none(plain, tmp_path, factor):
    with pytest.raises(UsageError, match="above 0"):
        perturb_speed(factor, plain, tmp_path / "out")


def test_what_cannot_be_copied(plain, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="the target is the source"):
        perturb_speed("0.9", plain, plain)
    (plain / "wav.scp").unlink()
    with pytest.raises(InputError, match=r"wav\.scp: no such file"):
        perturb_speed("0.9", plain, tmp_path / "out")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="sox is not installed; install it"):
        perturb_speed("0.9", plain, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_sox
@pytest.mark.parametrize(("factor", "frames"), [("0.9", [87, 87, 165]), ("1.1", [71, 71, 134])])
def test_features_of_a_copy_are_those_of_its_speed_and_always_the_same(
    plain, tmp_path, run_step, run_program, factor, frames
):
    out = tmp_path / "copy"
    run_program("perturb-data-dir-speed", factor, plain, out, check=True)
    run_step("make_fbank", "--sample-frequency=8000", "--num-mel-bins=40", out, tmp_path / "feats", check=True)
    feats = dict(read_table(f"scp:{tmp_path}/feats/feats.scp", "matrix"))
    assert list(feats) == [f"sp{factor}-{key}" for key in ("s-a", "s-c", "t-b")]
    assert [len(value) for value in feats.values()] == frames
    np.testing.assert_array_equal(feats[f"sp{factor}-s-a"], feats[f"sp{factor}-s-c"])
    mel = 1127 * np.log1p(np.array([20, 4000, 440 * float(factor)]) / 700)
    wanted = (mel[2] - mel[0]) / ((mel[1] - mel[0]) / 41) - 1
    for value in feats.values():
        assert abs(value[10:-10].mean(axis=0).argmax() - wanted) <= 0.6
    assert rows(tmp_path / "feats/utt2orig") == {f"sp{factor}-{key}": key for key in ("s-a", "s-c", "t-b")}
