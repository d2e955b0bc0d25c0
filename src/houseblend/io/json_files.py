"""JSON objects that the toolkit has written: they are whole and have the fields that they must have, or are refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError

Fields = Mapping[str, type]
"""Names that must be there, and the type of each; a whole number will do for float."""


def read_json(path: Path, fields: Fields, do: str) -> dict[str, Any]:
    """The object in a file.

    Args:
        path: the file.
        fields: what it must have.
        do: what errors advise.

    Raises:
        InputError: the file is missing, or holds something else.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError("no such file", file=path, do=do) from None
    return parse_json(data, path, fields, do)


def parse_json(data: bytes, file: Path, fields: Fields, do: str, line: int | None = None) -> dict[str, Any]:
    """The object in some bytes; as `read_json`. `line` is where in the file they stand, if they are not all of it."""
    try:
        value = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as failure:
        raise InputError(f"no JSON: {failure}", file=file, line=line, do=do) from None
    if not isinstance(value, dict):
        raise InputError("no JSON object", file=file, line=line, expected="{...}", do=do)
    require_fields(value, fields, file, do, line)
    return value


def require_fields(value: Mapping[str, Any], fields: Fields, file: Path, do: str, line: int | None = None) -> None:
    """Refuse an object without these fields, or with others under their names; as `parse_json`."""
    for name, kind in fields.items():
        found = value.get(name)
        if isinstance(found, bool) or not isinstance(found, (int, float) if kind is float else kind):
            what = f"found {str(found)[:60]!r}" if name in value else "the field is missing"
            raise InputError(what, file=file, line=line, key=name, expected=_NAMES[kind], do=do)


_NAMES = {dict: "an object", list: "a list", str: "a string", int: "a whole number", float: "a number"}


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
