"""steps/make_mfcc and make_fbank: a data directory in, a data directory with features out."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from houseblend.feat.cmvn import cmvn_stats
from houseblend.feat.extract import extract
from houseblend.feat.options import MfccOptions, options_from
from houseblend.io.audio import encode_wav
from houseblend.io.data_dir import validate_data_dir
from houseblend.io.tables import read_table

CONF = Path(__file__).resolve().parents[2] / "conf"
RATE = 8000


@pytest.fixture
def data(tmp_path):
    """A data directory of two speakers and three recordings; returns the folder and their samples."""
    rng = np.random.default_rng()
    samples = {
        key: np.rint(rng.normal(0, 500, size=count)) for key, count in [("s1-a", 4000), ("s1-b", 3000), ("s2-a", 5000)]
    }
    folder = tmp_path / "data"
    folder.mkdir()
    for key, value in samples.items():
        (tmp_path / f"{key}.wav").write_bytes(encode_wav(RATE, value))
    (folder / "wav.scp").write_text("".join(f"{key} {tmp_path}/{key}.wav\n" for key in samples))
    (folder / "text").write_text("".join(f"{key} one two\n" for key in samples))
    (folder / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in samples))
    (folder / "spk2utt").write_text("s1 s1-a s1-b\ns2 s2-a\n")
    return folder, samples


def feats_of(folder: Path) -> dict[str, np.ndarray]:
    """Features by utterance."""
    return dict(read_table(f"scp:{folder}/feats.scp", "matrix"))


def test_mfcc_statistics_and_record(data, tmp_path, run_step):
    folder, samples = data
    out = tmp_path / "out"
    run_step("make_mfcc", f"--config={CONF}/mfcc.conf", folder, out, check=True)
    feats = feats_of(out)
    options = options_from(MfccOptions, {"sample_frequency": 8000.0, "use_energy": False})
    for key, value in samples.items():
        np.testing.assert_array_equal(feats[key], extract(RATE, value.astype(np.float32), options, key))
    stats = dict(read_table(f"scp:{out}/cmvn.scp", "matrix"))
    np.testing.assert_allclose(stats["s1"], cmvn_stats(np.concatenate([feats["s1-a"], feats["s1-b"]])), rtol=1e-9)
    assert list(stats) == ["s1", "s2"]
    lengths = dict(read_table(f"ark:{out}/utt2num_frames", "int"))
    assert lengths == {key: len(value) for key, value in feats.items()}
    for name in ("text", "utt2spk", "spk2utt", "wav.scp"):
        assert (out / name).read_bytes() == (folder / name).read_bytes()
    record = json.loads((out / "feature.json").read_text())
    assert (record["kind"], record["options"]["sample_frequency"]) == ("mfcc", 8000.0)


def test_fbank(data, tmp_path, run_step):
    folder, _ = data
    run_step("make_fbank", f"--config={CONF}/fbank.conf", folder, tmp_path / "out", check=True)
    assert {value.shape[1] for value in feats_of(tmp_path / "out").values()} == {40}


def test_the_number_of_processes_changes_nothing_and_is_no_reason_to_do_it_again(data, tmp_path, run_step):
    folder, _ = data
    words = (f"--config={CONF}/mfcc.conf", "--dither=1", folder)
    run_step("make_mfcc", "--jobs=1", *words, tmp_path / "one", check=True)
    run_step("make_mfcc", "--jobs=3", *words, tmp_path / "three", check=True)
    assert (tmp_path / "one/feats.ark").read_bytes() == (tmp_path / "three/feats.ark").read_bytes()
    assert "up to date" in run_step("make_mfcc", "--jobs=2", *words, tmp_path / "one", check=True).stderr
    again = run_step("make_mfcc", *words, "--dither=2", tmp_path / "one", check=True)
    assert "option --dither was 1.0, is 2.0" in again.stderr


def test_segments_are_utterances_in_their_order(data, tmp_path, run_step):
    folder, samples = data
    (folder / "segments").write_text("s1-1 s2-a 0.1 0.4\ns1-2 s1-a 0.0 0.3\ns2-1 s2-a 0.2 0.6\n")
    for name, column in (("text", "one"), ("utt2spk", None)):
        (folder / name).write_text("".join(f"{key} {column or key[:2]}\n" for key in ("s1-1", "s1-2", "s2-1")))
    (folder / "spk2utt").write_text("s1 s1-1 s1-2\ns2 s2-1\n")
    places = (folder / "wav.scp").read_text().splitlines(keepends=True)
    (folder / "wav.scp").write_text("".join(place for place in places if place.split()[0] in ("s1-a", "s2-a")))
    run_step("make_mfcc", f"--config={CONF}/mfcc.conf", folder, tmp_path / "out", check=True)
    feats = feats_of(tmp_path / "out")
    assert list(feats) == ["s1-1", "s1-2", "s2-1"]
    options = options_from(MfccOptions, {"sample_frequency": 8000.0, "use_energy": False})
    wanted = extract(RATE, samples["s2-a"][1600:4800].astype(np.float32), options, "s2-1")
    np.testing.assert_array_equal(feats["s2-1"], wanted)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (encode_wav(16000, np.ones(8000)), "sampling rate 16000 Hz; expected 8000 Hz"),
        (encode_wav(RATE, np.ones((4000, 2))), "2 channels; expected one, or a choice; name one in wav.scp: sox FILE"),
        (encode_wav(RATE, np.ones(4000))[:3000], "truncated"),
    ],
    ids=["empty", "rate", "stereo", "truncated"],
)
def test_a_recording_that_cannot_be_used_fails_the_step(data, tmp_path, run_step, content, message, jobs):
    folder, _ = data
    (tmp_path / "s1-b.wav").write_bytes(content)
    done = run_step("make_mfcc", f"--config={CONF}/mfcc.conf", f"--jobs={jobs}", folder, tmp_path / "out")
    assert done.status == 1, done.stderr
    assert message in done.stderr
    assert f"{tmp_path}/s1-b.wav: [s1-b] " in done.stderr
    assert "--max-skipped" in done.stderr
    assert not (tmp_path / "out/feats.scp").exists()
    assert not (tmp_path / "out/.done.json").exists()


def test_samples_that_are_not_numbers_are_refused(data, tmp_path, run_step):
    import soundfile

    folder, samples = data
    broken = samples["s1-b"] / 32768
    broken[1500] = np.nan
    soundfile.write(tmp_path / "s1-b.wav", broken, RATE, subtype="FLOAT")
    done = run_step("make_mfcc", f"--config={CONF}/mfcc.conf", folder, tmp_path / "out")
    assert done.status == 1
    assert "[s1-b] samples that are not finite" in done.stderr


def test_a_full_disk_is_said_with_the_file_and_leaves_no_features(data, tmp_path):
    folder, _ = data
    step = f"{sys.executable} {CONF.parent}/steps/make_mfcc --config={CONF}/mfcc.conf {folder} {tmp_path}/out"
    command = f"ulimit -f 2; exec {step}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "out/feats.ark: File too large" in done.stderr
    assert not list((tmp_path / "out").glob("feats*"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_too_short_for_a_frame_is_left_out_and_named(data, tmp_path, run_step, jobs):
    folder, samples = data
    (folder / "utt2dur").write_text("".join(f"{key} 0.5\n" for key in samples))
    for key, count in (("s1-b", 80), ("s2-a", 199)):
        (tmp_path / f"{key}.wav").write_bytes(encode_wav(RATE, np.ones(count)))
    out = tmp_path / "out"
    done = run_step("make_mfcc", f"--config={CONF}/mfcc.conf", f"--jobs={jobs}", folder, out, check=True)
    assert (
        f"WARNING (make_mfcc) left out: {tmp_path}/s1-b.wav: [s1-b] 80 samples are too few for one frame" in done.stderr
    )
    assert "features of 1 utterances; left out: 2 too short for a frame, 0 others" in done.stderr
    for name in ("text", "utt2spk", "wav.scp", "utt2dur", "utt2num_frames", "feats.scp"):
        assert [line.split()[0] for line in (out / name).read_text().splitlines()] == ["s1-a"], name
    assert (out / "spk2utt").read_text() == "s1 s1-a\n"
    validate_data_dir(out, ["text", "feats.scp", "wav.scp"])
    (tmp_path / "s1-a.wav").write_bytes(encode_wav(RATE, np.ones(80)))
    done = run_step("make_mfcc", f"--config={CONF}/mfcc.conf", folder, tmp_path / "none")
    assert (done.status, "no utterance has features" in done.stderr) == (1, True)


def test_other_recordings_are_left_out_if_that_is_allowed(data, tmp_path, run_step):
    folder, _ = data
    (tmp_path / "s1-b.wav").write_bytes(b"RIFF")
    (tmp_path / "s2-a.wav").write_bytes(encode_wav(16000, np.ones(8000)))
    words = (f"--config={CONF}/mfcc.conf", folder)
    done = run_step("make_mfcc", "--max-skipped=2", *words, tmp_path / "out", check=True)
    assert "left out: 0 too short for a frame, 2 others" in done.stderr
    assert list(feats_of(tmp_path / "out")) == ["s1-a"]
    done = run_step("make_mfcc", "--max-skipped=1", *words, tmp_path / "less")
    assert done.status == 1
    assert f"{tmp_path}/s2-a.wav: [s2-a] sampling rate 16000 Hz" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("rate", "name"), [(16000, "downsample"), (4000, "upsample"), (11025, "downsample")])
def test_recordings_of_another_rate_are_resampled_when_told(data, tmp_path, run_step, rate, name):
    folder, _ = data
    tones = {freq: 3000 * np.sin(2 * np.pi * freq * np.arange(rate) / rate) for freq in (440, 1500)}
    wanted = 3000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    beyond = 2000 * np.sin(2 * np.pi * 5000 * np.arange(rate) / rate) if rate > 10000 else 0
    (tmp_path / "s1-b.wav").write_bytes(encode_wav(rate, tones[440] + beyond))
    (tmp_path / "s1-a.wav").write_bytes(encode_wav(RATE, wanted))
    words = ("--sample-frequency=8000", "--num-mel-bins=10", "--high-freq=1900", folder)
    done = run_step("make_fbank", *words, tmp_path / "none")
    assert f"--allow-{name}, or give --sample-frequency={rate} if all have this rate" in done.stderr
    run_step("make_fbank", f"--allow-{name}", *words, tmp_path / "out", check=True)
    feats = feats_of(tmp_path / "out")
    loud = feats["s1-a"][10] > feats["s1-a"][10].max() - 5
    assert feats["s1-a"].shape == feats["s1-b"].shape
    np.testing.assert_allclose(feats["s1-b"][5:-5][:, loud], feats["s1-a"][5:-5][:, loud], atol=0.02)
    record = [json.loads((tmp_path / f"{place}/feature.json").read_text()) for place in ("out",)]
    assert "allow_downsample" not in record[0]["options"]


def test_a_data_directory_can_be_used_from_anywhere(data, tmp_path, run_step, monkeypatch):
    folder, samples = data
    monkeypatch.chdir(tmp_path)
    (folder / "wav.scp").write_text("s1-a s1-a.wav\ns1-b cat s1-b.wav |\ns2-a data/../s2-a.wav\n")
    run_step("make_mfcc", f"--config={CONF}/mfcc.conf", "data", "out", check=True)
    assert (tmp_path / "out/wav.scp").read_text() == (
        f"s1-a {tmp_path}/s1-a.wav\ns1-b cat s1-b.wav |\ns2-a {tmp_path}/s2-a.wav\n"
    )
    for name in ("feats", "cmvn"):
        for line in (tmp_path / f"out/{name}.scp").read_text().splitlines():
            assert line.split()[1].startswith(f"{tmp_path}/out/{name}.ark:")
    monkeypatch.chdir("/")
    assert list(feats_of(tmp_path / "out")) == list(samples)


def test_options_by_which_nothing_has_features_are_refused_once(data, tmp_path, run_step):
    folder, _ = data
    done = run_step("make_fbank", "--sample-frequency=8000", "--num-mel-bins=128", folder, tmp_path / "out")
    assert done.status == 1
    assert re.search(
        r"--num-mel-bins=128; expected less: \d+ filters hold no point of the spectrum; lower it", done.stderr
    )
    assert done.stderr.count("ERROR") == 1
