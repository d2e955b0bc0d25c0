"""The feature programs as a user runs them: archives through pipes, options, errors."""

import numpy as np
import pytest

from houseblend.feat.cmvn import cmvn_stats
from houseblend.io.audio import encode_wav
from houseblend.io.tables import read_object, read_table, write_table

RATE = 8000


def recording(seconds: float, channels: int = 1) -> np.ndarray:
    """Fresh noise on the int16 scale, shape [num_samples, channels]."""
    return np.rint(np.random.default_rng().normal(0, 500, size=(int(seconds * RATE), channels))).astype(np.float32)


@pytest.fixture
def wavs(tmp_path):
    """Three recordings and their wav.scp; the dictionary of their samples."""
    samples = {"s1-a": recording(0.5), "s1-b": recording(0.3), "s2-a": recording(0.7)}
    for key, value in samples.items():
        (tmp_path / f"{key}.wav").write_bytes(encode_wav(RATE, value))
    (tmp_path / "wav.scp").write_text("".join(f"{key} {key}.wav\n" for key in samples))
    (tmp_path / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in samples))
    (tmp_path / "spk2utt").write_text("s1 s1-a s1-b\ns2 s2-a\n")
    return samples


def test_from_recordings_to_normalised_features(wavs, tmp_path, run_program):
    def run(name, *words, stdin=b""):
        return run_program(name, *words, cwd=tmp_path, stdin=stdin, check=True).stdout

    run("compute-mfcc-feats", "--sample-frequency=8000", "scp:wav.scp", "ark,scp:raw.ark,raw.scp")
    run("compute-cmvn-stats", "--spk2utt=ark:spk2utt", "scp:raw.scp", "ark:cmvn.ark")
    normalised = run("apply-cmvn", "--utt2spk=ark:utt2spk", "--norm-vars", "ark:cmvn.ark", "scp:raw.scp", "ark:-")
    (tmp_path / "out.ark").write_bytes(run("add-deltas", "--delta-order=1", "ark:-", "ark:-", stdin=normalised))
    feats = dict(read_table(f"ark:{tmp_path}/out.ark", "matrix"))
    assert [(key, value.shape) for key, value in feats.items()] == [
        ("s1-a", (48, 26)),
        ("s1-b", (28, 26)),
        ("s2-a", (68, 26)),
    ]
    first = np.concatenate([feats["s1-a"], feats["s1-b"]])[:, :13]
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(first.std(axis=0), 1, atol=1e-3)  # squares are rounded to float32, as in Kaldi


def test_a_recording_that_cannot_be_used_is_skipped_and_counted(wavs, tmp_path, run_program):
    (tmp_path / "s1-b.wav").write_bytes(encode_wav(16000, recording(0.5)))
    words = ("--sample-frequency=8000", "scp:wav.scp", "ark:out.ark")
    done = run_program("compute-mfcc-feats", *words, cwd=tmp_path, check=True)
    assert "skipped [s1-b]" in done.stderr
    assert "sampling rate 16000 Hz; expected 8000 Hz" in done.stderr
    assert "done 2 utterances, skipped 1" in done.stderr
    failed = run_program("compute-mfcc-feats", "--max-skipped=0", *words, cwd=tmp_path)
    assert failed.status == 1


def test_broken_recordings_are_named_and_nothing_is_left(wavs, tmp_path, run_program):
    whole = (tmp_path / "s1-b.wav").read_bytes()
    for content, message in [(b"", "empty"), (whole[:-300], "truncated"), (b"x" * 500, "no readable audio")]:
        (tmp_path / "s1-b.wav").write_bytes(content)
        done = run_program("compute-fbank-feats", "--sample-frequency=8000", "scp:wav.scp", "ark:out.ark", cwd=tmp_path)
        assert done.status == 1
        assert message in done.stderr
        assert "s1-b" in done.stderr
        assert not (tmp_path / "out.ark").exists()


def test_channels_are_chosen(tmp_path, run_program):
    samples = recording(0.4, channels=2)
    with write_table(f"ark:{tmp_path}/stereo.ark", "wav") as write:
        write("a", (RATE, samples))
    with write_table(f"ark:{tmp_path}/right.ark", "wav") as write:
        write("a", (RATE, samples[:, 1:]))

    def run(*words):
        return run_program("compute-mfcc-feats", "--sample-frequency=8000", *words, "ark:-", cwd=tmp_path)

    assert run("--channel=1", "ark:stereo.ark").stdout == run("ark:right.ark").stdout != b""
    assert "2 channels" in run("ark:stereo.ark").stderr
    assert run("--channel=2", "ark:stereo.ark").status == 1


def test_the_mean_is_subtracted_when_asked(wavs, tmp_path, run_program):
    run_program(
        "compute-fbank-feats", "--sample-frequency=8000", "--subtract-mean", "scp:wav.scp", "ark:out.ark",
        cwd=tmp_path, check=True,
    )  # fmt: skip
    for _, feats in read_table(f"ark:{tmp_path}/out.ark", "matrix"):
        np.testing.assert_allclose(feats.mean(axis=0), 0, atol=1e-4)


def test_statistics_of_all_in_text(tmp_path, run_program):
    feats = np.random.default_rng().normal(size=(20, 3)).astype(np.float32)
    with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
        write("a", feats[:12])
        write("b", feats[12:])
    run_program("compute-cmvn-stats", "--binary=false", "ark:feats.ark", "all.cmvn", cwd=tmp_path, check=True)
    assert (tmp_path / "all.cmvn").read_text().lstrip().startswith("[")
    np.testing.assert_allclose(read_object(f"{tmp_path}/all.cmvn", "matrix"), cmvn_stats(feats), rtol=1e-5, atol=1e-5)


def test_speakers_without_statistics_are_skipped(wavs, tmp_path, run_program):
    with write_table(f"ark,scp:{tmp_path}/feats.ark,{tmp_path}/feats.scp", "matrix") as write:
        for key in wavs:
            write(key, np.ones((4, 2), dtype=np.float32))
    with write_table(f"ark:{tmp_path}/cmvn.ark", "matrix") as write:
        write("s1", cmvn_stats(np.ones((4, 2), dtype=np.float32)))
    words = ("--utt2spk=ark:utt2spk", "ark:cmvn.ark", "scp:feats.scp", "ark:out.ark")
    done = run_program("apply-cmvn", *words, cwd=tmp_path, check=True)
    assert "skipped [s2-a]: " in done.stderr
    assert "[s2] no such key" in done.stderr
    assert [key for key, _ in read_table(f"ark:{tmp_path}/out.ark", "matrix")] == ["s1-a", "s1-b"]


def test_means_must_go_with_variances(tmp_path, run_program):
    done = run_program("apply-cmvn", "--norm-vars", "--norm-means=false", "cmvn", "ark:-", "ark:-")
    assert done.status == 2


def test_segments_are_cut_to_the_sample(wavs, tmp_path, run_program):
    (tmp_path / "segments").write_text("u1 s2-a 0.1 0.35\nu2 s2-a 0.2 0.25\nu3 s2-a 0.5 3.0\nu4 none 0.0 1.0\n")
    done = run_program("extract-segments", "scp:wav.scp", "segments", "ark:cut.ark", cwd=tmp_path, check=True)
    ((key, (rate, samples)),) = read_table(f"ark:{tmp_path}/cut.ark", "wav")
    assert (key, rate) == ("u1", RATE)
    np.testing.assert_array_equal(samples, wavs["s2-a"][800:2800])
    for words in ("[u2]: ", "too short", "[u3]: ", "of a recording of 0.7 s", "[u4]: "):
        assert words in done.stderr


def test_a_segment_to_the_end_and_one_of_a_channel(wavs, tmp_path, run_program):
    mono = wavs["s2-a"][:, 0]
    stereo = np.stack([mono, -mono], axis=1)
    (tmp_path / "st.wav").write_bytes(encode_wav(RATE, stereo))
    (tmp_path / "two.scp").write_text(f"r {tmp_path}/st.wav\nm {(tmp_path / 'wav.scp').read_text().split()[-1]}\n")
    lines = (
        "a m 0.25 -1",
        "b r 0.2 0.5 1",
        "c r 0.2 -1.0 0",
        "d r 0.3 1.0 1",
        "e r 0 0.3",
        "f r 0 0.3 2",
        "g m 0.65 -1",
    )
    (tmp_path / "segments").write_text("".join(f"{line}\n" for line in lines))
    done = run_program("extract-segments", "scp:two.scp", "segments", "ark:cut.ark", cwd=tmp_path, check=True)
    found = {key: samples[:, 0] for key, (_, samples) in read_table(f"ark:{tmp_path}/cut.ark", "wav")}
    wanted = {"a": mono[2000:], "b": -mono[1600:4000], "c": mono[1600:], "d": -mono[2400:]}
    assert list(found) == list(wanted)
    for key, samples in wanted.items():
        np.testing.assert_array_equal(found[key], samples)
    assert (
        "skipped [e]: [r] the recording has 2 channels; expected one, or a choice; write it (0, 1, ...) behind END"
        in done.stderr
    )
    assert "skipped [f]: [r] channel 2 of 2; expected 0 to 1" in done.stderr
    assert "skipped [g]: 0.05 s is too short" in done.stderr
    assert "--channel" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "u1 s2-a 0.1", "u1 s2-a x 1.0", "u1 s2-a 0.5 0.5", "u1 s2-a -1 0.5", "u1 s2-a 0 1 A", "u1 s2-a 0 1 0 0",
        "u1 s2-a 0 inf", "u1 s2-a nan 1", "u1 s2-a 0 -2", "u1 s2-a 0 1 -1", "u1 s2-a 0 1_0",
    ],
)  # fmt: skip
def test_bad_segments_name_their_line(wavs, tmp_path, run_program, line):
    (tmp_path / "segments").write_text(f"u0 s2-a 0.0 0.5\n{line}\n")
    done = run_program("extract-segments", "scp:wav.scp", "segments", "ark:cut.ark", cwd=tmp_path)
    assert done.status == 1
    assert "segments:2: [u1]" in done.stderr
    assert not (tmp_path / "cut.ark").exists()


@pytest.mark.parametrize("bins", [60, 80, 128, 400])
def test_filters_that_would_hold_nothing_are_refused(wavs, tmp_path, run_program, bins):
    words = ("--sample-frequency=8000", f"--num-mel-bins={bins}", "scp:wav.scp", "ark:f.ark")
    centres = 700 * (np.exp(np.linspace(*(1127 * np.log1p(np.array([20, 4000]) / 700)), bins + 2) / 1127) - 1)
    points = np.arange(128) * 8000 / 256
    dead = sum(not ((points > a) & (points < b)).any() for a, b in zip(centres[:-2], centres[2:], strict=True))
    done = run_program("compute-fbank-feats", *words, cwd=tmp_path)
    assert done.status == (1 if dead else 0)
    assert (f"--num-mel-bins={bins}; expected less: {dead} filters" in done.stderr) == bool(dead)


def test_a_recording_of_another_rate_is_named_and_perhaps_resampled(wavs, tmp_path, run_program):
    phases = 2 * np.pi * np.random.default_rng().random((40, 1))
    tone = 300 * np.sin(2 * np.pi * np.arange(80, 3280, 80)[:, None] * np.arange(16000) / 16000 + phases).sum(axis=0)
    (tmp_path / "fast.wav").write_bytes(encode_wav(16000, tone))
    (tmp_path / "slow.wav").write_bytes(encode_wav(RATE, tone[::2]))
    (tmp_path / "both.scp").write_text(f"a {tmp_path}/slow.wav\nb {tmp_path}/fast.wav\n")
    words = ("--sample-frequency=8000", "--high-freq=3000", "scp:both.scp", "ark:f.ark")
    done = run_program("compute-mfcc-feats", *words, cwd=tmp_path, check=True)
    wanted = (
        f"skipped [b]: {tmp_path}/fast.wav: sampling rate 16000 Hz; expected 8000 Hz; resample it by --allow-downsample"
    )
    assert wanted in done.stderr
    run_program("compute-mfcc-feats", "--allow-downsample=true", *words, cwd=tmp_path, check=True)
    found = dict(read_table(f"ark:{tmp_path}/f.ark", "matrix"))
    assert found["a"].shape == found["b"].shape == (98, 13)
    np.testing.assert_allclose(found["a"][5:-5], found["b"][5:-5], atol=0.1)
    done = run_program(
        "compute-mfcc-feats", "scp:both.scp", "ark:f.ark", "--allow-downsample=true", cwd=tmp_path, check=True
    )
    assert "--allow-upsample" in done.stderr


def test_durations(wavs, tmp_path, run_program):
    done = run_program("wav-to-duration", "scp:wav.scp", "ark,t:-", cwd=tmp_path, check=True)
    assert done.stdout.decode().split() == ["s1-a", "0.5", "s1-b", "0.3", "s2-a", "0.7"]


def test_splice_and_truncate_by_program(tmp_path, run_program):
    feats = np.random.default_rng().normal(size=(6, 4)).astype(np.float32)
    with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
        write("a", feats)
    run_program(
        "splice-feats", "--left-context=0", "--right-context=1", "ark:feats.ark", "ark:s.ark", cwd=tmp_path, check=True
    )
    ((_, spliced),) = read_table(f"ark:{tmp_path}/s.ark", "matrix")
    np.testing.assert_array_equal(spliced[:-1], np.concatenate([feats[:-1], feats[1:]], axis=1))
    run_program("add-deltas", "--truncate=1", "ark:feats.ark", "ark:d.ark", cwd=tmp_path, check=True)
    ((_, deltas),) = read_table(f"ark:{tmp_path}/d.ark", "matrix")
    assert deltas.shape == (6, 3)
