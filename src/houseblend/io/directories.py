"""Validators of the toolkit's kinds of directory (data, lang, ali, frames, exp, graph)."""

from collections.abc import Callable
from pathlib import Path

KINDS: dict[str, Callable[[Path], None]] = {}


def validate(kind: str, path: Path) -> None:
    """Check a directory of the kind named.

    Raises:
        InputError: naming file and line, what was expected and what to do.
    """
    if kind in KINDS:
        KINDS[kind](path)
