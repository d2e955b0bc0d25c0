"""compute-fbank-feats: mel filterbank features of recordings."""

from typing import Any

from houseblend.cli.feature_options import feature_arguments
from houseblend.cli.program import program
from houseblend.feat.options import FbankOptions


@program(example="compute-fbank-feats --config=conf/fbank.conf scp:wav.scp ark,scp:fbank.ark,fbank.scp")
@feature_arguments(FbankOptions)
def main(**values: Any) -> None:
    """Compute mel filterbank features."""
    from houseblend.cli.feature_table import write_features

    write_features(FbankOptions, **values)
