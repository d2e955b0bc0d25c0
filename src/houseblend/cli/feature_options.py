"""Options of the feature programs, made from the option classes so that they are written once."""

from collections.abc import Callable

from houseblend.cli.program import option
from houseblend.feat.options import flat_fields


def feature_options(kind: type) -> Callable:
    """Declare one option for every field of `MfccOptions` or `FbankOptions`; they arrive as keyword arguments."""

    def declare(function: Callable) -> Callable:
        for name, default, text in reversed(flat_fields(kind)):
            function = option(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)(function)
        return function

    return declare
