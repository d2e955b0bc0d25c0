"""Pitch: its steps against the formulas in float64; Kaldi's features are among the golden rows."""

import numpy as np
import pytest

from houseblend.base.errors import HouseBlendError, InputError, UsageError
from houseblend.cli.compute_and_process_kaldi_pitch_feats import main as compute_and_process
from houseblend.cli.compute_kaldi_pitch_feats import main as compute
from houseblend.cli.process_kaldi_pitch_feats import main as process
from houseblend.feat.options import PitchFeatureOptions, PitchOptions
from houseblend.feat.pitch import PitchTracker, _search, _trace, compute_pitch
from houseblend.feat.pitch_features import compute_and_process_pitch, process_pitch
from houseblend.feat.resample import Resampler, interpolation
from houseblend.io.tables import read_table, write_table

RATE = 8000
ONLINE = PitchOptions(sample_frequency=RATE, frames_per_chunk=10, simulate_first_pass_online=True)
QUIET = PitchFeatureOptions(delta_pitch_noise_stddev=0.0)


def noise(seconds: float, loudness: float = 500.0) -> np.ndarray:
    return np.random.default_rng().normal(0, loudness, size=int(seconds * RATE)).astype(np.float32)


def voice(pitch: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.sum([1000 / k * np.sin(2 * np.pi * k * pitch * time + k) for k in range(1, 8)], axis=0).astype(np.float32)


def cheapest(local: np.ndarray, step: float) -> np.ndarray:
    """Costs of the cheapest paths to each lag of the last frame, all moves tried; local is [T, L]."""
    places = np.arange(local.shape[1])
    moves, best = step * np.subtract.outer(places, places) ** 2, np.zeros(local.shape[1])
    for one in local:
        best = (best[None, :] + moves).min(axis=1) + one
    return best


def taken(local: np.ndarray, step: float, path: np.ndarray) -> float:
    return local[np.arange(len(path)), path].sum() + step * (np.diff(path.astype(int)) ** 2).sum()


def sinc(times: np.ndarray, cutoff: float, zeros: int) -> np.ndarray:
    window = np.where(np.abs(times) < zeros / (2 * cutoff), (1 + np.cos(2 * np.pi * cutoff / zeros * times)) / 2, 0)
    return 2 * cutoff * np.sinc(2 * cutoff * times) * window


@pytest.mark.parametrize(
    ("rate", "new", "cutoff", "zeros"), [(8000, 4000, 1000, 1), (11025, 4000, 900, 3), (4000, 6000, 2000, 2)]
)
def test_resampling_is_the_sum_over_the_filter(rate, new, cutoff, zeros):
    samples = noise(0.05)
    resample = Resampler(rate, new, cutoff, zeros)
    found = resample(samples)
    assert (len(found) - 1) / new < len(samples) / rate <= len(found) / new
    apart = np.subtract.outer(np.arange(len(found)) / new, np.arange(len(samples)) / rate)
    np.testing.assert_allclose(found, sinc(apart, cutoff, zeros) @ samples.astype(float) / rate, atol=2e-2)
    known = resample.settled(300)
    assert 0 < known < len(resample(samples[:300]))
    np.testing.assert_array_equal(resample(samples[:300])[:known], found[:known])
    assert (known / new + zeros / (2 * cutoff)) * rate >= 300 - 1


def test_interpolation_is_the_sum_over_the_filter():
    times = np.sort(np.random.default_rng().uniform(0.002, 0.008, size=20)).astype(np.float32)
    wanted = sinc(np.arange(40)[:, None] / 4000 - times.astype(float), 2000, 5) / 4000
    np.testing.assert_allclose(interpolation(40, 4000, times, 5), wanted, atol=1e-5)


def test_resamplers_refuse_a_cutoff_that_is_too_high():
    with pytest.raises(InputError, match="low-pass of 1000 Hz .* expected a cutoff up to half of the lower rate"):
        compute_pitch(noise(0.1), PitchOptions(sample_frequency=1500))


def test_the_path_is_the_best_of_all_paths_after_any_number_of_frames():
    rng = np.random.default_rng()
    local, step, count = rng.uniform(size=(30, 12)), 10 ** rng.uniform(-3, -1), 12
    cost, back, path = np.zeros(count), np.empty((30, count), np.int16), np.full(30, -1, np.int16)
    for first, last in [(0, 7), (7, 8), (8, 30)]:
        _search(local[first:last], step, cost, back[first:last])
        _trace(back, int(cost.argmin()), last, path)
        best = cheapest(local[:last], step)
        assert taken(local[:last], step, path[:last]) == pytest.approx(best.min(), abs=1e-9)
        np.testing.assert_allclose(cost, best - best.min(), atol=1e-9)


@pytest.mark.parametrize("pitch", [83.0, 140.0, 310.0])
def test_the_pitch_of_a_voice_is_found(pitch):
    found = compute_pitch(voice(pitch, 0.5), PitchOptions(sample_frequency=RATE))
    assert found.shape == (48, 2)
    np.testing.assert_allclose(found[2:-2, 1], pitch, rtol=0.01)
    assert (found[2:-2, 0] > 0.95).all()
    assert np.median(compute_pitch(noise(0.5), PitchOptions(sample_frequency=RATE))[:, 0]) < 0.7


def test_correlations_are_those_of_the_resampled_windows():
    options = PitchOptions(sample_frequency=4000.0, lowpass_cutoff=2000.0)
    samples = noise(0.3)
    tracker = PitchTracker(samples, options)
    list(tracker.chunks())
    signal = Resampler(4000, 4000, 2000.0, 1)(samples).astype(float)
    t, lag = 5, 20
    window = signal[t * 40 : t * 40 + 100]
    later = signal[t * 40 + lag : t * 40 + lag + 100] - window.mean()
    window = window - window.mean()
    place = lag - tracker._lags.first
    assert tracker._inner[t, place] == pytest.approx(window @ later, rel=1e-3, abs=50)
    assert tracker._norm[t, place] == pytest.approx((window @ window) * (later @ later), rel=1e-4)


def test_silence_and_short_recordings():
    found = compute_pitch(np.zeros(RATE, np.float32), PitchOptions(sample_frequency=RATE))
    assert np.isfinite(found).all()
    assert (found[:, 0] == 0).all()
    assert compute_pitch(noise(0.02), PitchOptions(sample_frequency=RATE)).shape == (0, 2)
    assert compute_pitch(np.empty(0, np.float32), ONLINE).shape == (0, 2)
    assert len(compute_pitch(noise(0.5), PitchOptions(sample_frequency=RATE, snip_edges=False))) == 50


def test_chunks_do_not_matter_without_ballast():
    samples = noise(1.0)
    whole = compute_pitch(samples, PitchOptions(sample_frequency=RATE, nccf_ballast=0.0))
    chunks = compute_pitch(samples, PitchOptions(sample_frequency=RATE, nccf_ballast=0.0, frames_per_chunk=7))
    np.testing.assert_array_equal(chunks, whole)


@pytest.mark.parametrize("recompute", [25, 500])
def test_the_first_frames_are_judged_again_by_the_power_so_far(recompute, monkeypatch):
    """Quiet noise, then a loud voice: by its power so far the noise looks louder than it is."""
    samples = np.concatenate([noise(0.1, 20.0), voice(120.0, 0.7)])
    options = PitchOptions(sample_frequency=RATE, frames_per_chunk=10, recompute_frame=recompute)
    tracker, told, correct = PitchTracker(samples, options), [], PitchTracker._correct
    monkeypatch.setattr(PitchTracker, "_correct", lambda *told_of: (told.append(told_of[1:]), correct(*told_of)))
    frames, _ = list(tracker.chunks())[-1]
    ((first, count),) = told
    assert first == min(recompute, frames)
    old, new = ((power * 100) ** 2 * 7000.0 for power in (tracker._known, tracker._power(np.array([count]))))
    assert (old[:first] < 0.9 * new).any()
    inner, norm = tracker._inner.astype(float), tracker._norm.astype(float)
    scale = np.sqrt((old + norm.mean(axis=1)) / (new + norm.mean(axis=1)))
    scale[first:] = 1
    phi = scale[:, None] * (inner / np.sqrt(norm + old[:, None]) @ tracker._lags.weights)
    local = 1 - phi * (1 - 10.0 * tracker._lags.wanted)
    step = 0.1 * np.log(1.005) ** 2
    best, path = cheapest(local, step), tracker._path
    assert taken(local, step, path) == pytest.approx(best.min(), abs=1e-4)


def test_features_have_their_formulas():
    pitch = np.exp(4.5 + 0.01 * np.arange(40)).astype(np.float32)
    raw = np.stack([np.full(40, 0.5, np.float32), pitch], axis=1)
    options = PitchFeatureOptions(
        delta_pitch_noise_stddev=0.0, add_raw_log_pitch=True, pov_offset=1.0, normalization_left_context=3,
        normalization_right_context=5, delay=2,
    )  # fmt: skip
    feats = process_pitch(raw, options)
    assert feats.shape == (42, 4)
    np.testing.assert_array_equal(feats[:2], feats[[2, 2]])
    feats = feats[2:]
    np.testing.assert_allclose(feats[:, 0], 2 * ((1.0001 - 0.5) ** 0.15 - 1) + 1, rtol=1e-5)
    np.testing.assert_allclose(feats[3:-5, 1], -2 * 0.01, atol=1e-5)  # the middle of the window is one frame later
    np.testing.assert_allclose(feats[2:-2, 2], 0.1, atol=1e-4)
    np.testing.assert_allclose(feats[:, 3], np.log(pitch), rtol=1e-6)
    loud = process_pitch(raw, PitchFeatureOptions(), "a") - process_pitch(raw, QUIET, "a")
    assert 0.02 < loud[:, 2].std() < 0.1
    assert not np.array_equal(
        process_pitch(raw, PitchFeatureOptions(), "a"), process_pitch(raw, PitchFeatureOptions(), "b")
    )


def test_voiced_frames_count_in_the_mean():
    raw = np.array([[1.0, 100.0], [0.0, 200.0]], dtype=np.float32)
    weight = [1 / (1 + np.exp(-(-5.2 + 5.4 + 4.8 - 2 * np.exp(-10) + 4.2)))]
    weight.append(1 / (1 + np.exp(-(-5.2 + 5.4 * np.exp(-7.5) - 2 + 4.2 * np.exp(-20)))))
    mean = (weight[0] * np.log(100) + weight[1] * np.log(200)) / sum(weight)
    np.testing.assert_allclose(process_pitch(raw, QUIET)[:, 1], 2 * (np.log([100, 200]) - mean), rtol=1e-4)


def test_the_first_pass_gives_every_frame_when_its_context_has_come():
    options = PitchFeatureOptions(normalization_right_context=15, delay=3)
    samples = np.concatenate([noise(0.3, 50), voice(200, 0.4), noise(0.4, 50)])
    found = compute_and_process_pitch(samples, ONLINE, options, "a")
    tracker = PitchTracker(samples, ONLINE)
    rows: list[np.ndarray] = []
    for ready, last in tracker.chunks():
        so_far = process_pitch(tracker.frames(0, ready), options, "a")
        rows += list(so_far[len(rows) : max(ready + 3 if last else ready - 15 + 3, len(rows))])
    np.testing.assert_allclose(found, rows, atol=1e-5)
    assert not np.array_equal(
        found, compute_and_process_pitch(samples, PitchOptions(sample_frequency=RATE), options, "a")
    )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"min_f0": 400.0}, "0 < lowest < highest"),
        ({"max_f0": 5000.0}, "--max-f0=5000"),
        ({"delta_pitch": 0.0}, "--delta-pitch=0"),
        ({"frame_shift": 0.1}, "--frame-shift=0.1"),
        ({"simulate_first_pass_online": True}, "--frames-per-chunk"),
    ],
)
def test_options_without_sense_are_refused(options, what):
    with pytest.raises(HouseBlendError, match=what):
        compute_pitch(noise(0.1), PitchOptions(sample_frequency=RATE, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"add_pov_feature": False, "add_normalized_log_pitch": False, "add_delta_pitch": False},
        {"delay": -1},
        {"delta_window": 0},
    ],
)
def test_no_features_are_refused(options):
    with pytest.raises(UsageError):
        PitchFeatureOptions(**options)


@pytest.mark.parametrize("raw", [np.ones((3, 3)), np.array([[0.5, 0.0]]), np.array([[0.5, np.nan]])])
def test_what_is_no_pitch_is_refused(raw):
    with pytest.raises(InputError, match="expected"):
        process_pitch(raw.astype(np.float32), QUIET)


def test_programs_one_after_the_other_or_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with write_table("ark:wav.ark", "wav") as write:
        write("a", (RATE, np.rint(voice(120, 0.4))[:, None]))
        write("short", (RATE, np.rint(noise(0.01))[:, None]))
        write("wide", (2 * RATE, np.rint(noise(0.4))[:, None]))
    assert compute.main([f"--sample-frequency={RATE}", "ark:wav.ark", "ark:raw.ark"]) == 0
    said = capsys.readouterr().err
    assert "skipped [short]: wav.ark: 80 samples are too few for one frame" in said
    assert "skipped [wide]: wav.ark: sampling rate 16000 Hz; expected 8000 Hz" in said
    assert process.main(["ark:raw.ark", "ark:feats.ark"]) == 0
    assert compute_and_process.main([f"--sample-frequency={RATE}", "ark:wav.ark", "ark:both.ark"]) == 0
    (key, feats), *others = read_table("ark:feats.ark", "matrix")
    assert (key, feats.shape, others) == ("a", (38, 3), [])
    np.testing.assert_array_equal(dict(read_table("ark:both.ark", "matrix"))["a"], feats)
    with write_table("ark:bad.ark", "matrix") as write:
        write("a", np.ones((3, 3), np.float32))
    assert process.main(["ark:bad.ark", "ark:out.ark"]) == 1
    assert not (tmp_path / "out.ark").exists()
