"""What the feature programs do: from a table of recordings to a table of features."""

from typing import Any

from houseblend.base.errors import InputError
from houseblend.base.options import chosen
from houseblend.cli.program import Skips
from houseblend.feat.extract import check_options, choose_channel, extract
from houseblend.feat.options import FeatureOptions, Resampling, options_from
from houseblend.io.owners import by_owner
from houseblend.io.tables import read_places, write_table


def write_features(
    kind: type[FeatureOptions], wav_rspecifier: str, feats_wspecifier: str, max_skipped: int | None, **values: Any
) -> None:
    """Compute the features of every recording; recordings that cannot be used are skipped and counted.

    Args:
        kind: `MfccOptions`, `FbankOptions`, `PlpOptions` or `SpectrogramOptions`.
        wav_rspecifier: recordings.
        feats_wspecifier: features to write.
        max_skipped: how many may be skipped.
        values: all other options by name (see `feature_arguments`).
    """
    options = options_from(kind, values)
    check_options(options)
    resampling = chosen(Resampling, values)
    warp = values.get("vtln_warp", 1.0)
    warp_of = by_owner(values["vtln_map"], "float", values["utt2spk"]) if values.get("vtln_map") else lambda key: warp
    with Skips(max_skipped) as skips, write_table(feats_wspecifier, "matrix") as write:
        for key, place, (rate, samples) in read_places(wav_rspecifier, "wav"):
            try:
                channel = choose_channel(samples, values["channel"], key, "choose one by --channel=0 and so on")
                feats = extract(rate, channel, options, key, warp_of(key), values["seed"], resampling)
            except InputError as failure:
                skips.skip(key, failure.but(file=failure.file or place))
                continue
            write(key, feats - feats.mean(axis=0) if values["subtract_mean"] else feats)
            skips.done(key)
