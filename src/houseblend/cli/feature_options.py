"""Arguments and options of the feature programs, those of the extraction made from the option classes."""

from collections.abc import Callable

from houseblend.cli.program import argument, option, options_of, skipping
from houseblend.feat.options import DitherOptions, FrameOptions, MelOptions, Resampling, flat_fields, parts_of

NORMALISED = '"ark:apply-cmvn --utt2spk=ark:data/utt2spk scp:data/cmvn.scp scp:data/feats.scp ark:- |"'
WITH_DELTAS = NORMALISED.replace('ark:- |"', 'ark:- | add-deltas ark:- ark:- |"')
"""Features for examples: as the toolkit's networks and GMMs are trained on."""


def feature_options(kind: type) -> Callable:
    """Declare one option for every field of an option class (`MfccOptions`, ...), of its parts, and those of recordings;
    they arrive as keyword arguments."""
    groups = [*parts_of(kind).values(), kind, Resampling, DitherOptions]
    headings = {FrameOptions: "Frames", MelOptions: "Mel filters", kind: "Features"}

    def declare(function: Callable) -> Callable:
        for one in reversed(groups):
            function = options_of(one, headings.get(one, "Recordings"))(function)
        return function

    return declare


def feature_arguments(kind: type) -> Callable:
    """Declare all that a program takes which makes a table of such features from a table of recordings."""

    def declare(function: Callable) -> Callable:
        function = skipping(feature_options(kind)(function))
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
