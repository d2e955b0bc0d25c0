"""compute-plp-feats: cepstra of perceptual linear prediction of recordings."""

from typing import Any

from houseblend.cli.feature_options import feature_arguments
from houseblend.cli.program import program
from houseblend.feat.options import PlpOptions


@program(example="compute-plp-feats --config=conf/plp.conf scp:wav.scp ark,scp:plp.ark,plp.scp")
@feature_arguments(PlpOptions)
def main(**values: Any) -> None:
    """Compute perceptual linear prediction cepstra."""
    from houseblend.cli.feature_table import write_features

    write_features(PlpOptions, **values)
