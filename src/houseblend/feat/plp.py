"""Perceptual linear prediction (Hermansky 1990, "Perceptual linear predictive (PLP) analysis of speech"; Kaldi's feature-plp)."""

import functools

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import FrameOptions, MelOptions, PlpOptions
from houseblend.feat.spectrum import hertz, lifter, log_energy, mel_corners, power_spectrum, same_banks
from houseblend.feat.window import prepare_frames

TINY = np.finfo(np.float32).tiny
"""Floor of loudness, that digital silence has cepstra, and of C0."""
LEAST_ERROR = 1e-5
"""Share of the error that a step of the prediction leaves at least: constant signals have finite cepstra."""


def compute_plp(
    samples_N: np.ndarray, options: PlpOptions, vtln_warp: float = 1.0, seed: int = 0, utterance: str = ""
) -> np.ndarray:
    """PLP cepstra of a recording.

    Args:
        samples_N: samples on the int16 scale, shape [num_samples].
        options: Kaldi's options.
        vtln_warp: warp factor of the frequency axis.
        seed: run seed of the dither.
        utterance: its id, for the dither.

    Returns:
        float32, shape [T, num_ceps].

    Raises:
        InputError: more cepstra than the linear prediction gives, or bad band limits.
    """
    if options.lpc_order < 1 or not 0 < options.num_ceps <= options.lpc_order + 1:
        expected = f"1 to --lpc-order={options.lpc_order} and one more"
        raise InputError(f"--num-ceps={options.num_ceps}", expected=expected)
    frames, energy = prepare_frames(samples_N, options.frame, seed, utterance, options.raw_energy)
    banks = same_banks(options.mel, options.frame, False, vtln_warp)
    power = power_spectrum(frames)[:, :-1] @ banks.T * _equal_loudness(options.mel, options.frame, vtln_warp)
    loudness = np.maximum(power.astype(np.float64) ** options.compress_factor, TINY)
    prediction, error = linear_prediction(loudness @ _autocorrelation_of(options.mel.num_mel_bins, options.lpc_order))
    cepstra = prediction_cepstra(prediction)[:, : options.num_ceps - 1]
    feats = np.concatenate([np.maximum(np.log(error), TINY)[:, None], cepstra], axis=1)
    if options.cepstral_lifter:
        feats *= lifter(options.cepstral_lifter, options.num_ceps)
    feats *= options.cepstral_scale
    if options.use_energy:
        feats[:, 0] = log_energy(energy, options.energy_floor)
    return (np.roll(feats, -1, axis=1) if options.htk_compat else feats).astype(np.float32)


def linear_prediction(autocorrelation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Durbin's recursion: 1 / (1 + sum_i a_i z^-i) with an autocorrelation.

    Args:
        autocorrelation: r_0 to r_P of every frame, shape [T, P + 1].

    Returns:
        a_1 to a_P, [T, P], and the energy of what is not predicted, [T].
    """
    r, order = autocorrelation, autocorrelation.shape[1] - 1
    a, error = np.zeros((len(r), order)), r[:, 0].copy()
    for i in range(order):
        reflection = -(r[:, i + 1] + (a[:, :i] * r[:, i:0:-1]).sum(axis=1)) / error
        error *= np.maximum(1.0 - reflection**2, LEAST_ERROR)
        a[:, :i] += reflection[:, None] * a[:, :i][:, ::-1]
        a[:, i] = reflection
    return a, error


def prediction_cepstra(a: np.ndarray) -> np.ndarray:
    """c_1 to c_P, [T, P], of the filter 1 / (1 + sum_i a_i z^-i), a [T, P]: c_n = -a_n - sum_(k < n) k c_k a_(n - k) / n."""
    cepstra = np.zeros_like(a)
    for n in range(1, a.shape[1] + 1):
        before = np.arange(1, n)
        cepstra[:, n - 1] = -a[:, n - 1] - (before * cepstra[:, : n - 1] * a[:, n - 1 - before]).sum(axis=1) / n
    return cepstra


@functools.lru_cache(maxsize=64)
def _equal_loudness(mel: MelOptions, frame: FrameOptions, vtln_warp: float) -> np.ndarray:
    """How loud the ear finds the middle of every filter: f^4 (f^2 + 1.44e6) / ((f^2 + 1.6e5)^2 (f^2 + 9.61e6)), [bins]."""
    f2 = hertz(mel_corners(mel, frame, vtln_warp)[1:-1]) ** 2
    return ((f2 / (f2 + 1.6e5)) ** 2 * (f2 + 1.44e6) / (f2 + 9.61e6)).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _autocorrelation_of(num_bins: int, order: int) -> np.ndarray:
    """From loudness by filter to autocorrelation, [num_bins, order + 1]: the inverse cosine transform of a spectrum whose
    first and last values stand twice, at 0 and at half the sampling rate."""
    last = num_bins + 1
    basis = np.cos(np.pi / last * np.outer(np.arange(last + 1), np.arange(order + 1))) / last
    basis[[0, -1]] /= 2
    basis[1] += basis[0]
    basis[-2] += basis[-1]
    return basis[1:-1]
