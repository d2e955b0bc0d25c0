"""PLP: its steps against linear algebra and Fourier transforms in float64; Kaldi's features are among the golden rows."""

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.feat.options import FrameOptions, MelOptions, PlpOptions, options_from, options_to
from houseblend.feat.plp import _autocorrelation_of, _equal_loudness, compute_plp, linear_prediction, prediction_cepstra
from houseblend.feat.spectrum import mel_corners


def loudness(frames: int = 5, bins: int = 15) -> np.ndarray:
    return np.random.default_rng().uniform(0.5, 4.0, size=(frames, bins))


def noise(samples: int = 8000) -> np.ndarray:
    return np.random.default_rng().normal(0, 500, size=samples).astype(np.float32)


def test_autocorrelation_is_the_inverse_transform_of_the_spectrum():
    spectrum = loudness()
    whole = np.concatenate([spectrum[:, :1], spectrum, spectrum[:, -1:]], axis=1)
    np.testing.assert_allclose(spectrum @ _autocorrelation_of(15, 12), np.fft.irfft(whole, axis=1)[:, :13], atol=1e-12)


def test_prediction_solves_the_normal_equations():
    r = loudness() @ _autocorrelation_of(15, 8)
    a, error = linear_prediction(r)
    for one, prediction, left in zip(r, a, error, strict=True):
        toeplitz = one[np.abs(np.subtract.outer(np.arange(8), np.arange(8)))]
        np.testing.assert_allclose(prediction, -np.linalg.solve(toeplitz, one[1:]), rtol=1e-8, atol=1e-10)
        assert left == pytest.approx(one[0] + prediction @ one[1:])


def test_cepstra_are_those_of_the_prediction_filter():
    a, _ = linear_prediction(loudness() @ _autocorrelation_of(15, 8))
    response = np.fft.rfft(np.concatenate([np.ones((5, 1)), a], axis=1), 1 << 14, axis=1)
    wanted = np.fft.irfft(
        -2 * np.log(np.abs(response)), axis=1
    )  # twice the real cepstrum: the filter has minimal phase
    np.testing.assert_allclose(prediction_cepstra(a), wanted[:, 1:9], atol=1e-9)


@pytest.mark.parametrize("warp", [1.0, 0.9])
def test_equal_loudness_is_of_the_filters_centres(warp):
    mel, frame = MelOptions(), FrameOptions(sample_frequency=8000.0)
    f = 700.0 * (np.exp(mel_corners(mel, frame, warp)[1:-1] / 1127.0) - 1)
    wanted = f**4 * (f**2 + 1.44e6) / ((f**2 + 1.6e5) ** 2 * (f**2 + 9.61e6))
    np.testing.assert_allclose(_equal_loudness(mel, frame, warp), wanted, rtol=1e-5)


def test_options_move_scale_and_replace_columns():
    samples, plain = noise(), {"use_energy": False, "cepstral_lifter": 0.0}
    first = compute_plp(samples, options_from(PlpOptions, plain))
    assert first.shape == (48, 13)
    last = compute_plp(samples, options_from(PlpOptions, {**plain, "htk_compat": True}))
    np.testing.assert_array_equal(last, np.roll(first, -1, axis=1))
    scaled = compute_plp(samples, options_from(PlpOptions, {**plain, "cepstral_scale": 10.0, "num_ceps": 5}))
    np.testing.assert_allclose(scaled, 10 * first[:, :5], rtol=1e-6)
    energy = compute_plp(samples, options_from(PlpOptions, {"energy_floor": 1e30, "cepstral_lifter": 0.0}))
    np.testing.assert_allclose(energy[:, 0], np.log(1e30), rtol=1e-6)
    np.testing.assert_array_equal(energy[:, 1:], first[:, 1:])
    options = options_from(PlpOptions, plain)
    assert options_from(PlpOptions, options_to(options)) == options


@pytest.mark.parametrize("samples", [np.zeros(8000, np.float32), np.full(8000, 7.0, np.float32)])
def test_silence_has_finite_cepstra(samples):
    feats = compute_plp(samples, options_from(PlpOptions, {"use_energy": False}))
    assert np.isfinite(feats).all()


@pytest.mark.parametrize(("num_ceps", "lpc_order"), [(14, 12), (0, 12), (1, 0)])
def test_more_cepstra_than_there_are_are_refused(num_ceps, lpc_order):
    with pytest.raises(InputError, match=f"--num-ceps={num_ceps}; expected 1 to --lpc-order={lpc_order}"):
        compute_plp(noise(), PlpOptions(num_ceps=num_ceps, lpc_order=lpc_order))
