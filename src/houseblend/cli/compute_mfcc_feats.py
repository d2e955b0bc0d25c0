"""compute-mfcc-feats: mel-frequency cepstra of recordings."""

from typing import Any

from houseblend.cli.feature_options import feature_arguments
from houseblend.cli.program import program
from houseblend.feat.options import MfccOptions


@program(example="compute-mfcc-feats --config=conf/mfcc_16k.conf scp:wav.scp ark,scp:mfcc.ark,mfcc.scp")
@feature_arguments(MfccOptions)
def main(**values: Any) -> None:
    """Compute mel-frequency cepstra."""
    from houseblend.cli.feature_table import write_features

    write_features(MfccOptions, **values)
