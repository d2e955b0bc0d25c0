"""What chains of components have in common, those of nnet1 and nnet2."""

from collections.abc import Sequence
from typing import Protocol

from houseblend.base.errors import InputError


class Link(Protocol):
    """A component."""

    @property
    def input_dim(self) -> int:
        """Numbers a frame that goes in."""
        ...

    @property
    def output_dim(self) -> int:
        """Numbers a frame that comes out."""
        ...


def require_chain(components: Sequence[Link], names: Sequence[str], first: int, file: object, do: str) -> None:
    """Refuse components that do not stand one behind the other.

    Args:
        components: in the order of computation.
        names: what they are called.
        first: number of the first.
        file: where they come from.
        do: what to do about two that do not fit.

    Raises:
        InputError: none, or two neighbours that do not fit together.
    """
    if not components:
        raise InputError("a network without components", file=file, expected="at least one", do="check the file")
    for number, (left, right) in enumerate(zip(components, components[1:], strict=False)):
        if left.output_dim != right.input_dim:
            raise InputError(
                f"component {first + number + 1}, {names[number + 1]}, takes {right.input_dim} numbers, "
                f"component {first + number}, {names[number]}, gives {left.output_dim}",
                file=file, expected="components that fit together", do=do,
            )  # fmt: skip
