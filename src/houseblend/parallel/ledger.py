"""The ledger of an experiment: one line of JSON a round, appended after all that it names is on disk."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.json_files import parse_json, require_fields
from houseblend.parallel.records import Refusal, RoundRecord, from_json, to_json

FORMAT = 2
AGAIN = "restore the file, or begin a new directory"

Entry = RoundRecord | Refusal
_KINDS: dict[str, type[Entry]] = {kind.kind: kind for kind in (RoundRecord, Refusal)}


def read_ledger(path: Path) -> tuple[list[Entry], int]:
    """The whole lines of a ledger, and how many bytes they take; a torn last line (the writer was killed) is left out.

    Raises:
        InputError: a line is broken, of another format, or out of order.
    """
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    entries: list[Entry] = []
    done = 0
    for number, raw in enumerate(data[:end].split(b"\n")[:-1], start=1):
        line = parse_json(raw, path, {"format": int}, AGAIN, number)
        if line["format"] != FORMAT:
            what, expected = f"format {line['format']}", f"format {FORMAT}"
            raise InputError(what, file=path, line=number, expected=expected, do="begin a new directory")
        require_fields(line, {"kind": str, "round": int, "attempt": int}, path, AGAIN, number)
        entry = _entry(line, path, number)
        if entry.round != done:
            raise InputError(f"round {entry.round}", file=path, line=number, expected=f"round {done}", do=AGAIN)
        done += isinstance(entry, RoundRecord)
        entries.append(entry)
    return entries, end


def finished(entries: Sequence[Entry]) -> list[RoundRecord]:
    """The rounds that gave a model, in order."""
    return [entry for entry in entries if isinstance(entry, RoundRecord)]


def _entry(line: dict[str, Any], path: Path, number: int) -> Entry:
    if line["kind"] not in _KINDS:
        raise InputError(
            f"a line of kind {line['kind']!r}", file=path, line=number, expected="round or refused", do=AGAIN
        )
    try:
        return from_json(_KINDS[line["kind"]], line)
    except ValueError as failure:
        raise InputError(f"a line that is no {line['kind']}: {failure}", file=path, line=number, do=AGAIN) from None


class Ledger:
    """`ledger.jsonl`, read whole and appended to.

    A torn last line is cut off when the ledger is opened.

    Args:
        path: the file; it may not exist yet.

    Raises:
        InputError: see `read_ledger`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries, end = read_ledger(path)
        if path.exists() and end != path.stat().st_size:
            warn(f"{path}: the last line is torn and cut off")
            with open(path, "r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())

    def append(self, entry: Entry) -> None:
        """Append one line and sync it; NaN becomes null."""
        line = {"format": FORMAT, **_finite(to_json(entry))}
        with open(self.path, "ab") as file:
            file.write(json.dumps(line, sort_keys=True, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)

    def rounds(self) -> list[RoundRecord]:
        """The finished rounds, in order."""
        return finished(self.entries)

    def refused(self, number: int) -> int:
        """How often a round was refused."""
        return sum(isinstance(entry, Refusal) and entry.round == number for entry in self.entries)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
