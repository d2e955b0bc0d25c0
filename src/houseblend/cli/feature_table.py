"""What compute-mfcc-feats and compute-fbank-feats share: from a table of recordings to a table of features."""

from collections.abc import Callable
from typing import Any

from houseblend.base.errors import InputError
from houseblend.cli.program import Skips
from houseblend.feat.extract import choose_channel, extract
from houseblend.feat.options import FbankOptions, MfccOptions, options_from
from houseblend.io.tables import read_table, write_table


def write_features(
    kind: type[MfccOptions] | type[FbankOptions],
    source: str,
    target: str,
    max_skipped: int | None,
    values: dict[str, Any],
) -> None:
    """Compute the features of every recording of `source`; recordings that cannot be used are skipped and counted.

    Args:
        kind: `MfccOptions` or `FbankOptions`.
        source: rspecifier of recordings.
        target: wspecifier of features.
        max_skipped: how many may be skipped.
        values: all options by name.
    """
    options = options_from(kind, values)
    warp_of = _warp_factors(values["vtln_map"], values["utt2spk"], values["vtln_warp"])
    with Skips(max_skipped) as skips, write_table(target, "matrix") as write:
        for key, (rate, samples) in read_table(source, "wav"):
            try:
                channel = choose_channel(samples, values["channel"], key)
                feats = extract(rate, channel, options, key, warp_of(key), values["seed"])
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, feats - feats.mean(axis=0) if values["subtract_mean"] else feats)
            skips.done(key)


def _warp_factors(vtln_map: str, utt2spk: str, default: float) -> Callable[[str], float]:
    if not vtln_map:
        return lambda key: default
    factors = dict(read_table(vtln_map, "float"))
    speakers = dict(read_table(utt2spk, "token")) if utt2spk else {}

    def factor(key: str) -> float:
        speaker = speakers.get(key, key)
        if speaker not in factors:
            raise InputError("no warp factor", file=vtln_map, key=speaker)
        return factors[speaker]

    return factor
