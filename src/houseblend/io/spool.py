"""Byte strings by number in one file: written one behind the other, read in any order, never in memory as a whole."""

import contextlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import InputError

_NUMBER = np.dtype("<i8")


@contextlib.contextmanager
def write_spool(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Open a spool for writing; yields a function that writes the next string. The file appears at the end.

    Behind the strings lie the place where each of them ends, and their number, int64, little-endian.
    """
    ends, end = array("q"), 0
    with atomic_open(path) as file:

        def write(item: bytes) -> None:
            nonlocal end
            file.write(item)
            end += len(item)
            ends.append(end)

        yield write
        file.write(np.array([*ends, len(ends)], _NUMBER).tobytes())


class Spool:
    """The strings of a file that `write_spool` has written.

    Args:
        path: the file; it is read where a string is asked for.

    Attributes: `sizes`, bytes of every string, shape [N].

    Raises:
        InputError: it is another file, or cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path, size = path, path.stat().st_size
        self._data = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
        count = int(self._numbers(size - _NUMBER.itemsize, size)[0]) if size >= _NUMBER.itemsize else -1
        begin = size - _NUMBER.itemsize * (count + 1)
        if count < 0 or begin < 0:
            raise self._broken(path)
        self._ends = np.append(0, self._numbers(begin, size - _NUMBER.itemsize))
        self.sizes = np.diff(self._ends)
        if self._ends[-1] != begin or (self.sizes < 0).any():
            raise self._broken(path)

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return Spool, (self._path,)  # another process reads the file

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, number: int) -> bytes:
        """The string of a number from 0."""
        return self._data[self._ends[number] : self._ends[number + 1]].tobytes()

    def _numbers(self, begin: int, end: int) -> np.ndarray:
        return np.frombuffer(self._data[begin:end].tobytes(), _NUMBER)

    def _broken(self, path: Path) -> InputError:
        return InputError("the file is broken", file=path, do="remove its directory, and run the step again")
