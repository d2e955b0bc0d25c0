"""Arguments and options of the feature programs, those of the extraction made from the option classes."""

from collections.abc import Callable

from houseblend.cli.program import argument, option, skipping
from houseblend.feat.options import flat_fields

NORMALISED = '"ark:apply-cmvn --utt2spk=ark:data/utt2spk scp:data/cmvn.scp scp:data/feats.scp ark:- |"'
WITH_DELTAS = NORMALISED.replace('ark:- |"', 'ark:- | add-deltas ark:- ark:- |"')
"""Features for examples: as the toolkit's networks and GMMs are trained on."""


def feature_options(kind: type) -> Callable:
    """Declare one option for every field of an option class (`MfccOptions`, ...) and those of `Resampling`; they arrive
    as keyword arguments."""

    def declare(function: Callable) -> Callable:
        for name, what in (("upsample", "lower"), ("downsample", "higher")):
            text = f"Resample recordings of a {what} rate than --sample-frequency"
            function = option(f"--allow-{name}", type=bool, default=False, help=text)(function)
        for name, default, text in reversed(flat_fields(kind)):
            function = option(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)(function)
        return function

    return declare


def feature_arguments(kind: type) -> Callable:
    """Declare all that a program takes which makes a table of such features from a table of recordings."""

    def declare(function: Callable) -> Callable:
        function = skipping(feature_options(kind)(function))
        function = option("--seed", type=int, default=0, help="Seed of the dither")(function)
        function = option("--subtract-mean", type=bool, default=False, help="Subtract the mean of each utterance")(
            function
        )
        if "vtln_low" in [name for name, _, _ in flat_fields(kind)]:
            function = _vtln_options(function)
        function = option("--channel", type=int, default=-1, help="Channel to take; -1: the only one")(function)
        function = argument("feats_wspecifier", help="features to write")(function)
        return argument("wav_rspecifier", help="recordings")(function)

    return declare


def _vtln_options(function: Callable) -> Callable:
    function = option("--utt2spk", default="", help="Speaker of each utterance (rspecifier)")(function)
    function = option(
        "--vtln-map", default="", help="Warp factors by utterance, or by speaker with --utt2spk (rspecifier)"
    )(function)
    return option("--vtln-warp", type=float, default=1.0, help="Warp factor for all utterances")(function)
