"""Frames, spectra and cepstra against other definitions of the same, on fresh random input."""

import kaldi_native_fbank as knf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houseblend.base.errors import InputError
from houseblend.feat.extract import choose_channel, extract
from houseblend.feat.options import FbankOptions, FrameOptions, MelOptions, MfccOptions, options_from, options_to
from houseblend.feat.spectrum import compute_mfcc, mel_banks, power_spectrum
from houseblend.feat.window import cut_frames, num_frames, prepare_frames, window_function


def speech_like(seconds: float, rate: int) -> np.ndarray:
    """Noise that is louder below, in bursts, with an offset; float32, shape [num_samples]."""
    rng = np.random.default_rng()
    samples = np.cumsum(rng.normal(size=int(seconds * rate)) * 300) * 0.02 + rng.normal(size=int(seconds * rate)) * 200
    return np.rint(samples * (1 + np.sin(np.arange(len(samples)) / 700)) + 50).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_mfcc_agree_with_kaldi_native_fbank(rate):
    samples = speech_like(1.3, rate)
    theirs = knf.MfccOptions()
    theirs.frame_opts.samp_freq, theirs.frame_opts.dither = rate, 0
    theirs.num_ceps, theirs.mel_opts.num_bins, theirs.use_energy = 13, 23, True
    ours = extract(rate, samples, options_from(MfccOptions, {"sample_frequency": float(rate)}), "a")
    np.testing.assert_allclose(ours, native(knf.OnlineMfcc(theirs), rate, samples), rtol=1e-4, atol=3e-3)


@pytest.mark.parametrize("snip_edges", [True, False])
def test_fbank_agree_with_kaldi_native_fbank(snip_edges):
    samples = speech_like(0.9, 16000)
    theirs = knf.FbankOptions()
    theirs.frame_opts.samp_freq, theirs.frame_opts.dither, theirs.frame_opts.snip_edges = 16000, 0, snip_edges
    theirs.mel_opts.num_bins = 40
    options = options_from(FbankOptions, {"num_mel_bins": 40, "snip_edges": snip_edges})
    ours = extract(16000, samples, options, "a")
    np.testing.assert_allclose(ours, native(knf.OnlineFbank(theirs), 16000, samples), rtol=1e-4, atol=2e-3)


def native(computer, rate: int, samples: np.ndarray) -> np.ndarray:
    """All frames of kaldi-native-fbank, shape [T, D]."""
    computer.accept_waveform(rate, samples.tolist())
    computer.input_finished()
    return np.stack([computer.get_frame(t) for t in range(computer.num_frames_ready)])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 2000), st.integers(2, 300), st.integers(1, 120), st.booleans())
def test_frames_are_the_samples_they_should_be(count, size, shift, snip_edges):
    options = FrameOptions(sample_frequency=1000.0, frame_length=size, frame_shift=shift, snip_edges=snip_edges)
    samples = np.random.default_rng(count).normal(size=count).astype(np.float32)
    first = 0 if snip_edges else shift // 2 - size // 2
    if snip_edges:
        starts = [start for start in range(0, count, shift) if start + size <= count]
    else:
        starts = [first + shift * t for t in range((count + shift // 2) // shift)]
    expected = [[samples[reflected(start + i, count)] for i in range(size)] for start in starts]
    found = cut_frames(samples, options)
    assert len(found) == num_frames(count, options) == len(starts)
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32).reshape(-1, size))


def reflected(place: int, count: int) -> int:
    """The sample that stands at `place` when a recording is mirrored at its ends, again and again."""
    while not 0 <= place < count:
        place = -place - 1 if place < 0 else 2 * count - 1 - place
    return place


@pytest.mark.parametrize(
    ("kind", "edge", "middle"),
    [
        ("hamming", 0.08, 1),
        ("hanning", 0, 1),
        ("povey", 0, 1),
        ("rectangular", 1, 1),
        ("sine", 0, 1),
        ("blackman", 0, 1),
    ],
)
def test_windows_at_the_edge_and_in_the_middle(kind, edge, middle):
    window = window_function(FrameOptions(sample_frequency=1000.0, frame_length=101, window_type=kind))
    np.testing.assert_allclose([window[0], window[50], window[100]], [edge, middle, edge], atol=1e-12)
    np.testing.assert_allclose(window, window[::-1], atol=1e-12)


def test_mean_removal_and_preemphasis_against_float64():
    options = FrameOptions(sample_frequency=8000.0, window_type="rectangular")
    samples = speech_like(0.2, 8000)
    frames, energy = prepare_frames(samples, options)
    wanted = cut_frames(samples, options).astype(np.float64)
    wanted -= wanted.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(energy, (wanted**2).sum(axis=1), rtol=1e-5)
    wanted -= 0.97 * np.concatenate([wanted[:, :1], wanted[:, :-1]], axis=1)
    np.testing.assert_allclose(frames[:, :200], wanted, rtol=1e-4, atol=1e-2)
    assert not frames[:, 200:].any()


@pytest.mark.parametrize("size", [4, 64, 256, 512, 2048, 200, 250])
def test_power_spectrum_is_that_of_float64_but_for_kaldis_drift(size):
    frames = np.random.default_rng().normal(size=(7, size)).astype(np.float32)
    wanted = np.abs(np.fft.rfft(frames.astype(np.float64), axis=1)) ** 2
    np.testing.assert_allclose(power_spectrum(frames), wanted, rtol=1e-4, atol=1e-4 * wanted.max())


def test_dither_depends_on_the_utterance_and_the_seed_only():
    options = options_from(MfccOptions, {"sample_frequency": 8000.0, "dither": 3.0})
    silence = np.zeros(4000, dtype=np.float32)
    first = compute_mfcc(silence, options, seed=1, utterance="a")
    np.testing.assert_array_equal(first, compute_mfcc(silence, options, seed=1, utterance="a"))
    assert not np.array_equal(first, compute_mfcc(silence, options, seed=1, utterance="b"))
    assert not np.array_equal(first, compute_mfcc(silence, options, seed=2, utterance="a"))
    rectangular = FrameOptions(8000.0, dither=3.0, window_type="rectangular", preemphasis_coefficient=0.0)
    frames, _ = prepare_frames(silence, rectangular)
    assert frames[:, :200].std() == pytest.approx(3.0, rel=0.1)


def test_digital_silence_is_finite():
    feats = extract(16000, np.zeros(3000, dtype=np.float32), MfccOptions(), "a")
    assert np.isfinite(feats).all()


def test_filters_overlap_to_one_between_the_first_and_last_centre():
    options, frame = MelOptions(num_mel_bins=30, low_freq=100), FrameOptions()
    banks = mel_banks(options, frame)
    covered = banks.sum(axis=0)
    inner = slice(banks[0].argmax() + 1, banks[-1].argmax())
    np.testing.assert_allclose(covered[inner], 1.0, atol=1e-5)
    assert not banks[:, : int(100 / (16000 / 512))].any()


def test_options_go_through_their_flat_form():
    options = MfccOptions(frame=FrameOptions(frame_shift=5.0), mel=MelOptions(num_mel_bins=40), num_ceps=20)
    assert options_from(MfccOptions, options_to(options)) == options


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_ceps": 24}, "--num-ceps=24"),
        ({"num_ceps": 0}, "--num-ceps=0"),
        ({"low_freq": 9000.0}, "mel filters from 9000"),
        ({"high_freq": 9000.0}, "to 9000 Hz"),
        ({"num_mel_bins": 2, "num_ceps": 2}, "2 mel bins"),
        ({"window_type": "kaiser"}, "hamming"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        extract(16000, speech_like(0.1, 16000), options_from(MfccOptions, changes), "a")


def test_recordings_that_cannot_be_used_are_refused():
    stereo = np.zeros((1000, 2), dtype=np.float32)
    with pytest.raises(InputError, match=r"8000 Hz.*expected 16000 Hz"):
        extract(8000, stereo[:, 0], MfccOptions(), "a")
    with pytest.raises(InputError, match=r"\[a\] 399 samples.*at least 400"):
        extract(16000, stereo[:399, 0], MfccOptions(), "a")
    with pytest.raises(InputError, match=r"2 channels.*--channel"):
        choose_channel(stereo, -1, "a", "choose one by --channel")
    with pytest.raises(InputError, match="channel 2 of 2"):
        choose_channel(stereo, 2, "a", "")


@pytest.mark.parametrize("changes", [{"frame_shift": 0.0}, {"frame_shift": -10.0}, {"frame_length": 0.05}])
def test_frames_without_extent_are_refused(changes):
    with pytest.raises(InputError, match=r"--frame-length.*--frame-shift"):
        options_from(MfccOptions, changes)


@pytest.mark.parametrize(("warp", "vtln_low"), [(0.0, 100.0), (-1.0, 100.0), (1.1, 10.0), (0.01, 100.0)])
def test_warps_that_would_fold_the_axis_are_refused(warp, vtln_low):
    with pytest.raises(InputError, match="VTLN warp"):
        mel_banks(MelOptions(vtln_low=vtln_low), FrameOptions(), vtln_warp=warp)
