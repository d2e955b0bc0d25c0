"""Features of recordings: the channel, the rate, and the kind."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.options import FbankOptions, FeatureOptions, MfccOptions
from houseblend.feat.spectrum import compute_fbank, compute_mfcc, compute_spectrogram


def choose_channel(samples_NC: np.ndarray, channel: int, key: str) -> np.ndarray:
    """One channel of a recording, shape [samples]; -1 takes the only one.

    Raises:
        InputError: there is no such channel, or several to choose from.
    """
    channels = samples_NC.shape[1]
    if channel == -1 and channels > 1:
        raise InputError(f"the recording has {channels} channels", key=key, do="choose one by --channel=0 and so on")
    if channel >= channels:
        raise InputError(f"channel {channel} of {channels}", key=key, expected=f"0 to {channels - 1}")
    return samples_NC[:, max(channel, 0)]


def extract(
    rate: float, samples_N: np.ndarray, options: FeatureOptions, key: str,
    vtln_warp: float = 1.0, seed: int = 0,
) -> np.ndarray:  # fmt: skip
    """Features of one utterance, float32, shape [T, D].

    Args:
        rate: of the samples in Hz.
        samples_N: on the int16 scale, shape [num_samples].
        options: of MFCC, filterbank or spectrogram.
        key: the utterance, for errors and dither.
        vtln_warp: warp factor of the frequency axis; a spectrogram is never warped.
        seed: run seed of the dither.

    Raises:
        InputError: another sampling rate than the options', or less than one window of samples.
    """
    if rate != options.frame.sample_frequency:
        raise InputError(
            f"sampling rate {rate:g} Hz", key=key, expected=f"{options.frame.sample_frequency:g} Hz",
            do="give --sample-frequency or convert the recording",
        )  # fmt: skip
    if isinstance(options, MfccOptions):
        feats = compute_mfcc(samples_N, options, vtln_warp, seed, key)
    elif isinstance(options, FbankOptions):
        feats = compute_fbank(samples_N, options, vtln_warp, seed, key)
    else:
        feats = compute_spectrogram(samples_N, options, seed, key)
    if len(feats) == 0:
        raise InputError(
            f"{len(samples_N)} samples are too few for one frame", key=key, expected=f"at least {options.frame.size}"
        )
    return feats
