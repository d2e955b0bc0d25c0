"""Statistics of several jobs, added up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from houseblend.base.errors import InputError


class Statistics(Protocol):
    """What can be read from files and added up."""

    @classmethod
    def load(cls: "type[Kind]", rxfilename: str | Path) -> "Kind":
        """Read a file of statistics; InputError if it is none."""
        ...

    def merge(self: "Kind", other: "Kind") -> None:
        """Add other statistics; InputError if they are of another shape."""
        ...


Kind = TypeVar("Kind", bound=Statistics)


def load_sum(kind: type[Kind], rxfilenames: Sequence[str | Path]) -> Kind:
    """The sum of several files of statistics.

    Raises:
        InputError: naming the file that is none, or of another shape than the first.
    """
    first, *others = rxfilenames
    stats = kind.load(first)
    for name in others:
        part = kind.load(name)
        try:
            stats.merge(part)
        except InputError as failure:
            raise failure.but(file=name) from None
    return stats
