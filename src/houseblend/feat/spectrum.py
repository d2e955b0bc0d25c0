"""Spectra, mel filterbanks and cepstra (Kaldi's feat/mel-computations, feature-mfcc, -fbank, -spectrogram)."""

import functools

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import FbankOptions, FrameOptions, MelOptions, MfccOptions, SpectrogramOptions
from houseblend.feat.split_radix import split_radix_power
from houseblend.feat.window import EPSILON, prepare_frames


def mel_corners(options: MelOptions, frame: FrameOptions, vtln_warp: float = 1.0) -> np.ndarray:
    """Where the filters begin, are highest, and end, in mel: filter i at i, i + 1, i + 2; shape [num_mel_bins + 2].

    Raises:
        InputError: the band limits do not fit the sampling rate, or there are too few filters.
    """
    nyquist = 0.5 * frame.sample_frequency
    high = options.high_freq + (nyquist if options.high_freq <= 0 else 0)
    low = options.low_freq
    if not 0 <= low < high <= nyquist:
        raise InputError(
            f"mel filters from {low:g} to {high:g} Hz", expected=f"0 <= low < high <= {nyquist:g} Hz",
            do="change --low-freq, --high-freq or --sample-frequency",
        )  # fmt: skip
    if options.num_mel_bins < 3:
        raise InputError(f"{options.num_mel_bins} mel bins", expected="at least 3")
    mel_low, mel_high = _mel(low), _mel(high)
    width = (mel_high - mel_low) / (options.num_mel_bins + 1)
    corners = mel_low + width * np.arange(options.num_mel_bins + 2)
    if vtln_warp != 1.0:
        vtln_high = options.vtln_high + (nyquist if options.vtln_high < 0 else 0)
        if vtln_warp <= 0 or not low < options.vtln_low * max(1.0, vtln_warp) < vtln_high * min(1.0, vtln_warp) < high:
            raise InputError(
                f"VTLN warp {vtln_warp:g} between {options.vtln_low:g} and {vtln_high:g} Hz",
                expected=f"cutoffs in order inside the filters' {low:g} to {high:g} Hz",
            )
        corners = _mel(_warp(hertz(corners), options.vtln_low, vtln_high, low, high, vtln_warp))
    return corners


def mel_banks(options: MelOptions, frame: FrameOptions, htk: bool = False, vtln_warp: float = 1.0) -> np.ndarray:
    """Triangular filters, shape [num_mel_bins, padded_size / 2], float32.

    mel(f) = 1127 ln(1 + f / 700); triangles are equally wide on the mel scale.

    Raises:
        InputError: the band limits do not fit the sampling rate, or filters so narrow that nothing would be in them.
    """
    corners = mel_corners(options, frame, vtln_warp)
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    mel = _mel(np.arange(frame.padded_size // 2) * frame.sample_frequency / frame.padded_size)
    rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
    inside = (mel > left) & (mel < right)
    if not inside.any(axis=1).all():
        raise InputError(
            f"--num-mel-bins={options.num_mel_bins}", do="lower it, or make --frame-length longer",
            expected=f"less: {np.count_nonzero(~inside.any(axis=1))} filters hold no point of the spectrum",
        )  # fmt: skip
    banks = np.where(inside, np.where(mel <= centre, rising, falling), 0.0)
    if htk and options.low_freq != 0:
        banks[:, 0] = 0.0
    return banks.astype(np.float32)


def dct_matrix(num_ceps: int, num_bins: int) -> np.ndarray:
    """Orthonormal DCT-II, its first rows; shape [num_ceps, num_bins], float32."""
    k, n = np.arange(num_ceps)[:, None], np.arange(num_bins)[None, :]
    matrix = np.sqrt(2.0 / num_bins) * np.cos(np.pi / num_bins * (n + 0.5) * k)
    matrix[0] = np.sqrt(1.0 / num_bins)
    return matrix.astype(np.float32)


def lifter(coefficient: float, num_ceps: int) -> np.ndarray:
    """Cepstral lifter 1 + Q/2 sin(pi i / Q), shape [num_ceps], float32."""
    return (1.0 + 0.5 * coefficient * np.sin(np.pi * np.arange(num_ceps) / coefficient)).astype(np.float32)


def compute_mfcc(
    samples_N: np.ndarray, options: MfccOptions, vtln_warp: float = 1.0, seed: int = 0, utterance: str = ""
) -> np.ndarray:
    """MFCC of a recording.

    Args:
        samples_N: samples on the int16 scale, shape [num_samples].
        options: Kaldi's options.
        vtln_warp: warp factor of the frequency axis.
        seed: run seed of the dither.
        utterance: its id, for the dither.

    Returns:
        float32, shape [T, num_ceps].

    Raises:
        InputError: more cepstra than mel bins, or bad band limits.
    """
    if not 0 < options.num_ceps <= options.mel.num_mel_bins:
        raise InputError(f"--num-ceps={options.num_ceps}", expected=f"1 to --num-mel-bins={options.mel.num_mel_bins}")
    frames, energy = prepare_frames(samples_N, options.frame, seed, utterance, options.raw_energy)
    banks = same_banks(options.mel, options.frame, options.htk_compat, vtln_warp)
    log_mel = np.log(np.maximum(power_spectrum(frames)[:, :-1] @ banks.T, EPSILON))
    feats = log_mel @ _cepstral_transform(options.num_ceps, options.mel.num_mel_bins, options.cepstral_lifter).T
    if options.use_energy:
        feats[:, 0] = log_energy(energy, options.energy_floor)
    if options.htk_compat:
        first = feats[:, :1] * np.float32(1.0 if options.use_energy else np.sqrt(2.0))
        feats = np.concatenate([feats[:, 1:], first], axis=1)
    return feats


def compute_fbank(
    samples_N: np.ndarray, options: FbankOptions, vtln_warp: float = 1.0, seed: int = 0, utterance: str = ""
) -> np.ndarray:
    """Mel filterbank of a recording; arguments as `compute_mfcc`; float32, shape [T, bins (+ 1 for energy)]."""
    frames, energy = prepare_frames(samples_N, options.frame, seed, utterance, options.raw_energy)
    spectrum = power_spectrum(frames)[:, :-1]
    if not options.use_power:
        spectrum = np.sqrt(spectrum)
    feats = spectrum @ same_banks(options.mel, options.frame, options.htk_compat, vtln_warp).T
    if options.use_log_fbank:
        feats = np.log(np.maximum(feats, EPSILON))
    if options.use_energy:
        column = log_energy(energy, options.energy_floor)[:, None]
        feats = np.concatenate([feats, column] if options.htk_compat else [column, feats], axis=1)
    return feats


def compute_spectrogram(
    samples_N: np.ndarray, options: SpectrogramOptions, seed: int = 0, utterance: str = ""
) -> np.ndarray:
    """Log power spectrum of a recording, the log energy in place of bin 0; arguments as `compute_mfcc`.

    Returns:
        float32, shape [T, padded_size / 2 + 1].
    """
    frames, energy = prepare_frames(samples_N, options.frame, seed, utterance, options.raw_energy)
    feats = np.log(np.maximum(power_spectrum(frames), EPSILON))
    feats[:, 0] = log_energy(energy, options.energy_floor)
    return feats


def power_spectrum(frames: np.ndarray) -> np.ndarray:
    """Squared magnitudes of the frames' Fourier transforms, float32, shape [T, padded_size / 2 + 1]."""
    size = frames.shape[1]
    if size & (size - 1) == 0 and size >= 4:
        return split_radix_power(frames)
    transform = np.fft.rfft(frames, axis=1).astype(np.complex64)
    return np.real(transform) ** 2 + np.imag(transform) ** 2


same_banks = functools.lru_cache(maxsize=64)(mel_banks)
"""`mel_banks`, made once for the same arguments."""


@functools.lru_cache(maxsize=8)
def _cepstral_transform(num_ceps: int, num_bins: int, lifter_coefficient: float) -> np.ndarray:
    transform = dct_matrix(num_ceps, num_bins)
    return transform * lifter(lifter_coefficient, num_ceps)[:, None] if lifter_coefficient else transform


def log_energy(energy: np.ndarray, floor: float) -> np.ndarray:
    """Logarithms of energies [T], not below that of a floor above 0."""
    logarithms = np.log(energy)
    return np.maximum(logarithms, np.float32(np.log(floor))) if floor > 0 else logarithms


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)


def hertz(mel: np.ndarray) -> np.ndarray:
    """Frequencies of mel values, both of any shape: the inverse of mel(f) in `mel_banks`."""
    return 700.0 * (np.exp(mel / 1127.0) - 1.0)


def _warp(freq: np.ndarray, vtln_low: float, vtln_high: float, low: float, high: float, warp: float) -> np.ndarray:
    """Kaldi's piecewise linear warping: slope 1 / warp between the two cutoffs, the band's ends fixed."""
    lower, upper, scale = vtln_low * max(1.0, warp), vtln_high * min(1.0, warp), 1.0 / warp
    left = low + (scale * lower - low) / (lower - low) * (freq - low)
    right = high + (high - scale * upper) / (high - upper) * (freq - high)
    warped = np.where(freq < lower, left, np.where(freq < upper, scale * freq, right))
    return np.where((freq < low) | (freq > high), freq, warped)
