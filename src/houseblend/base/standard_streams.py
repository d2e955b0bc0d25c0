"""Standard streams that were closed before a program began, as cron and job servers do."""

import io
import os
import sys
from typing import NoReturn

from houseblend.base.errors import InputError


class ClosedStream(io.BufferedIOBase):
    """Stands for a closed stream: what needs it fails with a sentence.

    Args:
        name: the stream's name in the error.
        redirection: what gives the program that stream, in a shell.
    """

    def __init__(self, name: str, redirection: str) -> None:
        self.name, self._redirection = name, redirection

    def _refuse(self) -> NoReturn:
        raise InputError(f"{self.name} is closed, and the program needs it", do=f"give it one ({self._redirection})")

    def readable(self) -> bool:
        """It is asked for its bytes, and refuses then."""
        return True

    def writable(self) -> bool:
        """It is given bytes, and refuses then."""
        return True

    def read(self, size: int | None = -1, /) -> NoReturn:
        """Refuse."""
        self._refuse()

    def read1(self, size: int = -1, /) -> NoReturn:
        """Refuse."""
        self._refuse()

    def write(self, data: object, /) -> NoReturn:
        """Refuse."""
        self._refuse()


def replace_closed_streams() -> None:
    """Put something in the place of standard streams that are closed.

    Otherwise the next file that is opened takes the number of a closed stream, and a command that this program starts
    writes its messages into it. What is not needed is not missed; messages for a closed standard error are lost.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(ClosedStream("standard input", "< FILE"))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(ClosedStream("standard output", "> FILE"), write_through=True)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)
