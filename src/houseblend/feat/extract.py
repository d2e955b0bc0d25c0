"""Features of recordings: the channel, the rate, and the kind."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import DitherOptions, FbankOptions, FeatureOptions, MfccOptions, PlpOptions, Resampling


class TooShortError(InputError):
    """A recording, or a segment of one, has less samples than one frame needs."""


def resampled(rate: float, samples_N: np.ndarray, wanted: float, key: str, options: Resampling) -> np.ndarray:
    """Samples of a rate in Hz at the rate wanted, shape [num_samples].

    Raises:
        InputError: the rate is another, and may not be.
    """
    if rate == wanted:
        return samples_N
    name, allowed = ("down", options.allow_downsample) if rate > wanted else ("up", options.allow_upsample)
    if not allowed:
        raise InputError(
            f"sampling rate {rate:g} Hz", key=key, expected=f"{wanted:g} Hz",
            do=f"resample it by --allow-{name}sample, or give --sample-frequency={rate:g} if all have this rate",
        )  # fmt: skip
    import soxr

    return soxr.resample(samples_N, rate, wanted)


def check_options(options: FeatureOptions) -> None:
    """Refuse options by which no recording has features.

    Raises:
        InputError: naming them.
    """
    extract(options.frame.sample_frequency, np.zeros(options.frame.size, dtype=np.float32), options, "")


def choose_channel(samples_NC: np.ndarray, channel: int, key: str, how: str) -> np.ndarray:
    """One channel of a recording, shape [samples]; -1 takes the only one.

    Raises:
        InputError: there is no such channel, or several to choose from; `how` says where to choose one.
    """
    channels = samples_NC.shape[1]
    if channel == -1 and channels > 1:
        raise InputError(f"the recording has {channels} channels", key=key, expected="one, or a choice", do=how)
    if channel >= channels:
        raise InputError(f"channel {channel} of {channels}", key=key, expected=f"0 to {channels - 1}", do=how)
    return samples_NC[:, max(channel, 0)]


def extract(
    rate: float, samples_N: np.ndarray, options: FeatureOptions, key: str,
    vtln_warp: float = 1.0, seed: int = DitherOptions.seed, resampling: Resampling | None = None,
) -> np.ndarray:  # fmt: skip
    """Features of one utterance, float32, shape [T, D].

    Args:
        rate: of the samples in Hz.
        samples_N: on the int16 scale, shape [num_samples].
        options: of MFCC, filterbank, PLP or spectrogram.
        key: the utterance, for errors and dither.
        vtln_warp: warp factor of the frequency axis; a spectrogram is never warped.
        seed: run seed of the dither.
        resampling: what other rates are taken than the options'; none if not given.

    Raises:
        InputError: a rate that is not taken.
        TooShortError: less than one window of samples.
    """
    from houseblend.feat import plp, spectrum  # compiled code takes time to load, and not all that is here needs it

    samples_N = resampled(rate, samples_N, options.frame.sample_frequency, key, resampling or Resampling())
    if isinstance(options, MfccOptions):
        feats = spectrum.compute_mfcc(samples_N, options, vtln_warp, seed, key)
    elif isinstance(options, FbankOptions):
        feats = spectrum.compute_fbank(samples_N, options, vtln_warp, seed, key)
    elif isinstance(options, PlpOptions):
        feats = plp.compute_plp(samples_N, options, vtln_warp, seed, key)
    else:
        feats = spectrum.compute_spectrogram(samples_N, options, seed, key)
    if len(feats) == 0:
        raise TooShortError(
            f"{len(samples_N)} samples are too few for one frame", key=key, expected=f"at least {options.frame.size}"
        )
    return feats
