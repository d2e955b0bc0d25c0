"""nnet3-latgen-faster: decode features with an nnet3 acoustic model to lattices."""

from houseblend.cli.feature_options import NORMALISED
from houseblend.cli.latgen import latgen_options
from houseblend.cli.program import program


@program(
    example=f"nnet3-latgen-faster --acoustic-scale=0.1 final.mdl HCLG.fst {NORMALISED} ark:lat.ark ark,t:words.txt"
)
@latgen_options
def main(words: tuple[str, ...], **options: object) -> None:
    """Decode features as they are (no CMVN, no deltas) to determinised lattices."""
    from houseblend.cli.latgen import run_latgen

    run_latgen(words, "nnet3", options)
