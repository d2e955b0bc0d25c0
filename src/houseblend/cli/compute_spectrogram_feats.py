"""compute-spectrogram-feats: log power spectra of recordings."""

from typing import Any

from houseblend.cli.feature_options import feature_arguments
from houseblend.cli.program import program
from houseblend.feat.options import SpectrogramOptions


@program(
    example="compute-spectrogram-feats --sample-frequency=8000 scp:wav.scp ark,scp:spectrogram.ark,spectrogram.scp"
)
@feature_arguments(SpectrogramOptions)
def main(**values: Any) -> None:
    """Compute log power spectra."""
    from houseblend.cli.feature_table import write_features

    write_features(SpectrogramOptions, **values)
