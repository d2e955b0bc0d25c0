"""The digits corpus: found three ways, verified, joined to the same bytes for everybody."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from houseblend.io.tables import read_object, read_table

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "local/digits"
DATA = REPOSITORY / "tests/data"
SMALL = (f"--manifest={DATA}/manifest.sha256", f"--strings={DATA}/strings.txt")
PREPARE = "local/digits/prepare_data"
SETS = [
    "dev",
    "dev_both",
    "dev_noise10",
    "test_spk",
    "test_spk_noise10",
    "test_unseen",
    "test_unseen_noise10",
    "train",
    "train_noisy",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """All sets of the small corpus."""
    folder = tmp_path_factory.mktemp("digits")
    command = [sys.executable, str(REPOSITORY / PREPARE), f"--corpus={DATA}", *SMALL, "corpus"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "corpus"


@pytest.fixture
def modules(monkeypatch):
    """The modules of local/digits, by name."""
    monkeypatch.syspath_prepend(str(DIGITS))
    import data_sets
    import digit_strings
    import noise

    return {"data_sets": data_sets, "digit_strings": digit_strings, "noise": noise}


def sounds(folder: Path) -> dict[str, np.ndarray]:
    """Samples by utterance, read from wav/."""
    return {path.stem: read_object(str(path), "wav")[1][:, 0].astype(np.float64) for path in (folder / "wav").iterdir()}


def column(path: Path) -> dict[str, str]:
    """The rest of each line by its first word."""
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def test_the_committed_list_holds_every_recording_once_in_the_set_it_belongs_to(modules):
    strings = modules["digit_strings"].read_strings(DIGITS / "strings.txt")
    used = Counter(name for string in strings for name in string.recordings)
    manifest = [Path(line.split()[1]).stem for line in (DIGITS / "manifest.sha256").read_text().splitlines()]
    assert len(manifest) == 3000
    assert used == Counter(manifest)
    for string in strings:
        assert 3 <= len(string.recordings) <= 7
        assert all(0 <= gap <= 200 for gap in string.gaps)
        for name in string.recordings:
            _, speaker, number = name.split("_")
            assert speaker == string.speaker
            place = "test_spk" if int(number) < 10 else "dev" if int(number) < 13 else "train"
            assert string.subset == ("test_unseen" if speaker == "lucas" else place)


@pytest.mark.parametrize("folder", [DIGITS, DATA], ids=["all", "small"])
def test_the_committed_list_is_what_make_strings_draws(folder, tmp_path, run_step):
    run_step("local/digits/make_strings", folder / "manifest.sha256", tmp_path / "strings.txt", check=True)
    assert (tmp_path / "strings.txt").read_bytes() == (folder / "strings.txt").read_bytes()


def test_every_set_is_a_data_directory_in_kaldis_order(prepared):
    assert sorted(path.name for path in prepared.iterdir() if path.is_dir()) == SETS
    for name in SETS:
        folder = prepared / name
        owners, paths = column(folder / "utt2spk"), column(folder / "wav.scp")
        assert list(owners) == list(paths) == list(column(folder / "text")) == sorted(owners)
        assert list(owners.values()) == sorted(owners.values())
        assert all(key.startswith(f"{speaker}-") for key, speaker in owners.items())
        listed = {key: speaker for speaker, keys in column(folder / "spk2utt").items() for key in keys.split()}
        assert listed == owners
        durations = {key: float(value) for key, value in column(folder / "utt2dur").items()}
        for key, samples in sounds(folder).items():
            assert durations[key] == pytest.approx(len(samples) / 8000, abs=1e-6)


def test_clean_strings_are_the_recordings_with_low_noise_between(prepared, modules):
    heard, texts = sounds(prepared / "test_spk"), column(prepared / "test_spk/text")
    strings = modules["digit_strings"].read_strings(DATA / "strings.txt")
    for string in (one for one in strings if one.subset == "test_spk"):
        words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        assert texts[string.utterance] == " ".join(words[int(name[0])] for name in string.recordings)
        place = 0
        for name, gap in zip(string.recordings, (*string.gaps, 0), strict=True):
            wanted = read_object(str(DATA / "recordings" / f"{name}.wav"), "wav")[1][:, 0]
            np.testing.assert_array_equal(heard[string.utterance][place : place + len(wanted)], wanted)
            place += len(wanted)
            assert np.abs(heard[string.utterance][place : place + 8 * gap]).max(initial=0) < 40
            place += 8 * gap
        assert place == len(heard[string.utterance])


def test_test_noise_is_pink_and_ten_decibels_below_the_active_speech(prepared, modules):
    clean, noisy = sounds(prepared / "test_unseen"), sounds(prepared / "test_unseen_noise10")
    originals = column(prepared / "test_unseen_noise10/utt2orig")
    for key, samples in noisy.items():
        speech = clean[originals[key]]
        scale = np.dot(samples, speech) / np.dot(speech, speech)
        rest = samples - speech * min(scale, 1.0) if np.abs(samples).max() > 32000 else samples - speech
        ratio = 10 * np.log10(modules["noise"].active_power(speech) / np.mean(rest**2))
        assert ratio == pytest.approx(10, abs=0.1)
        power = np.abs(np.fft.rfft(rest)) ** 2
        frequency = np.fft.rfftfreq(len(rest), 1 / 8000)
        low, high = (power[(frequency > f) & (frequency < 2 * f)].sum() for f in (200, 1600))
        assert 10 * np.log10(low / high) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_a_tone_played_faster_is_shorter_and_higher(modules, factor):
    time = np.arange(8000) / 8000
    faster = modules["data_sets"].change_speed(1000 * np.sin(2 * np.pi * 400 * time), factor)
    assert len(faster) == round(8000 / factor)
    peak = np.abs(np.fft.rfft(faster)).argmax() * 8000 / len(faster)
    assert peak == pytest.approx(400 * factor, abs=1.0)
    assert np.abs(faster).max() == pytest.approx(1000, rel=0.01)


def test_training_copies_know_their_originals_and_share_a_noise_by_session(prepared):
    folder = prepared / "train_noisy"
    originals, owners = column(folder / "utt2orig"), column(folder / "utt2spk")
    clean = column(prepared / "train/utt2spk")
    assert Counter(originals.values()) == {key: 4 for key in clean}
    assert {key: originals[key] for key in clean} == {key: key for key in clean}
    texts, clean_texts = column(folder / "text"), column(prepared / "train/text")
    assert all(texts[key] == clean_texts[original] for key, original in originals.items())
    sessions = Counter(owners.values())
    assert max(count for speaker, count in sessions.items() if "-" in speaker) <= 8
    assert {speaker for speaker in sessions if "-" not in speaker} == {"nicolas", "yweweler"}


def test_number_of_copies(tmp_path, run_step):
    words = (f"--corpus={DATA}", *SMALL, "--train-copies=0", "corpus")
    run_step(PREPARE, *words, cwd=tmp_path, check=True)
    assert column(tmp_path / "corpus/train_noisy/text") == column(tmp_path / "corpus/train/text")


def test_the_same_bytes_everywhere(prepared):
    digest = hashlib.sha256()
    for path in sorted(prepared.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            digest.update(f"{path.relative_to(prepared)}\n".encode() + path.read_bytes())
    assert digest.hexdigest() == "0f39630c72ff14554325223489b073a658142de66d44cedbda0fdf63c4ba4701"


def test_white_noise_is_flat_and_blue_rises(modules):
    noise = modules["noise"]
    for colour, step in [("white", 3.0), ("blue", 6.0), ("brown", -3.0), ("pink", 0.0)]:
        samples = noise.coloured_noise(80000, colour, noise.generator(1, colour))
        assert np.mean(samples**2) == pytest.approx(1)
        power = np.abs(np.fft.rfft(samples)) ** 2
        octaves = [power[10 * f : 20 * f].sum() for f in (100, 200, 400, 800, 1600)]
        np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), step, atol=0.7)


def test_a_sum_that_would_be_clipped_is_made_quieter(modules):
    noise = modules["noise"]
    loud = 32000 * np.sin(np.arange(4000.0))
    mixed = noise.add_noise(loud, "white", 0.0, noise.generator(1))
    assert np.abs(mixed).max() == pytest.approx(32767)


def test_the_corpus_is_found_by_the_environment(tmp_path, run_step, monkeypatch):
    (tmp_path / "free-spoken-digit-dataset").symlink_to(DATA)
    monkeypatch.setenv("HOUSEBLEND_CORPORA", str(tmp_path))
    run_step(PREPARE, *SMALL, "corpus", cwd=tmp_path, check=True)
    assert (tmp_path / "corpus/lm.arpa").exists()


def test_the_corpus_is_downloaded_and_then_up_to_date(prepared, tmp_path, run_step, monkeypatch):
    monkeypatch.delenv("HOUSEBLEND_CORPORA", raising=False)
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        archive.add(DATA / "recordings", "free-spoken-digit-dataset-1.0.10/recordings")
    words = (f"--url=file://{tmp_path}/archive.tar.gz", *SMALL, "corpus")
    run_step(PREPARE, *words, cwd=tmp_path, check=True)
    assert (tmp_path / "corpus/train/text").read_bytes() == (prepared / "train/text").read_bytes()
    os.unlink(tmp_path / "archive.tar.gz")
    assert "up to date" in run_step(PREPARE, *words, cwd=tmp_path, check=True).stderr


def test_without_a_corpus_all_three_ways_are_said(tmp_path, run_step, monkeypatch):
    monkeypatch.setenv("HOUSEBLEND_CORPORA", str(tmp_path))
    done = run_step(PREPARE, f"--url=file://{tmp_path}/none.tar.gz", *SMALL, "corpus", cwd=tmp_path)
    assert done.status == 1
    for words in ("--corpus=DIR", "HOUSEBLEND_CORPORA", "https://github.com/Jakobovski/free-spoken-digit-dataset"):
        assert words in done.stderr
    assert not (tmp_path / "corpus/.done.json").exists()


def test_an_archive_that_breaks_off_is_an_error(tmp_path, run_step, monkeypatch):
    monkeypatch.delenv("HOUSEBLEND_CORPORA", raising=False)
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        archive.add(DATA / "recordings", "x/recordings")
    whole = (tmp_path / "archive.tar.gz").read_bytes()
    (tmp_path / "archive.tar.gz").write_bytes(whole[: len(whole) // 2])
    done = run_step(PREPARE, f"--url=file://{tmp_path}/archive.tar.gz", *SMALL, "corpus", cwd=tmp_path)
    assert done.status == 1
    assert "cannot be downloaded" in done.stderr


@pytest.mark.parametrize(("damage", "message"), [("change", "differs"), ("remove", "missing")])
def test_a_recording_that_is_not_the_one_is_named(tmp_path, run_step, damage, message):
    shutil.copytree(DATA / "recordings", tmp_path / "mine/recordings")
    victim = tmp_path / "mine/recordings/3_lucas_1.wav"
    if damage == "change":
        victim.write_bytes(victim.read_bytes()[:-2] + b"\0\1")
    else:
        victim.unlink()
    done = run_step(PREPARE, f"--corpus={tmp_path}/mine", *SMALL, "corpus", cwd=tmp_path)
    assert done.status == 1
    assert "3_lucas_1.wav" in done.stderr
    assert message in done.stderr


def test_a_folder_without_recordings_is_refused(tmp_path, run_step):
    done = run_step(PREPARE, f"--corpus={tmp_path}", *SMALL, "corpus", cwd=tmp_path)
    assert done.status == 1
    assert "no recordings" in done.stderr


@pytest.mark.parametrize(
    "line", ["train x-1 5", "train lucas-1 5 0_lucas_1 3", "train lucas-1 a 0_lucas_1", "train theo-1 5 0_lucas_1"]
)
def test_a_bad_line_of_the_list_is_named(tmp_path, run_step, line):
    (tmp_path / "strings.txt").write_text(f"# list\n{line}\n")
    done = run_step(PREPARE, f"--corpus={DATA}", f"--strings={tmp_path}/strings.txt", "corpus", cwd=tmp_path)
    assert done.status == 1
    assert "strings.txt:2: no digit string" in done.stderr


def test_the_language_model_and_dictionary_fit(prepared):
    arpa = (prepared / "lm.arpa").read_text().split("\\1-grams:\n")[1].split("\n\n")[0]
    entries = {line.split()[1]: float(line.split()[0]) for line in arpa.splitlines()}
    assert sum(10**weight for word, weight in entries.items() if word != "<s>") == pytest.approx(1, abs=1e-5)
    lexicon = [line.split() for line in (DIGITS / "dict/lexicon.txt").read_text().splitlines()]
    assert {words[0] for words in lexicon} == (entries.keys() - {"<s>", "</s>"}) | {"<SIL>"}
    phones = {phone for words in lexicon for phone in words[1:]}
    silence, spoken = ((DIGITS / f"dict/{name}_phones.txt").read_text().split() for name in ("silence", "nonsilence"))
    assert phones == {*silence, *spoken}
    assert not set(silence) & set(spoken)


def test_kaldi_style_readers_find_the_recordings(prepared, monkeypatch):
    monkeypatch.chdir(prepared.parent)
    read = {key: rate for key, (rate, _) in read_table("scp:corpus/dev/wav.scp", "wav")}
    assert set(read.values()) == {8000}
