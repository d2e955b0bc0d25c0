"""What the pitch programs do: from a table of recordings to a table of features."""

from collections.abc import Callable

import numpy as np

from houseblend.base.errors import InputError
from houseblend.cli.program import Skips
from houseblend.feat.extract import TooShortError, choose_channel, resampled
from houseblend.feat.options import PitchOptions, Resampling
from houseblend.io.tables import read_places, write_table


def write_pitch(
    wav_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, options: PitchOptions, resampling: Resampling,
    compute: Callable[[np.ndarray, str], np.ndarray],
) -> None:  # fmt: skip
    """Compute something of every recording; recordings that cannot be used are skipped and counted.

    Args:
        wav_rspecifier: recordings.
        feats_wspecifier: features to write.
        max_skipped: how many may be skipped.
        options: of the pitch.
        resampling: what other rates are taken than the options'.
        compute: makes features, [T, D], of samples on the int16 scale at the options' rate, [num_samples], and a key.
    """
    with Skips(max_skipped) as skips, write_table(feats_wspecifier, "matrix") as write:
        for key, place, (rate, samples) in read_places(wav_rspecifier, "wav"):
            try:
                channel = choose_channel(samples, -1, key, "name one in wav.scp: sox FILE -t wav - remix 1 |")
                feats = compute(resampled(rate, channel, options.sample_frequency, key, resampling), key)
                if not len(feats):
                    raise TooShortError(f"{len(channel)} samples are too few for one frame", key=key)
            except InputError as failure:
                skips.skip(key, failure.but(file=failure.file or place))
                continue
            write(key, feats)
            skips.done(key)
