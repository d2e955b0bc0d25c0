"""What the programs do that read features and posteriors of the same utterances."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from houseblend.cli.program import Skips
from houseblend.io.tables import open_table, read_table


def with_posteriors(
    feats: str, posteriors: str, skips: Skips, kind: str = "posterior"
) -> Iterator[tuple[str, np.ndarray, list[Any]]]:
    """Key, features [T, D] and posteriors of T frames; utterances without partner, or of other length, are skipped.

    Args:
        feats: rspecifier of features.
        posteriors: rspecifier of posteriors, read whole.
        skips: counts what is left out.
        kind: `posterior`, of transition-ids, or `gauss-posterior`.
    """
    with open_table(posteriors, kind) as table:
        for key, feats_TD in read_table(feats, "matrix"):
            if key not in table:
                skips.skip(key, "no posteriors")
            elif not 0 < len(feats_TD) == len(table[key]):
                skips.skip(key, f"{len(feats_TD)} frames, {len(table[key])} in the posteriors")
            else:
                yield key, feats_TD, table[key]
