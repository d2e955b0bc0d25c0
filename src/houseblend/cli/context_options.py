"""Options of the programs on trees: the window of phones, and lists of numbers."""

from collections.abc import Callable

from houseblend.cli.program import option


def context_options(function: Callable) -> Callable:
    """Declare the window of phones; it arrives as `context_width` and `central_position`."""
    function = option("--central-position", type=int, default=1, help="Position of the phone meant, from 0")(function)
    return option("--context-width", type=int, default=3, help="Phones of a window")(function)


def check_window(context_width: int, central_position: int) -> None:
    """Refuse a window that no tree has.

    Raises:
        UsageError: the position is outside of it, or it is too wide.
    """
    from houseblend.base.errors import UsageError
    from houseblend.hmm.tree import MAX_WIDTH

    if not 0 <= central_position < context_width <= MAX_WIDTH:
        raise UsageError(
            f"--context-width={context_width} --central-position={central_position}",
            expected=f"a position inside of a window of at most {MAX_WIDTH} phones", do="3 and 1 are usual, 2 and 1 too",
        )  # fmt: skip


def numbers_of(name: str, text: str) -> list[int]:
    """The numbers of an option's value, separated by colons.

    Raises:
        UsageError: it is something else.
    """
    from houseblend.base.errors import UsageError
    from houseblend.io.numbers import INT32, to_int

    try:
        return [to_int(word, INT32) for word in text.split(":") if word]
    except ValueError:
        raise UsageError(
            f"{name}={text}", expected="numbers separated by colons", do="give for instance 1:2:3"
        ) from None
