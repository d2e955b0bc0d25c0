"""Files of phones by number: sets, lists, maps, and the roots of trees (`phones/*.int` of a lang directory)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.io.lang_files import AGAIN
from houseblend.io.numbers import to_int
from houseblend.io.objects import MAX_DIM
from houseblend.io.streams import read_text
from houseblend.io.text import words_of

MEND = "mend the file"
_PHONES = range(1, MAX_DIM)
_SHARED, _SPLIT = {"shared": True, "not-shared": False}, {"split": True, "not-split": False}


@dataclass(frozen=True)
class Root:
    """Phones that begin as one leaf, or one for each pdf-class.

    Args:
        phones: sorted.
        shared: are pdf-classes one leaf too?
        split: may it be split?
    """

    phones: tuple[int, ...]
    shared: bool = True
    split: bool = True


def read_phone_sets(rxfilename: str | Path) -> list[list[int]]:
    """Numbers of phones, a set a line; empty lines are left out.

    Raises:
        InputError: the file is missing, or a line holds something else.
    """
    sets = []
    for number, line in _lines(rxfilename):
        try:
            sets.append(_phones(words_of(line)))
        except ValueError:
            raise _unreadable(rxfilename, number, line, "numbers of phones, above 0") from None
    return [phones for phones in sets if phones]


def read_phone_list(rxfilename: str | Path) -> list[int]:
    """Numbers of phones, as `read_phone_sets`, all in one list."""
    return [phone for phones in read_phone_sets(rxfilename) for phone in phones]


def read_phone_map(rxfilename: str | Path) -> dict[int, int]:
    """Phone -> the phone it becomes, one a line: OLD NEW.

    Raises:
        InputError: the file is missing or empty, or a line holds something else or a phone for a second time.
    """
    mapped: dict[int, int] = {}
    for number, line in _lines(rxfilename):
        try:
            old, new = _phones(words_of(line))
        except ValueError:
            old = new = 0
        if not old or old in mapped:
            raise _unreadable(rxfilename, number, line, "OLD NEW, two numbers of phones, each OLD once", MEND)
        mapped[old] = new
    if not mapped:
        raise InputError("a map of phones without lines", file=rxfilename, expected="OLD NEW", do=MEND)
    return mapped


def read_roots(rxfilename: str | Path) -> list[Root]:
    """Read roots.int: `shared|not-shared split|not-split PHONE ...`, one root a line.

    Raises:
        InputError: a line is another, a phone has two roots, or there are none.
    """
    roots: list[Root] = []
    seen: set[int] = set()
    for number, line in _lines(rxfilename):
        try:
            shared, split, *words = words_of(line)
            phones = sorted(_phones(words))
            root = Root(tuple(phones), _SHARED[shared], _SPLIT[split])
        except (ValueError, KeyError):
            phones, root = [], Root(())
        if not phones or len(set(phones)) < len(phones) or seen & set(phones):
            expected = "shared or not-shared, split or not-split, and phones that stand nowhere else"
            raise _unreadable(rxfilename, number, line, expected)
        roots.append(root)
        seen |= set(phones)
    if not roots:
        raise InputError("no roots", file=rxfilename, expected="shared split PHONE ...", do=AGAIN)
    return roots


def _lines(rxfilename: str | Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers.

    Raises:
        InputError: the last one has no end.
    """
    lines = read_text(rxfilename).split("\n")
    if lines[-1]:
        raise InputError("the last line has no end", file=rxfilename, line=len(lines), do=AGAIN)
    yield from enumerate(lines[:-1], start=1)


def _phones(words: list[str]) -> list[int]:
    return [to_int(word, _PHONES) for word in words]


def _unreadable(rxfilename: str | Path, number: int, line: str, expected: str, do: str = AGAIN) -> InputError:
    return InputError(f"cannot read {line[:60]!r}", file=rxfilename, line=number, expected=expected, do=do)
